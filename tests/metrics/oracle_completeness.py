# SPDX-License-Identifier: Apache-2.0
"""What was due on a day and which seconds of it are covered: the report of :mod:`.oracle`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

from tests.metrics.oracle_clock import Row, Tick, clock_row

from twitch_provider.metrics.snapshots import Snapshot

SECONDS = 86_400


def completeness(clock: dict[str, list[Tick]], begin: datetime) -> list[Row]:
    """Return a row for each scope of which something was due, seen or covered on a day.

    :param clock: of all scopes
    :param begin: of the day
    """
    snapshots = [tick.seen.snapshot for ticks in clock.values() for tick in ticks]
    report = []
    for scope, ticks in clock.items():
        due = due_of(scope, snapshots, begin)
        there = {tick.seen.snapshot.run_after for tick in ticks}
        of_day = [tick for tick in ticks if begin <= tick.seen.snapshot.run_after < begin + timedelta(days=1)]
        covered = seconds_covered(ticks, begin)
        if not (due or of_day or any(covered)):
            continue
        missing = [tick for tick in due if tick not in there]
        gaps = [len(list(run)) for is_covered, run in groupby(covered) if not is_covered]
        report.append(
            {
                "scope": scope,
                "dataset": ticks[0].seen.snapshot.dataset,
                "day": begin.date(),
                "due": len(due),
                "missing": len(missing),
                "missing_ticks": " ".join(f"{tick:%H:%M:%S}" for tick in missing),
                **{
                    status: sum(tick.status == status for tick in of_day)
                    for status in ("counted", "incomplete", "gated", "doubled")
                },
                "late_runs": sum(clock_row(tick)["late"] for tick in of_day),
                "covered_seconds": sum(covered),
                "missing_seconds": SECONDS - sum(covered),
                "gaps": len(gaps),
                "longest_gap_seconds": max(gaps, default=0),
            }
        )
    return report


def due_of(scope: str, snapshots: list[Snapshot], begin: datetime) -> list[datetime]:
    """The ticks of a day, on whole minutes in these tests, that lie on the grid of a DAG's part."""
    minutes = [begin + timedelta(minutes=minute) for minute in range(SECONDS // 60)]
    until, due = begin + timedelta(days=1), set()
    for dag in {(each.dag_id, each.dataset) for each in snapshots}:
        ran = [each for each in snapshots if (each.dag_id, each.dataset) == dag and each.run_after < until]
        ran.sort(key=lambda each: each.run_after)
        regular = [each for each in ran if each.run_type != "manual"] or ran
        runs = groupby(regular, key=lambda each: (each.scope, each.interval_seconds))
        firsts = [next(run) for _, run in runs]
        # The first part of all begins with the day, also where its first snapshot is later.
        edges = [datetime.min.replace(tzinfo=UTC), *(first.run_after for first in firsts[1:]), until]
        for first, (since, end) in zip(firsts, pairwise(edges), strict=bool(firsts)):
            interval = first.interval_seconds
            if first.scope == scope and interval is not None:
                due |= {
                    tick
                    for tick in minutes
                    if since <= tick < end and (tick - first.run_after).total_seconds() % interval == 0
                }
    return sorted(due)


def seconds_covered(ticks: list[Tick], begin: datetime) -> list[bool]:
    covered = [False] * SECONDS
    for tick in ticks:
        first = round((tick.instant - begin).total_seconds())
        for second in range(max(0, first), min(SECONDS, first + tick.seconds)):
            covered[second] = True
    return covered
