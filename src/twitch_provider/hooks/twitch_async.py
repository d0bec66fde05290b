# SPDX-License-Identifier: Apache-2.0
"""The hook for Twitch's Helix API on an event loop: for triggers and asynchronous tasks."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any, Self, TypeVar

from asgiref.sync import sync_to_async

from twitch_provider.compat import BaseHook
from twitch_provider.crawl.driver import CrawlDriver
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.plan import Crawl, Remembered
from twitch_provider.crawl.report import CrawlReport
from twitch_provider.exceptions import TwitchError
from twitch_provider.helix import lookups
from twitch_provider.helix.conversation import validate
from twitch_provider.helix.messages import Call, Page, Send, Sleep
from twitch_provider.helix.queries import Query
from twitch_provider.helix.session import Session, Step, Steps
from twitch_provider.helix.walk import walk
from twitch_provider.hooks import sessions
from twitch_provider.hooks.readers import Readers, Row
from twitch_provider.hooks.settings import Settings
from twitch_provider.hooks.transport_async import AiohttpTransport

T = TypeVar("T")
Y = TypeVar("Y")


class TwitchAsyncHook(Readers[AsyncIterator[Row], AsyncIterator[Page]], BaseHook):
    """Read Twitch's Helix API on an event loop; the twin of :class:`.TwitchHook`.

    ::

        async with TwitchAsyncHook("twitch_default") as hook:
            async for stream in hook.get_streams(user_logins=["monstercat"]):
                ...

    It has the same readers, rules, tokens and rate limit; nothing in it blocks the loop. One hook may be used
    by several coroutines at once.

    :param twitch_conn_id: the ``twitch`` connection, as of ``TwitchHook``
    :raises RuntimeError: (every reader, while iterating) it is used outside of ``async with``
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
        """Resolve the connection.

        :raises TwitchConfigError: it is missing or malformed
        """
        settings = await self._settings()
        session = await _away(lambda: sessions.open_session(settings, self._clock))
        transport = AiohttpTransport(settings.timeout, sessions.USER_AGENT)
        self._open = session, await self._exits.enter_async_context(transport)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        self._open = None
        await self._exits.aclose()

    async def walk(self, query: Query) -> AsyncIterator[Page]:
        """Walk a checked query of :mod:`twitch_provider.helix.queries`, page by page.

        :param query: what to read
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        async for page in self._each(walk(self._opened[0], query)):
            yield page

    async def crawl(
        self,
        keep: Callable[[LightPage], None],
        *,
        remembered: Remembered | None = None,
        from_cursors: bool = False,
        seconds: float = 240.0,
    ) -> CrawlReport:
        """Read every live stream: a chain for each language, all at once, then whoever did not come.

        Pages come in no order, and a stream may come more than once: the last one counts.

        :param keep: takes each page as it comes; what it raises ends the crawl
        :param remembered: the last snapshot: its languages, and whom to ask for; None where there is none
        :param from_cursors: begin long lists at the last snapshot's cursors too. Nobody has tried on the live
            service yet whether they are good for so long; one that is not costs a request and no stream.
        :param seconds: that the crawl may take; what is not read then is cut short
        :returns: what it did, and how complete it was
        :raises TwitchError: nothing could be read, or what failed would fail for every chain
        """
        crawl = Crawl(remembered, from_cursors=from_cursors)
        return await CrawlDriver(crawl, self._opened[0], self._each, keep, seconds, self.log).run()

    async def get_follower_count(self, broadcaster_id: str) -> int:
        """How many followers a channel has.

        https://dev.twitch.tv/docs/api/reference/#get-channel-followers

        :param broadcaster_id: of the channel
        :raises TwitchDataError: Twitch did not say
        :raises TwitchError: see :mod:`twitch_provider.exceptions`
        """
        session, transport = self._opened
        return await self._drive(lookups.follower_count(session, broadcaster_id), transport)

    async def require_games(self, ids: Iterable[str]) -> None:
        """Make sure that Twitch knows these games: it answers an unknown id with an empty list of streams.

        :param ids: of games
        :raises TwitchNotFoundError: naming the ids that it does not know
        :raises TwitchError: see :mod:`twitch_provider.exceptions`
        """
        session, transport = self._opened
        await self._drive(lookups.require_games(session, ids), transport)

    async def test_connection(self) -> tuple[bool, str]:
        """Fetch or use a token and ask Twitch whose it is; needs no ``async with``.

        :returns: whether it works, and a sentence
        """
        try:
            settings = await self._settings()
            opened = await _away(lambda: sessions.open_session(settings, self._clock))
            session = replace(opened, budget=sessions.TEST_BUDGET)
            timeout = min(settings.timeout, sessions.TEST_TIMEOUT)
            async with AiohttpTransport(timeout, sessions.USER_AGENT) as transport:
                return True, sessions.accepted(await self._drive(validate(session), transport))
        except TwitchError as error:
            return False, str(error)

    @property
    def stats(self) -> Counter[str]:
        """What this hook has done: see :class:`twitch_provider.helix.session.Session`."""
        return self._opened[0].stats

    @property
    def _opened(self) -> tuple[Session, AiohttpTransport]:
        if self._open is None:
            raise RuntimeError("TwitchAsyncHook reads inside `async with TwitchAsyncHook(…) as hook:` only")
        return self._open

    async def _settings(self) -> Settings:
        def settings() -> Settings:
            with sessions.explained(self.twitch_conn_id):
                connection = self.get_connection(self.twitch_conn_id)
            return Settings.from_connection(connection)

        # In a thread, in every Airflow: the asynchronous way masks secrets by a blocking call before 3.3.2,
        # and is missing before 3.1. A secrets backend that has failed is asked once more there, too.
        found: Settings = await _away(settings)
        return found

    async def _rows(self, query: Query) -> AsyncIterator[Row]:
        async for page in self.walk(query):
            for row in page.objects:
                yield row

    async def _each(self, steps: Generator[Step | Y, Any, None]) -> AsyncIterator[Y]:
        """Drive a generator, and hand on whatever is no step."""
        transport, reply = self._opened[1], None
        try:
            while True:
                try:
                    step = steps.send(reply)
                except StopIteration:
                    return
                if isinstance(step, Send | Sleep | Call):
                    reply = await self._do(step, transport)
                else:
                    yield step
                    reply = None
        finally:
            steps.close()

    async def _drive(self, steps: Steps[T], transport: AiohttpTransport) -> T:
        reply: Any = None
        try:
            while True:
                try:
                    step = steps.send(reply)
                except StopIteration as done:
                    return done.value  # type: ignore[no-any-return]
                reply = await self._do(step, transport)
        finally:
            steps.close()

    async def _do(self, step: Step, transport: AiohttpTransport) -> Any:
        if isinstance(step, Send):
            return await transport.send(step.request)
        if isinstance(step, Sleep):
            self.log.log(step.level, "Waiting %.1f s: %s", step.seconds, step.reason)
            return await self._sleep(step.seconds)
        return await _away(step.function)

    # Time is an argument of all rules; these two are where it comes from.

    def _clock(self) -> float:
        return time.monotonic()

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _away(function: Any) -> Any:
    """Call what may block in a thread, and wait for it even where we are cancelled meanwhile.

    Otherwise a lock that it takes would be taken after its conversation has given it back.
    """
    # Not asyncio.to_thread: Airflow's supervisor answers a thread only where asgiref knows its loop.
    running = asyncio.ensure_future(sync_to_async(function, thread_sensitive=False)())
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise
