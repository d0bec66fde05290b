# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from benchmarks.chart import measurements
from benchmarks.pace import ALONE, CURSORS, LANGUAGES, Conditions
from benchmarks.report import Section
from benchmarks.servers import beside_us
from benchmarks.snapshot import Memory, Taken, fetch, follow, one_cursor, opened
from demo.worlds.live import live_route
from demo.worlds.moving import MovingWorld

from benchmarks import crawl
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.testing import Simulator

# The rate limit is never reached: the world is small.
STREAMS = 2_500


@pytest.fixture(scope="module")
def twitch() -> Iterator[Simulator]:
    world = MovingWorld(3, streams=STREAMS, starts_at=datetime(2026, 11, 23, 16, tzinfo=UTC))
    with Simulator(world, limit=1_000_000, routes=[live_route(world)]) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def snapshots(twitch: Simulator) -> tuple[list[Taken], int]:
    """The snapshots of the plan, and what the simulator counted meanwhile."""
    before = twitch.counters.requests["streams"]
    taken = asyncio.run(follow(beside_us(twitch), crawl.PLAN))
    return taken, twitch.counters.requests["streams"] - before


def test_reports_count_what_the_simulator_counted(snapshots: tuple[list[Taken], int]) -> None:
    taken, requests = snapshots
    # One more is the warm-up's.
    assert sum(each.report["requests"] for each in taken) == requests - 1
    assert [each.report["rate_limited"] for each in taken] == [0, 0, 0]


def test_only_a_crawl_with_previous_state_reconciles(snapshots: tuple[list[Taken], int]) -> None:
    alone, *others = snapshots[0]
    assert alone.missed <= alone.missed_one_pass
    assert alone.report["ended"] == alone.report["recovered"] == 0
    for each in others:
        assert each.missed <= each.missed_one_pass
        assert each.report["ended"] > 0


def test_what_was_live_throughout_is_there(snapshots: tuple[list[Taken], int]) -> None:
    for each in snapshots[0]:
        assert each.live > 0.97 * STREAMS
        assert each.missed <= 0.004 * each.live
        assert each.report["complete"]
        assert 0.99 * STREAMS < each.rows <= each.report["broadcasters"]
    for each in snapshots[0][1:]:
        assert each.missed <= 1


def test_requests_are_the_pages_and_little_more(snapshots: tuple[list[Taken], int]) -> None:
    for each in snapshots[0]:
        # A page at least for each of 35 languages, the first one, and the last snapshot's missing ones.
        again = (each.report["second_look"] or {"pages": 0})["pages"]
        assert STREAMS / 100 <= each.report["requests"] - again <= STREAMS / 100 + 35 + 1 + 4
        assert (0 < again <= 100) is (each is snapshots[0][0])
        assert each.longest <= 0.6 * STREAMS / 100


def test_the_work_was_measured(snapshots: tuple[list[Taken], int]) -> None:
    # The first crawl reads its pages once more.
    for each in snapshots[0][1:]:
        assert each.cpu > 0 < each.csv
        assert 300 * STREAMS < each.bodies < 900 * STREAMS


def test_one_cursor_reads_all_of_it_too(twitch: Simulator) -> None:
    found = asyncio.run(one_cursor(beside_us(twitch)))
    assert found["live"] > 0.97 * STREAMS
    assert found["missed"] <= 0.02 * found["live"]


def test_the_bare_loop_fetches_the_same_bodies(twitch: Simulator) -> None:
    pages: list[LightPage] = []

    async def both() -> int:
        async with opened(beside_us(twitch)) as hook:
            await hook.crawl(pages.append)
        return await fetch(beside_us(twitch), [page.params for page in pages])

    assert asyncio.run(both()) == pytest.approx(sum(len(page.body) for page in pages), rel=0.01)


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux knows the peak of a process"
)
def test_memory_rises_by_what_is_kept() -> None:
    memory = Memory()
    before = memory.rise()
    taken = bytearray(b"x") * 50_000_000
    assert memory.rise() - before >= 0.9 * len(taken)


# --- goals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requests", "longest", "refill", "seconds"),
    [
        (100, 10, 800, 1.5),  # one walk: 10 pages one after another
        (640, 3, 800, 20 * 0.15),  # the rate limit is not reached: 32 at a time
        (1_000, 10, 800, 200 / (800 / 60) + 0.15),
        (1_000, 10, 600, 200 / 10 + 0.15),
        (1_050, 450, 800, 67.5),
    ],
)
def test_the_pace_is_that_of_the_tightest_limit(
    requests: int, longest: int, refill: float, seconds: float
) -> None:
    assert Conditions(refill=refill).pace(requests, longest) == pytest.approx(seconds)


def test_every_goal_is_compared(snapshots: tuple[list[Taken], int]) -> None:
    taken = dict(zip(crawl.HOW, map(asdict, snapshots[0]), strict=True))
    goals = {
        ratio.name.split(", ", 1)[1]: (ratio.goal, ratio.at_least)
        for how in (LANGUAGES, CURSORS)
        for ratio in crawl.judged(taken[how], STREAMS, how, 10.0)
    }
    assert goals == {
        "languages: requests, reconcile included": (1.10, False),
        "languages: wall": (1.10, False),
        "languages: wall to one cursor": (0.47, False),
        "languages: 429s": (0.005, False),
        "remembered cursors: requests, reconcile included": (1.10, False),
        "remembered cursors: wall": (1.10, False),
        "remembered cursors: wall to one cursor": (0.16, False),
        "remembered cursors: 429s": (0.005, False),
    }
    single, *recalls = crawl.recall(taken, {"live": 200, "missed": 3}, churn=0.05)
    assert (single.ratio, single.goal) == (0.985, None)
    assert [(ratio.goal, ratio.at_least) for ratio in recalls] == [(0.996, True), (0.9998, True)] * 2


def test_the_chart_shows_what_the_table_says(snapshots: tuple[list[Taken], int]) -> None:
    taken = dict(zip(crawl.HOW, map(asdict, snapshots[0]), strict=True))
    table = crawl.sizes_table({STREAMS: taken}, {"wall": 3.75, "live": 100, "missed": 1}, STREAMS)
    assert [row[1] for row in table.rows] == [ALONE, CURSORS, LANGUAGES, "one cursor"]
    assert {len(row) for row in table.rows} == {len(table.columns)}
    (point,) = measurements(Section("The crawl", "", [table], {}, ""))
    assert (point.streams, point.crawl) == (STREAMS, taken[LANGUAGES]["report"]["seconds"])
    assert point.cursors == taken[CURSORS]["report"]["seconds"]
    with pytest.raises(ValueError, match="no table"):
        measurements(Section("The crawl", "", [], {}, ""))
