# SPDX-License-Identifier: Apache-2.0
"""Driving a crawl on an event loop: all of its chains at once, and no longer than there is time."""

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
#: Which part of the time the chains may take; the rest is for those who did not come.
FOR_CHAINS = 0.85

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

        :raises TwitchError: nothing could be read, or what failed would fail for every chain
        """
        self._began = self.session.clock()
        before = self.session.stats.copy()
        telling = asyncio.ensure_future(self._tell())
        try:
            await self._all([self._open()], until=self.seconds)
            chains = self.crawl.chains
            await self._all([self._read(chain) for chain in chains], until=self.seconds * FOR_CHAINS)
            again = self.crawl.doubtful()
            await self._all([self._read(chain) for chain in again], until=self.seconds * FOR_CHAINS)
            self.crawl.stop(f"{self._elapsed:.0f} s were not enough")
            await self._all([self._ask(batch) for batch in self.crawl.unseen()], until=self.seconds)
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
            self.log.warning("LanguageWalk %s was cut short: %s", label, why)
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

    async def _read(self, chain: LanguageWalk) -> None:
        session = replace(self.session, priority=self.crawl.priority(chain))
        if error := await self._take(chain.read(session)):
            self.crawl.lose(chain, error)

    async def _ask(self, batch: tuple[str, ...]) -> None:
        if error := await self._take(self.crawl.reconcile(self.session, batch)):
            self.log.warning("Of the last snapshot's broadcasters %d stay unknown: %s", len(batch), error)

    async def _take(self, steps: Generator[Step | LightPage, Any, None]) -> TwitchError | None:
        """Read, note and keep; returns what prevented more. What goes wrong with keeping is raised."""
        sheets = self.drive(steps)
        while True:
            try:
                sheet = await anext(sheets)
            except StopAsyncIteration:
                return None
            except TwitchError as error:
                return error
            self.crawl.note(sheet)
            self.keep(sheet)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS)
            chains = self.crawl.chains
            self.log.info(
                "Crawl: %.0f s, %s pages, %s streams, %d of %d chains done, %d points left",
                self._elapsed,
                f"{self.crawl.pages:,}",
                f"{len(self.crawl.seen):,}",
                sum(chain.done for chain in chains),
                len(chains),
                self.session.limiter.level,
            )
