# SPDX-License-Identifier: Apache-2.0
"""Driving a crawl on an event loop: all of its walks at once, and no longer than there is time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from twitch_provider.crawl.language_walk import LanguageWalk
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.plan import Crawl
from twitch_provider.crawl.report import CrawlReport
from twitch_provider.exceptions import TwitchError
from twitch_provider.helix.session import Session, Step

#: Seconds between two lines about how far the crawl has come.
PROGRESS = 5.0
#: Which part of the time the walks may take; the rest is for those who did not come.
FOR_WALKS = 0.85

#: Drives generators: takes steps, and hands on everything else that they yield.
Drive = Callable[[Generator[Step | LightPage, Any, None]], AsyncIterator[LightPage]]


@dataclass
class CrawlDriver:
    """Reads one crawl.

    :param crawl: what decides
    :param session: what all conversations of the application share
    :param drive: of the hook
    :param keep: takes each page as it comes; what it raises ends the crawl
    :param seconds: that the crawl may take
    :param log: where progress is told
    """

    crawl: Crawl
    session: Session
    drive: Drive
    keep: Callable[[LightPage], None]
    seconds: float
    log: Any
    _began: float = field(default=0.0, init=False)

    async def run(self) -> CrawlReport:
        """Read all of it.

        :raises TwitchError: nothing could be read, or what failed would fail for every walk
        """
        self._began = self.session.clock()
        before = self.session.stats.copy()
        telling = asyncio.ensure_future(self._tell())
        try:
            await self._all([self._open()], until=self.seconds)
            walks = self.crawl.walks
            await self._all([self._read(walk) for walk in walks], until=self.seconds * FOR_WALKS)
            again = self.crawl.recheck()
            await self._all([self._read(walk) for walk in again], until=self.seconds * FOR_WALKS)
            self.crawl.stop(f"{self._elapsed:.0f} s were not enough")
            await self._all([self._ask(batch) for batch in self.crawl.missing_batches()], until=self.seconds)
        finally:
            telling.cancel()
            await asyncio.wait([telling])
            if not telling.cancelled():
                # Airflow's time-out of a task strikes wherever its thread is: there, too.
                telling.result()
        report = self.crawl.report(
            seconds=self._elapsed,
            stats=self.session.stats - before,
            points_left=self.session.limiter.level,
        )
        self.log.info("Crawl: %s", report.sentence())
        for label, why in report.cut.items():
            self.log.warning("The walk of %s was cut short: %s", label, why)
        return report

    @property
    def _elapsed(self) -> float:
        return self.session.clock() - self._began

    async def _all(self, reading: Iterable[Awaitable[None]], *, until: float) -> None:
        """Run these at once; one that fails ends them all, and so does the end of the time."""
        tasks = [asyncio.ensure_future(each) for each in reading]
        if not tasks:
            return
        try:
            left = max(0.0, until - self._elapsed)
            done, _ = await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _open(self) -> None:
        if error := await self._take(self.crawl.open(self.session)):
            raise error

    async def _read(self, walk: LanguageWalk) -> None:
        session = replace(self.session, priority=self.crawl.priority(walk))
        if error := await self._take(walk.read(session)):
            self.crawl.fail(walk, error)

    async def _ask(self, batch: tuple[str, ...]) -> None:
        if error := await self._take(self.crawl.reconcile(self.session, batch)):
            self.log.warning("Of the last snapshot's broadcasters %d stay unknown: %s", len(batch), error)

    async def _take(self, steps: Generator[Step | LightPage, Any, None]) -> TwitchError | None:
        """Read, note and keep; returns what prevented more. What goes wrong with keeping is raised."""
        pages = self.drive(steps)
        while True:
            try:
                page = await anext(pages)
            except StopAsyncIteration:
                return None
            except TwitchError as error:
                return error
            self.crawl.record(page)
            self.keep(page)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS)
            walks = self.crawl.walks
            self.log.info(
                "Crawl: %.0f s, %s pages, %s streams, %d of %d walks done, %d points left",
                self._elapsed,
                f"{self.crawl.pages:,}",
                f"{len(self.crawl.seen):,}",
                sum(walk.done for walk in walks),
                len(walks),
                self.session.limiter.level,
            )
