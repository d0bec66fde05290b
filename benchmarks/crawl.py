# SPDX-License-Identifier: Apache-2.0
"""The crawl: requests, pace, 429s, completeness, and the memory of the client.

The conditions and the goals are here; the crawls are in :mod:`benchmarks.snapshot`, each series in its own
process, as is the simulated Twitch.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.pace import ALONE, CURSORS, EVERY, LANGUAGES, LATENCY, Conditions
from benchmarks.report import Entry, Facts, Ratio
from benchmarks.servers import simulated_twitch
from benchmarks.snapshot import command, in_a_process

#: From a quiet night to more than Twitch has had.
SIZES = (10_000, 60_000, 100_000, 130_000, 230_000)
USUAL = 100_000
#: The probability that a viewer leaves in a minute; as many arrive. "5 % churn" may mean that or both
#: together, so recall is measured both ways.
CHURN = 0.05
#: Seconds between two snapshots; all points are back by then.
TICK = 300.0

#: The first one has no previous state; the others have that of the one before.
PLAN: Sequence[Mapping[str, Any]] = (
    {"from_checkpoints": True},
    {"after": TICK, "from_checkpoints": True},
    {"after": TICK},
)
#: The name of each.
HOW = (ALONE, CURSORS, LANGUAGES)
#: Goals of wall time against one cursor, with previous state.
SPEED = {LANGUAGES: 0.47, CURSORS: 0.16}


def measure(sizes: Sequence[int] = SIZES, usual: int = USUAL) -> list[Entry]:
    """Crawl worlds of every size, and the usual one under more conditions.

    :param sizes: of the worlds, the usual one among them
    :param usual: streams of the world that the goals are for
    """
    taken = {size: series(size) for size in sizes}
    single = alone(usual)
    return [
        *(entry for how in SPEED for entry in judged(taken[usual][how], usual, how, single["wall"])),
        *without_reserve(usual),
        *recall(taken[usual], single, churn=CHURN),
        *recall(series(usual, churn=CHURN / 2), alone(usual, churn=CHURN / 2), churn=CHURN / 2),
        *at_once(usual),
        *slow_refill(usual),
        *steady_memory(),
        sizes_table(taken, single, usual),
    ]


def series(
    streams: int,
    *,
    steps: int = len(PLAN),
    refill: float | None = None,
    churn: float = CHURN,
    reserve: float | None = None,
) -> dict[str, dict[str, Any]]:
    """Take the snapshots of the plan, by how each was taken.

    :param streams: of the world
    :param steps: of the plan
    :param refill: points that are added a minute; None for as many as the headers say
    :param churn: the probability that a viewer leaves in a minute; as many arrive
    :param reserve: points to leave to others; None for the default
    """
    plan = [{**step, "reserve": reserve} for step in PLAN[:steps]]
    with simulated_twitch(
        streams=streams, latency=LATENCY, moving=True, refill=refill, churn=churn
    ) as twitch:
        return dict(zip(HOW, in_a_process(twitch, "follow", plan), strict=False))


def alone(streams: int, *, churn: float = CHURN) -> dict[str, float]:
    """Read the whole list by one cursor.

    :param streams: of the world
    :param churn: the probability that a viewer leaves in a minute; as many arrive
    """
    with simulated_twitch(streams=streams, latency=LATENCY, moving=True, churn=churn) as twitch:
        found: dict[str, float] = in_a_process(twitch, "one_cursor")
    return found


def without_reserve(streams: int) -> list[Ratio]:
    """Crawl from remembered cursors with no reserve: as fast as the rate limit permits.

    :param streams: of the world
    """
    taken = series(streams, steps=2, reserve=0)[CURSORS]
    report, name = taken["report"], f"{streams:,} streams, {CURSORS}, no reserve"
    pace = Conditions().pace(report["requests"], taken["longest"])
    return [
        Ratio(f"{name}: wall", report["seconds"], pace, "rate limit or longest walk", goal=1.10),
        rate_limited(name, [report]),
    ]


def judged(taken: Mapping[str, Any], streams: int, how: str, single: float) -> list[Ratio]:
    """Compare a snapshot with the goals.

    :param taken: as :class:`benchmarks.snapshot.Taken` has it
    :param streams: of the world
    :param how: the kind of crawl
    :param single: seconds of one cursor
    """
    report, name = taken["report"], f"{streams:,} streams, {how}"
    requests, seconds = report["requests"], report["seconds"]
    pace = Conditions().pace(requests, taken["longest"])
    return [
        Ratio(
            f"{name}: requests, reconcile included",
            requests,
            math.ceil(streams / 100),
            "pages",
            "",
            goal=1.10,
        ),
        Ratio(f"{name}: wall", seconds, pace, "rate limit or longest walk", goal=1.10),
        Ratio(f"{name}: wall to one cursor", seconds, single, "one cursor", goal=SPEED[how]),
        rate_limited(name, [report]),
    ]


def rate_limited(name: str, reports: Sequence[Mapping[str, Any]]) -> Ratio:
    """Compare the 429s with the requests.

    :param name: of the crawls
    :param reports: of all crawls that shared the rate limit
    """
    rejected = sum(report["rate_limited"] for report in reports)
    requests = sum(report["requests"] for report in reports)
    return Ratio(f"{name}: 429s", rejected, requests, "requests", "", goal=0.005, percent=True)


def recall(
    taken: Mapping[str, Mapping[str, Any]], single: Mapping[str, float], *, churn: float
) -> list[Ratio]:
    """Compare what was found with what was live throughout.

    :param taken: snapshots of the plan, by kind
    :param single: the reading by one cursor
    :param churn: of their world
    """
    world = f"{churn:.1%} of the viewers leave a minute and as many arrive"
    seen = single["live"] - single["missed"]
    found = [Ratio(f"recall, {world}: one cursor", seen, single["live"], "live throughout", "", percent=True)]
    for how in SPEED:
        each = taken[how]
        for passes, missed, goal in (
            ("in one pass", each["missed_one_pass"], 0.996),
            ("reconciled", each["missed"], 0.9998),
        ):
            live = each["live"]
            found.append(
                Ratio(
                    f"recall, {world}: {passes}, {how}",
                    live - missed,
                    live,
                    "live throughout",
                    "",
                    goal=goal,
                    at_least=True,
                    percent=True,
                )
            )
    return found


def at_once(streams: int, *, latency: float = LATENCY) -> list[Ratio]:
    """Crawl twice at the same time with one rate limit.

    :param streams: of the world
    :param latency: milliseconds of a response
    """
    with simulated_twitch(streams=streams, latency=latency, moving=True) as twitch:
        code, env = command(twitch, "follow", [{}])
        both = [
            subprocess.Popen(code, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        printed = [crawl.communicate()[0] for crawl in both]
    taken = [json.loads(text.splitlines()[-1])[0] for text in printed]
    reports = [each["report"] for each in taken]
    pace = Conditions(latency / 1000).pace(
        sum(report["requests"] for report in reports), max(each["longest"] for each in taken)
    )
    name = f"{streams:,} streams, two crawls at once"
    return [
        rate_limited(name, reports),
        Ratio(f"{name}: wall of the later", max(report["seconds"] for report in reports), pace, "rate limit"),
    ]


def slow_refill(streams: int, refill: float = 600.0) -> list[Ratio]:
    """Crawl with a rate limit that refills slower than its headers say, as Twitch's did in 2022.

    https://github.com/twitchdev/issues/issues/597

    :param streams: of the world
    :param refill: points a minute
    """
    taken = series(streams, refill=refill)
    found = []
    for how in SPEED:
        report = taken[how]["report"]
        name = f"{streams:,} streams, {how}, refill {refill:g} a minute"
        pace = Conditions(refill=refill).pace(report["requests"], taken[how]["longest"])
        found += [
            rate_limited(name, [report]),
            Ratio(f"{name}: wall", report["seconds"], pace, "rate limit or longest walk"),
        ]
    return found


def steady_memory(streams: int = 30_000, snapshots: int = 6) -> list[Ratio]:
    """Compare the memory after the last snapshot with that after the second, in one process.

    :param streams: of the world
    :param snapshots: how many, one after another
    """
    with simulated_twitch(streams=streams, moving=True, limit=1_000_000) as twitch:
        taken = in_a_process(twitch, "follow", [{"after": 60.0}] * snapshots)
    resident = [each["resident"] / 1e6 for each in taken]
    name = f"memory of the process after {snapshots} snapshots of {streams:,} streams"
    return [Ratio(name, resident[-1], resident[1], "after two", "MB", goal=1.10)]


def sizes_table(
    taken: Mapping[int, Mapping[str, Mapping[str, Any]]], single: Mapping[str, float], usual: int
) -> Facts:
    """Return the table of every crawl.

    :param taken: snapshots of the plan, by size and kind
    :param single: the reading by one cursor
    :param usual: streams of the world that it read
    """
    headings = [
        "streams",
        "how",
        "requests",
        "wall, s",
        "floor, s",
        "429s",
        "one pass",
        "in all",
        "duplicates",
    ]
    headings += ["bodies, MB", "bodies → CSV, s", "memory, MB"]
    rows: list[list[str | float | None]] = []
    for size, each in taken.items():
        for how, one in each.items():
            report = one["report"]
            row = [f"{size:,}", how, report["requests"], report["seconds"]]
            row += [Conditions().pace(report["requests"], one["longest"]), report["rate_limited"]]
            row += [f"{1 - one[name] / one['live']:.3%}" for name in ("missed_one_pass", "missed")]
            rows.append([*row, report["duplicates"], one["bodies"] / 1e6, one["csv"], one["memory"] / 1e6])
    missed = f"{1 - single['missed'] / single['live']:.3%}"
    rows.append([f"{usual:,}", "one cursor", None, single["wall"], None, None, missed, missed, *[None] * 4])
    note = (
        "One pass, in all: of the streams live from the first request to the last, how many the language "
        "walks found, and how many with the requests by `user_id`. Memory: the peak increase of the process, "
        "from before the crawl to the bytes of the gzipped CSV."
    )
    return Facts(EVERY, headings, rows, note)
