# SPDX-License-Identifier: Apache-2.0
"""A crawl in virtual time: the real hook and the real simulator, without sockets and without waiting.

Whenever all tasks wait, the loop's clock jumps to the next timer. Five minutes of Twitch take some seconds,
and the result is the same each time.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from twitch_provider.helix.messages import Reply, Request, Response
from twitch_provider.helix.ratelimit import RateLimiter
from twitch_provider.helix.session import Session
from twitch_provider.helix.token import AppToken, Credentials
from twitch_provider.hooks.transport_async import CONNECTIONS
from twitch_provider.hooks.twitch_async import TwitchAsyncHook
from twitch_provider.testing import Simulator
from twitch_provider.testing import answers as simulated

T = TypeVar("T")


class _Jump(selectors.DefaultSelector):
    """Instead of waiting, adds the timeout to its clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(None if timeout is None else 0)
        if not events and timeout:
            self.now += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while all tasks wait."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Seconds since the loop was created."""
        return self._jump.now


def run(main: Callable[[VirtualLoop], Awaitable[T]]) -> T:
    """Run a coroutine in virtual time.

    :param main: returns it, given the loop
    """
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()


class _Wire:
    """Stands in for the network: a response after the latency, and at most 32 requests at once."""

    def __init__(self, simulator: Simulator, latency: float) -> None:
        self._simulator = simulator
        self._latency = latency
        self._free = asyncio.Semaphore(CONNECTIONS)

    async def send(self, request: Request) -> Reply:
        async with self._free:
            # Half of the latency before the response is made, half after it.
            await asyncio.sleep(self._latency / 2)
            headers = {name.lower(): value for name, value in request.headers.items()}
            path = request.url.removeprefix("http://simulated")
            answer = self._simulator.twitch.answer(
                simulated.Request(request.method, path, request.params, headers)
            )
            await asyncio.sleep(self._latency / 2)
        return Response(
            answer.status,
            {name.lower(): value for name, value in answer.headers.items()},
            answer.body,
            datetime.now(UTC),
        )


def hook(
    simulator: Simulator, loop: VirtualLoop, *, latency: float = 0.15, reserve: float = 50
) -> TwitchAsyncHook:
    """Return a hook for a simulator that does not listen; each has its own rate limiter.

    :param simulator: made with ``clock=loop.time``
    :param loop: that it runs on
    :param latency: seconds that a response takes
    :param reserve: points to leave for others
    """
    made = TwitchAsyncHook()
    tokens = _Held(AppToken(simulator.twitch.auth.tokens.mint(simulator.now.timestamp()), None))
    session = Session(
        credentials=Credentials(simulator.client_id, simulator.client_secret),
        base_url="http://simulated/helix",
        auth_url="http://simulated/oauth2",
        tokens=tokens,  # type: ignore[arg-type]  # it holds one, and no other is requested
        limiter=RateLimiter(reserve=reserve),
        clock=loop.time,
        random=random.Random(1).random,  # noqa: S311 - jitter
        stats=Counter(),
    )
    made._open = session, _Wire(simulator, latency)  # type: ignore[assignment]  # noqa: SLF001
    return made


class _Held:
    """Holds one token."""

    def __init__(self, token: AppToken) -> None:
        self._token = token

    def held(self) -> AppToken:
        return self._token

    def refuse(self, token: AppToken) -> None:
        raise AssertionError("the simulator refused its own token")
