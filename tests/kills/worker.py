# SPDX-License-Identifier: Apache-2.0
"""A worker without a scheduler: executes the operator for one run, and tells which part of it begins."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.kills.jobs import PHASES, Job

from twitch_provider.aws.store import S3Store
from twitch_provider.hooks.twitch_async import TwitchAsyncHook
from twitch_provider.lake import all_streams, previous, publish
from twitch_provider.operators.twitch import TwitchAllStreamsOperator
from twitch_provider.pipelines import run

#: What a run imports when it needs it: here, all of that is over before it begins.
LOADED = (all_streams, previous, publish)

_DESCRIPTORS = (1, 2)


def work(job: Job, tell: Connection, log: Path) -> None:
    """Execute one try of one run.

    :param job: what to do
    :param tell: is sent ``(phase, when)`` as each begins, and at the end ``("reference" or "error", what)``
    :param log: takes what the worker writes
    """
    with log.open("ab") as output:
        for descriptor in _DESCRIPTORS:
            os.dup2(output.fileno(), descriptor)
    if job.late:
        run.TOO_LATE = timedelta.min
    _Teller(tell).listen()
    operator: Any = TwitchAllStreamsOperator(task_id="crawl", **job.arguments)
    dag_run = SimpleNamespace(
        dag_id="killed",
        run_id=f"run-{job.tick:%d%H%M}",
        run_after=job.tick,
        run_type="scheduled",
        clear_number=int(job.late),
        start_date=None,
    )
    tell.send(("beginning", time.monotonic()))
    try:
        reference = operator.execute(
            {"dag_run": dag_run, "ti": SimpleNamespace(task_id="crawl", map_index=-1)}
        )
    except Exception as error:
        word: tuple[str, Any] = "error", f"{type(error).__name__}: {error}"
    else:
        word = "reference", reference
    tell.send((PHASES[-1], time.monotonic()))
    tell.send(word)


class _Teller:
    """Tells of a phase when the first call that belongs to it begins."""

    def __init__(self, tell: Connection) -> None:
        self._tell = tell
        self._phase = "beginning"

    def listen(self) -> None:
        def writing(key: str) -> str:
            return next((name for name in ("raw", "manifest") if f"/{name}" in key), "table")

        for name in ("create", "put", "replace"):
            self._wrap(S3Store, name, lambda _, key, *__: writing(key))
        self._wrap(S3Store, "folders", lambda *_: "looking back" if self._phase == "table" else self._phase)
        self._wrap(TwitchAsyncHook, "crawl", lambda *_: "crawling")
        self._wrap(all_streams, "transform", lambda *_: "cleaning")

    def _wrap(self, owner: Any, name: str, phase: Callable[..., str]) -> None:
        function = getattr(owner, name)

        @wraps(function)
        def told(*arguments: Any, **named: Any) -> Any:
            self._begin(phase(*arguments))
            answer = function(*arguments, **named)
            self._begin({"raw": "making way", "manifest": "ending"}.get(self._phase, self._phase))
            return answer

        setattr(owner, name, told)

    def _begin(self, phase: str) -> None:
        if phase != self._phase:
            self._phase = phase
            self._tell.send((phase, time.monotonic()))
