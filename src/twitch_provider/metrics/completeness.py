# SPDX-License-Identifier: Apache-2.0
"""The completeness report: which ticks of a day were due, what became of them, and which time is covered.

Ticks are due to a DAG, by ``run_after``. Seconds go by the instant at which Twitch answered.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from twitch_provider.metrics.clock import COUNTED, DOUBLED, GATED, INCOMPLETE, Clock, ClockRow
from twitch_provider.metrics.snapshots import Snapshot
from twitch_provider.metrics.tables import TABLES

_DAY = timedelta(days=1)

#: Runs that are not due: somebody started them.
_NOT_DUE = frozenset({"manual"})


def completeness(
    snapshots: Iterable[Snapshot], clock: Clock, day: date, *, until: datetime | None = None
) -> list[dict[str, Any]]:
    """Return a row for each scope that has snapshots on a day, or of which ticks were due.

    :param snapshots: in any order, also those of the days before: a DAG that stopped has ticks due
    :param clock: of these
    :param day: UTC
    :param until: of a day that is not over, how far it is looked at: a tick is due when its interval is over,
        or it is there
    :returns: the columns of the table ``completeness`` by name
    """
    begin = datetime.combine(day, time(), UTC)
    end = min(until or begin + _DAY, begin + _DAY)
    known = [each for each in snapshots if each.run_after < end]
    due = _due(known, begin, end)
    there: dict[str, set[datetime]] = defaultdict(set)
    for each in known:
        there[each.scope].add(each.run_after)
    by_scope: dict[str, list[ClockRow]] = defaultdict(list)
    for row in clock.rows:
        by_scope[row.scope].append(row)
    report = []
    for scope, rows in sorted(by_scope.items()):
        of_day = [row for row in rows if begin <= row.run_after < end]
        spans = list(_covered(rows, begin, end))
        if of_day or spans or due[scope]:
            report.append(
                {"scope": scope, "dataset": rows[0].dataset, "day": day}
                | _ticks(due[scope], there[scope])
                | _statuses(of_day)
                | _time(spans, begin, end)
            )
    return report


def _due(snapshots: list[Snapshot], begin: datetime, end: datetime) -> dict[str, set[datetime]]:
    """The ticks that were due on a day, by scope.

    A DAG's day is made of parts: where its interval or its scope changes, another one begins.
    """
    by_dag: dict[tuple[str, str], list[Snapshot]] = defaultdict(list)
    for each in snapshots:
        by_dag[each.dag_id, each.dataset].append(each)
    due: dict[str, set[datetime]] = defaultdict(set)
    for series in by_dag.values():
        series.sort(key=lambda each: (each.run_type in _NOT_DUE, each.run_after))
        regular = [each for each in series if each.run_type not in _NOT_DUE] or series
        there = {each.run_after for each in series}
        for first, since, until in _parts(regular, begin, end):
            if first.interval_seconds:
                grid = _grid(first.run_after, first.interval_seconds, since, until)
                over = end if end == begin + _DAY else end - timedelta(seconds=first.interval_seconds)
                due[first.scope] |= {tick for tick in grid if tick <= over or tick in there}
    return due


def _parts(
    series: list[Snapshot], begin: datetime, end: datetime
) -> Iterator[tuple[Snapshot, datetime, datetime]]:
    """The first snapshot of each part, and what of the day the part is.

    The first part of all begins with the day, also where its first snapshot is later.
    """
    since, first = begin, series[0]
    for each in series[1:]:
        if (each.scope, each.interval_seconds) != (first.scope, first.interval_seconds):
            yield first, since, each.run_after
            since, first = max(begin, each.run_after), each
    yield first, since, end


def _grid(tick: datetime, interval_seconds: int, since: datetime, until: datetime) -> set[datetime]:
    """All ticks of a grid, of which one is known, in a part of the day."""
    interval = timedelta(seconds=interval_seconds)
    first = tick + interval * -((tick - since) // interval)
    return {first + interval * number for number in range(-((first - until) // interval))}


def _ticks(due: set[datetime], there: set[datetime]) -> dict[str, Any]:
    missing = sorted(due - there)
    return {
        "due": len(due),
        "missing": len(missing),
        "missing_ticks": " ".join(f"{tick:%H:%M:%S}" for tick in missing),
    }


def _statuses(rows: list[ClockRow]) -> dict[str, int]:
    counts = Counter(row.status for row in rows)
    names = (COUNTED, INCOMPLETE, GATED, DOUBLED)
    return {**{name: counts[name] for name in names}, "late_runs": sum(row.late for row in rows)}


def _covered(rows: list[ClockRow], begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The spans of the day that are covered, in order; none overlaps another."""
    for row in rows:
        first = max(begin, row.instant)
        last = min(end, row.instant + timedelta(seconds=row.seconds))
        if first < last:
            yield first, last


def _time(spans: list[tuple[datetime, datetime]], begin: datetime, end: datetime) -> dict[str, int]:
    covered = sum(round((last - first).total_seconds()) for first, last in spans)
    edges = [begin, *(edge for span in spans for edge in span), end]
    gaps = [
        round((following - last).total_seconds())
        for last, following in zip(edges[::2], edges[1::2], strict=True)
        if following > last
    ]
    return {
        "covered_seconds": covered,
        "missing_seconds": round((end - begin).total_seconds()) - covered,
        "gaps": len(gaps),
        "longest_gap_seconds": max(gaps, default=0),
    }


def completeness_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Return the report as the table ``completeness``.

    :param rows: of :func:`completeness`
    """
    return pa.Table.from_pylist(rows, TABLES["completeness"].schema)
