# SPDX-License-Identifier: Apache-2.0
"""Where the package meets the simulation: what stands in for sockets, clocks and threads."""

from __future__ import annotations

import functools
import gc
import json
import logging
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from botocore.httpsession import URLLib3Session
from tests.soak.kernel import Kernel, run_on_loop, sleep, worker
from tests.soak.s3 import BUCKET
from tests.soak.twitch import exchange_by_aiohttp, planted, send_by_requests

if TYPE_CHECKING:
    from tests.soak.day import Outcome


SECRET_KEY = f"{planted('key')}/+{planted('of AWS')}"[:40]
TIMEOUT = 30.0


@contextmanager
def patched(outcome: Outcome) -> Iterator[None]:
    from twitch_provider.aws.hook import LakeHook
    from twitch_provider.hooks import sessions, tokens, twitch_async
    from twitch_provider.hooks.transport_async import AiohttpTransport
    from twitch_provider.hooks.twitch import TwitchAsyncHook, TwitchHook
    from twitch_provider.metrics import detectors
    from twitch_provider.metrics.overview import published
    from twitch_provider.pipelines import all_streams

    kernel, simulator = outcome.kernel, outcome.simulator
    random.seed(outcome.seed)
    aws = {
        "conn_type": "aws",
        "login": "AKIA" + 4 * "SOAK",
        "password": SECRET_KEY,
        "extra": {"region_name": "us-east-1"},
    }
    twitch = {"conn_type": "twitch", "login": simulator.client_id, "password": simulator.client_secret}

    async def in_thread(function: Callable[[], Any]) -> Any:
        return function()

    async def enter(self: Any) -> Any:
        self._session = object()
        return self

    async def leave(self: Any, *_: object) -> None:
        self._session = None

    share = sessions._shared.__wrapped__

    def shared(application: Any) -> Any:
        memory = here.memory if (here := worker()) is not None else {}
        if application not in memory:
            memory[application] = share(application)
        return memory[application]

    shared.cache_clear = lambda: None  # type: ignore[attr-defined]

    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # The encrypted token lies there.
        patch.setenv("AIRFLOW_HOME", str(outcome.home))
        patch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(aws))
        patch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(twitch))
        patch.setenv("AIRFLOW__TWITCH__AWS_CONN_ID", "aws_default")
        patch.setenv("AIRFLOW__TWITCH__BUCKET", BUCKET)
        patch.setenv("AIRFLOW__TWITCH__WATCH_LIST", "site")
        patch.setattr(time, "sleep", sleep)
        patch.setattr(URLLib3Session, "send", lambda _self, request: outcome.bucket.send(request))
        patch.setattr(requests.adapters.HTTPAdapter, "send", send_by_requests(simulator))
        patch.setattr(AiohttpTransport, "_exchange", exchange_by_aiohttp(simulator, TIMEOUT))
        patch.setattr(AiohttpTransport, "__aenter__", enter)
        patch.setattr(AiohttpTransport, "__aexit__", leave)
        patch.setattr(twitch_async, "_in_thread", in_thread)
        patch.setattr(all_streams, "asyncio", _Asyncio(kernel))
        patch.setattr(sessions, "_shared", shared)
        # Making a client of botocore takes longer than most tries use one.
        connected = functools.cache(LakeHook.connected)
        patch.setattr(LakeHook, "connected", lambda aws_conn_id, _limits=None: connected(aws_conn_id))
        patch.setattr(tokens, "mask_secret", lambda _value: None)
        for hook in (TwitchHook, TwitchAsyncHook):
            patch.setattr(hook, "_clock", lambda _self: kernel.now)
            # Airflow's masking does not help here: what shows, shows.
            patch.setattr(hook, "log", logging.getLogger("twitch_provider.hooks"))
        for module in (published, detectors):
            patch.setattr(module, "ThreadPoolExecutor", _InTurn)
        set_apart(patch)
        yield


def set_apart(patch: pytest.MonkeyPatch) -> None:
    """Let no try wait for what another one computes: they lie in one process here only.

    Before Python 3.12, all instances share the lock of a cached property, which a frozen try would keep.

    :param patch: that takes the locks away
    """
    patch.setattr(functools, "RLock", nullcontext, raising=False)
    for each in gc.get_objects():
        # By type: asking a proxy of Airflow's for its class would import what is behind it.
        if type(each) is functools.cached_property and hasattr(each, "lock"):
            patch.setattr(each, "lock", nullcontext())


class _Asyncio:
    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def run(self, main: Any) -> Any:
        return run_on_loop(self._kernel, main)


class _InTurn:
    """Threads of a worker would run beside it: their requests are sent one after the other."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> _InTurn:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, function: Callable[..., Any], *values: Any) -> Iterator[Any]:
        return iter([function(*each) for each in zip(*values, strict=False)])

    def submit(self, function: Callable[..., Any], *values: Any) -> Future[Any]:
        made: Future[Any] = Future()
        made.set_result(function(*values))
        return made


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Write what is logged to a file: all of the package's, and from INFO on what others log."""
    root, package = logging.getLogger(), logging.getLogger("twitch_provider")
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    # Airflow's own handlers print, and mask what they print.
    named = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    before = [(each, each.handlers, each.propagate, each.level) for each in (root, *named)]
    for each in named:
        each.handlers, each.propagate = [], True
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    package.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for each, each.handlers, each.propagate, level in before:
            each.setLevel(level)
        handler.close()
