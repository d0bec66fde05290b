# SPDX-License-Identifier: Apache-2.0
"""The asynchronous hook for Twitch's Helix API: for triggers and asynchronous tasks."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack, closing, suppress
from typing import Any, Self, TypeVar

from asgiref.sync import sync_to_async

from twitch_provider.compat import BaseHook
from twitch_provider.crawl.driver import CrawlDriver
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.plan import Crawl, Remembered
from twitch_provider.crawl.report import CrawlReport
from twitch_provider.helix.messages import Call, Page, Send, Sleep
from twitch_provider.helix.queries import Query
from twitch_provider.helix.session import Session, Step, Steps, yield_answer
from twitch_provider.helix.walk import walk
from twitch_provider.hooks import sessions
from twitch_provider.hooks.questions import Questions
from twitch_provider.hooks.readers import Readers, Row
from twitch_provider.hooks.settings import Settings
from twitch_provider.hooks.transport_async import AiohttpTransport

T = TypeVar("T")
Y = TypeVar("Y")


class TwitchAsyncHook(
    Readers[AsyncIterator[Row], AsyncIterator[Page]],
    Questions[Awaitable[int], Awaitable[list[str]], Awaitable[None]],
    BaseHook,
):
    """Read Twitch's Helix API on an event loop, as :class:`.TwitchHook` does in a task.

    ::

        async with TwitchAsyncHook("twitch_default") as hook:
            async for stream in hook.get_streams(user_logins=["monstercat"]):
                ...

    It has the same readers, token and rate limit, and never blocks the loop. Several coroutines may share one
    hook. Outside of ``async with`` every reader raises RuntimeError when iterated.

    :param twitch_conn_id: the ``twitch`` connection, as of ``TwitchHook``
    """

    conn_name_attr = "twitch_conn_id"
    default_conn_name = "twitch_default"
    conn_type = "twitch"
    hook_name = "Twitch"

    def __init__(self, twitch_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.twitch_conn_id = twitch_conn_id
        self._open: tuple[Session, AiohttpTransport] | None = None
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Look the connection up.

        :raises TwitchConfigError: it is missing or malformed
        """
        settings = await self._settings()
        session = await _in_thread(lambda: sessions.open_session(settings, self._clock))
        transport = AiohttpTransport(settings.timeout, sessions.USER_AGENT)
        self._open = session, await self._exits.enter_async_context(transport)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        self._open = None
        await self._exits.aclose()

    async def walk(self, query: Query) -> AsyncIterator[Page]:
        """Read the pages of a checked query.

        :param query: made by :func:`twitch_provider.helix.queries.query`
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        async for page in self._drive(walk(self._opened[0], query)):
            yield page

    async def crawl(
        self,
        keep: Callable[[LightPage], None],
        *,
        remembered: Remembered | None = None,
        from_checkpoints: bool = False,
        seconds: float = 240.0,
    ) -> CrawlReport:
        """Read every live stream: walk all languages at once, then look up missing broadcasters.

        Without a last snapshot a sample of the pages is read once more, to estimate how much was missed.

        Pages arrive in any order, and a stream may appear more than once: the last row counts.

        :param keep: called with each page; an error that it raises ends the crawl
        :param remembered: the last snapshot: its languages and broadcasters; None without one
        :param from_checkpoints: start long lists at the last snapshot's cursors too. Whether the live service
            accepts such old cursors is untested; a cursor that it refuses costs a request and no stream.
        :param seconds: how long the crawl may take; walks that are not done by then are cut short
        :returns: what it did, and how complete it was
        :raises TwitchError: nothing could be read, or the failure would affect every language walk
        """
        crawl = Crawl(remembered, from_checkpoints=from_checkpoints)
        return await CrawlDriver(crawl, self._opened[0], self._drive, keep, seconds, self.log).run()

    @property
    def stats(self) -> Counter[str]:
        """Counts of requests, waits and retries: see :class:`twitch_provider.helix.session.Session`."""
        return self._opened[0].stats

    @property
    def _opened(self) -> tuple[Session, AiohttpTransport]:
        if self._open is None:
            raise RuntimeError("TwitchAsyncHook must be used inside `async with TwitchAsyncHook(…) as hook:`")
        return self._open

    async def _settings(self) -> Settings:
        def settings() -> Settings:
            with sessions.explained(self.twitch_conn_id):
                connection = self.get_connection(self.twitch_conn_id)
            return Settings.from_connection(connection)

        # In a thread on every Airflow: the asynchronous method masks secrets by a blocking call before 3.3.2,
        # and does not exist before 3.1.
        return await _in_thread(settings)

    async def _rows(self, query: Query) -> AsyncIterator[Row]:
        async for page in self.walk(query):
            for row in page.new_rows:
                yield row

    async def _asked(self, question: Callable[[Session], Steps[T]]) -> T:
        steps = yield_answer(question(self._opened[0]))
        (answer,) = [each async for each in self._drive(steps)]
        return answer

    async def _drive(self, steps: Generator[Step | Y, Any, None]) -> AsyncIterator[Y]:
        """Do the steps of a generator, and yield everything else that it yields."""
        transport, result = self._opened[1], None
        with closing(steps):
            while True:
                try:
                    step = steps.send(result)
                except StopIteration:
                    return
                result = None
                if isinstance(step, Send):
                    result = await transport.send(step.request)
                elif isinstance(step, Sleep):
                    self.log.log(step.level, "Waiting %.1f s: %s", step.seconds, step.reason)
                    await self._sleep(step.seconds)
                elif isinstance(step, Call):
                    result = await _in_thread(step.function)
                else:
                    yield step

    # Time is an argument everywhere else; it comes from these two.

    def _clock(self) -> float:
        return time.monotonic()

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _in_thread(function: Callable[[], T]) -> T:
    """Call a function that may block in a thread, and wait for its end even when cancelled.

    Otherwise it could take a lock after its conversation has released it.
    """
    # Not asyncio.to_thread: Airflow's supervisor answers only threads that asgiref started.
    running = asyncio.ensure_future(sync_to_async(function, thread_sensitive=False)())
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise
