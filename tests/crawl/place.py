# SPDX-License-Identifier: Apache-2.0
"""Whole crawls: the real hook on the simulator, in virtual time, which passes only while everybody waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from demo.worlds.moving import MovingWorld
from tests.crawl.crawls import Known

from benchmarks import virtual
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.report import CrawlReport
from twitch_provider.helix.messages import Reply, Request, Response
from twitch_provider.hooks.twitch import TwitchAsyncHook
from twitch_provider.testing import Simulator
from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.world import World

#: The generated world does not move for a minute.
AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


@cache
def still(streams: int = 3_000) -> GeneratedWorld:
    """A world that does not move."""
    return GeneratedWorld(1, streams=streams)


@cache
def quiet() -> MovingWorld:
    """A world that does not move, and most of its streams have one viewer or none."""
    return MovingWorld(3, streams=6_000, starts_at=AT, churn=0, lifetime_hours=100_000)


def live(world: World) -> set[str]:
    """The broadcasters of a world."""
    return {stream.keys.user_id for stream in world.at(AT).streams}


#: What is answered in place of Twitch; None lets the request through.
Spoil = Callable[[Request], Awaitable[Reply | None]]


class Spoilt:
    """A transport on which some requests fail."""

    def __init__(self, transport: Any, spoil: Spoil) -> None:
        self._transport = transport
        self._spoil = spoil

    async def send(self, request: Request) -> Reply:
        """Send a request, unless it is to fail."""
        reply = await self._spoil(request)
        return await self._transport.send(request) if reply is None else reply


@dataclass
class Place:
    """A Twitch in virtual time, and a hook on it."""

    loop: virtual.VirtualLoop
    simulator: Simulator
    spoil: Spoil | None = None
    latency: float = 0.15
    pages: list[LightPage] = field(default_factory=list)

    def hook(self) -> TwitchAsyncHook:
        """A hook that is open."""
        hook = virtual.hook(self.simulator, self.loop, latency=self.latency)
        hook._log = logging.getLogger("tests.crawl")  # type: ignore[assignment]
        if self.spoil is not None:
            session, transport = hook._opened
            hook._open = session, Spoilt(transport, self.spoil)  # type: ignore[assignment]
        return hook

    async def crawl(self, **options: Any) -> CrawlReport:
        """Crawl once."""
        return await self.hook().crawl(self.pages.append, **options)

    @property
    def users(self) -> set[str]:
        """The broadcasters that were found."""
        return {user for page in self.pages for user in page.users}

    def known(self, report: CrawlReport) -> Known:
        """What is known for the next crawl."""
        return Known(frozenset(self.users), report.languages, report.checkpoints)

    def advance(self, seconds: float) -> None:
        """Let time pass between two crawls, and forget the pages of the first."""
        self.simulator.advance(seconds)
        self.pages.clear()


def run(
    main: Callable[[Place], Awaitable[Any]],
    world: World | None = None,
    *,
    limit: int = 800,
    refill: float | None = None,
    **options: Any,
) -> Any:
    """Run in virtual time; returns the result, and the place."""

    async def there(loop: virtual.VirtualLoop) -> Any:
        simulator = Simulator(world or still(), at=AT, limit=limit, refill_per_minute=refill, clock=loop.time)
        place = Place(loop, simulator, **options)
        return await main(place), place

    return virtual.run(there)


def crawl(world: World | None = None, **options: Any) -> Any:
    """Crawl once; what is not an option of the place is one of the crawl."""
    places = {"limit", "refill", "spoil", "latency"}
    where = {name: value for name, value in options.items() if name in places}
    how = {name: value for name, value in options.items() if name not in places}
    return run(lambda place: place.crawl(**how), world, **where)


def language(request: Request) -> str:
    """The language that a request is for."""
    return dict(request.params).get("language", "")


def down(*languages: str) -> Spoil:
    """The lists of these languages answer 500."""

    async def spoil(request: Request) -> Reply | None:
        return Response(500, {}, b"", AT) if language(request) in languages else None

    return spoil


def silent(name: str, value: str | None = None) -> Spoil:
    """Requests with this parameter are never answered."""

    async def spoil(request: Request) -> Reply | None:
        given = dict(request.params).get(name)
        if given is not None and value in {None, given}:
            await asyncio.Event().wait()
        return None

    return spoil
