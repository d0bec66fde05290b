# SPDX-License-Identifier: Apache-2.0
"""A triggerer runs all triggers on one event loop: ours must never hold it up."""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from tests.triggers.stage import CurtainError, Script, Stage, until

from twitch_provider.triggers.twitch import TwitchStreamEventTrigger, TwitchStreamLiveTrigger

TRIGGERS = pytest.mark.parametrize("kind", [TwitchStreamLiveTrigger, TwitchStreamEventTrigger])


@TRIGGERS
@pytest.mark.parametrize("endpoint", ["streams", "token"])
async def test_a_slow_server_does_not_delay_another_trigger(
    stage: Stage, script: Script, kind: Any, endpoint: str
) -> None:
    stage.start("ann")
    stage.simulator.fault("hang", endpoint=endpoint)
    arguments = {"emit_current": True} if kind is TwitchStreamEventTrigger else {}
    waiting = asyncio.ensure_future(anext(kind(user_logins="ann", **arguments).run()))
    await until(lambda: stage.simulator.counters.faults["hang"] > 0)

    # It hangs now, and for as long as we do not release it; meanwhile others have their turns.
    beats = 0
    for beats in range(1, 1001):  # noqa: B007
        await asyncio.sleep(0)
    assert beats == 1000
    assert not waiting.done()

    stage.simulator.release()
    event = await waiting
    assert event.payload.get("status") == "success" or event.payload["events"]


#: What waits: where the loop's thread calls one of these, all triggers wait.
BLOCKING: list[tuple[Any, str]] = [
    (time, "sleep"),
    (socket, "getaddrinfo"),
    (socket.socket, "connect"),
    (socket.socket, "recv"),
    (socket.socket, "recv_into"),
    (socket.socket, "send"),
    (socket.socket, "sendall"),
    (threading.Thread, "join"),
    (importlib, "import_module"),
    (os, "open"),
    (fcntl, "flock"),
]


def waits(*args: Any) -> bool:
    """Whether such a call may wait: asyncio's own sockets do not, and giving a lock back does not."""
    asyncios = bool(args) and isinstance(args[0], socket.socket) and args[0].gettimeout() == 0
    return not asyncios and args[1:] != (fcntl.LOCK_UN,)


@TRIGGERS
async def test_calls_nothing_that_blocks_on_the_loops_thread(
    stage: Stage, script: Script, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    loops_thread = threading.get_ident()
    here: list[str] = []
    elsewhere: list[str] = []

    def guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if waits(*args):
                (here if threading.get_ident() == loops_thread else elsewhere).append(name)
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for owner, name in BLOCKING:
            patch.setattr(owner, name, guarded(name, getattr(owner, name)))
        script.will(None, lambda: stage.start("ann"), None)
        stage.simulator.fault("error_503")
        with suppress(CurtainError, StopAsyncIteration):
            await anext(kind(user_logins=["ann"]).run())
    assert stage.simulator.counters.requests["streams"] >= 3
    assert here == []
    assert {"import_module", "open"} <= set(elsewhere)  # the hook, and the file that keeps its token
