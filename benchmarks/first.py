# SPDX-License-Identifier: Apache-2.0
"""First crawls, without a last snapshot: what the walks missed, and what the second look estimates.

In virtual time: the same each time, and a crawl of a million streams takes a minute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from demo.worlds.moving import MovingWorld

from benchmarks import virtual
from benchmarks.report import Entry, Facts
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.report import CrawlReport
from twitch_provider.testing import Simulator

AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
#: Streams -> the seconds that the crawl may take: a million need 690 s at the rate limit.
WORLDS: Mapping[int, float] = {10_000: 220, 100_000: 220, 230_000: 220, 1_000_000: 900}


def measure(worlds: Mapping[int, float] = WORLDS) -> list[Entry]:
    """Crawl worlds of every size once.

    :param worlds: streams, and the seconds that the crawl may take
    """
    columns = ["streams", "requests", "of these read once more", "seconds", "429s"]
    columns += ["the walks found", "estimated", "in all", "estimated", "complete"]
    note = (
        "Found: of the streams that were live from the first request to the last. Estimated: by the second "
        "look, as in the manifest."
    )
    rows = [crawled(streams, seconds) for streams, seconds in worlds.items()]
    return [Facts("Worlds that move", columns, rows, note)]


def crawled(streams: int, seconds: float) -> list[str | float | None]:
    """Crawl a world, and return its row of the table.

    :param streams: of the world
    :param seconds: that the crawl may take
    """
    world = MovingWorld(1, streams=streams, starts_at=AT)
    pages: list[Sequence[str]] = []

    async def crawl(loop: virtual.VirtualLoop) -> tuple[CrawlReport, frozenset[str]]:
        simulator = Simulator(world, at=AT, clock=loop.time)

        def keep(page: LightPage) -> None:
            pages.append(page.users)

        report = await virtual.hook(simulator, loop).crawl(keep, seconds=seconds)
        return report, frozenset(world.users_live_throughout(AT, simulator.now))

    report, live = virtual.run(crawl)
    again = report.second_look.pages_read if report.second_look else 0
    walks, found = (
        len(live.intersection(frozenset().union(*read))) / len(live)
        for read in (pages[: len(pages) - again], pages)
    )
    row: list[Any] = [f"{streams:,}", report.requests, again, report.seconds, report.rate_limited]
    row += [_percent(share) for share in (walks, report.one_pass, found, report.completeness)]
    return [*row, "yes" if report.complete else "no"]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"
