# SPDX-License-Identifier: Apache-2.0
"""Running a crawl on an event loop: all of its walks at once, and no longer than there is time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from twitch_provider.crawl.language_walk import LanguageWalk
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.plan import Crawl
from twitch_provider.crawl.report import CrawlReport
from twitch_provider.exceptions import TwitchError
from twitch_provider.helix.session import Session, Step

#: Seconds between two progress lines in the log.
PROGRESS = 5.0
#: The part of the time that the walks may take; the rest is for what they missed.
WALKS_SHARE = 0.85

#: Runs a generator: carries out its steps, and yields its pages.
Drive = Callable[[Generator[Step | LightPage, Any, None]], AsyncIterator[LightPage]]


@dataclass
class CrawlDriver:
    """Reads one crawl.

    :param crawl: decides what to read
    :param session: what all conversations of the application share
    :param drive: of the hook
    :param keep: takes each page as it arrives; what it raises ends the crawl
    :param seconds: that the crawl may take
    :param log: for progress and the outcome
    """

    crawl: Crawl
    session: Session
    drive: Drive
    keep: Callable[[LightPage], None]
    seconds: float
    log: Any
    _began: float = field(default=0.0, init=False)

    async def run(self) -> CrawlReport:
        """Read every live stream.

        :raises TwitchError: nothing could be read, or what failed would fail for every walk
        """
        self._began = self.session.clock()
        before = self.session.stats.copy()
        progress = asyncio.ensure_future(self._log_progress())
        try:
            await self._read_everything()
        finally:
            progress.cancel()
            await asyncio.wait([progress])
            if not progress.cancelled():
                # Airflow's time-out of a task is raised wherever its thread happens to be: in there, too.
                progress.result()
        report = self.crawl.report(
            seconds=self._elapsed,
            stats=self.session.stats - before,
            points_left=self.session.limiter.level,
        )
        self.log.info("Crawl: %s", report.sentence())
        for label, why in report.cut.items():
            self.log.warning("Language walk %s was cut short: %s", label, why)
        return report

    async def _read_everything(self) -> None:
        crawl, for_walks = self.crawl, self.seconds * WALKS_SHARE
        await self._all([self._open()], until=self.seconds)
        await self._all([self._read(walk) for walk in crawl.walks], until=for_walks)
        await self._all([self._read(walk) for walk in crawl.recheck()], until=for_walks)
        crawl.stop(f"{self._elapsed:.0f} s were not enough")
        again = crawl.look_again(self.session)
        await self._all([self._take(steps) for steps in again], until=self.seconds)
        await self._all([self._reconcile(batch) for batch in crawl.missing_batches()], until=self.seconds)

    @property
    def _elapsed(self) -> float:
        return self.session.clock() - self._began

    async def _all(self, reading: Iterable[Coroutine[Any, Any, Any]], *, until: float) -> None:
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

    async def _reconcile(self, batch: tuple[str, ...]) -> None:
        if error := await self._take(self.crawl.reconcile(self.session, batch)):
            self.log.warning("%d broadcasters of the last snapshot stay unresolved: %s", len(batch), error)

    async def _take(self, steps: Generator[Step | LightPage, Any, None]) -> TwitchError | None:
        """Record and keep each page; returns the error that prevented more. What keeping raises is raised."""
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

    async def _log_progress(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS)
            walks = self.crawl.walks
            self.log.info(
                "Crawl: %.0f s, %s pages, %s streams, %d of %d language walks done, %d points left",
                self._elapsed,
                f"{self.crawl.pages:,}",
                f"{len(self.crawl.seen):,}",
                sum(walk.done for walk in walks),
                len(walks),
                self.session.limiter.level,
            )
