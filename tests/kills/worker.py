# SPDX-License-Identifier: Apache-2.0
"""A worker without a scheduler: executes the operator for one run, and tells which part of it begins."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.kills.jobs import Job

from twitch_provider.aws.store import S3Store
from twitch_provider.hooks.twitch_async import TwitchAsyncHook
from twitch_provider.lake import all_streams, previous, publish
from twitch_provider.operators.twitch import TwitchAllStreamsOperator
from twitch_provider.pipelines import run

#: What a run imports when it needs it: here, all of that is over before it begins.
LOADED = (all_streams, previous, publish)

_DESCRIPTORS = (1, 2)


def work(job: Job, tell: Connection, *, temporary: Path, log: Path) -> None:
    """Execute one try of one run.

    :param job: what to do
    :param tell: is sent ``(phase, when)`` as each begins, and at the end ``("reference" or "error", what)``
    :param temporary: the folder for temporary files
    :param log: takes what the worker writes
    """
    with log.open("ab") as output:
        for descriptor in _DESCRIPTORS:
            os.dup2(output.fileno(), descriptor)
    os.environ["TMPDIR"] = str(temporary)
    tempfile.tempdir = None
    if job.late:
        run.TOO_LATE = timedelta.min
    _Teller(tell).listen(job)
    operator: Any = TwitchAllStreamsOperator(task_id="crawl", **job.arguments)
    dag_run = SimpleNamespace(dag_id="killed", run_id=f"run-{job.tick:%H%M}", run_after=job.tick)
    tell.send(("beginning", time.monotonic()))
    try:
        reference = operator.execute({"dag_run": dag_run})
    except Exception as error:
        tell.send(("error", f"{type(error).__name__}: {error}"))
    else:
        tell.send(("reference", reference))


class _Teller:
    """Tells of a phase when the first call that belongs to it begins."""

    def __init__(self, tell: Connection) -> None:
        self._tell = tell
        self._phase = "beginning"

    def listen(self, job: Job) -> None:
        own = f"{job.tick:%Y%m%dT%H%M%SZ}.json"

        def phase(operation: str, key: str) -> str:
            match operation:
                case "put":
                    return next((name for name in ("raw", "manifest") if f"/{name}" in key), "table")
                case "folders":
                    return "looking back"
                case "get" if key.endswith(own):
                    return "sweeping" if self._phase in {"cleaning", "sweeping"} else "withdrawing"
                case "delete":
                    return "withdrawing" if self._phase == "withdrawing" else "sweeping"
                case "list" if self._phase == "looking back":
                    return "looking back"
                case "list" if self._phase in {"withdrawing", "cleaning", "sweeping"}:
                    return "sweeping"
                case _:
                    return "beginning"

        for name in ("get", "list", "folders", "delete", "put"):
            self._wrap(S3Store, name, phase)
        self._wrap_crawl()

    def _wrap_crawl(self) -> None:
        crawl = TwitchAsyncHook.crawl

        @wraps(crawl)
        async def told(*arguments: Any, **named: Any) -> Any:
            self._begin("crawling")
            report = await crawl(*arguments, **named)
            self._begin("withdrawing")
            return report

        setattr(TwitchAsyncHook, "crawl", told)  # noqa: B010 - mypy lets nobody assign to a method

    def _wrap(self, owner: type[Any], name: str, phase: Callable[[str, str], str]) -> None:
        method = getattr(owner, name)

        @wraps(method)
        def told(itself: Any, key: Any, *arguments: Any, **named: Any) -> Any:
            self._begin(phase(name, str(key)))
            answer = method(itself, key, *arguments, **named)
            if name == "put":
                self._begin({"raw": "cleaning", "manifest": "ending"}.get(self._phase, self._phase))
            return answer

        setattr(owner, name, told)

    def _begin(self, phase: str) -> None:
        if phase != self._phase:
            self._phase = phase
            self._tell.send((phase, time.monotonic()))
