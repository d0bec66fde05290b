# SPDX-License-Identifier: Apache-2.0
"""Which snapshots count, and for how long, by brute force: the clock of :mod:`.oracle`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from twitch_provider.metrics.snapshots import Snapshot

Row = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """A snapshot and what is in its tables.

    :param snapshot: by its manifest
    :param streams: rows of Get Streams; text that is missing is empty, ``started_at`` a time or None
    :param games: the listed games with Twitch's rank and whether there were more streams than were read;
        None where the run has no such table
    """

    snapshot: Snapshot
    streams: list[Row]
    games: Mapping[str, tuple[int, bool]] | None = None
    _found: dict[str, dict[Any, list[Row]]] = field(default_factory=dict, compare=False, repr=False)

    def rows_by(self, column: str) -> dict[Any, list[Row]]:
        """Return the rows by what they have in a column; remembered, since a day asks for each channel."""
        if column not in self._found:
            found: dict[Any, list[Row]] = {}
            for row in self.streams:
                found.setdefault(row[column], []).append(row)
            self._found[column] = found
        return self._found[column]

    @property
    def instant(self) -> datetime:
        return self.snapshot.instant

    @property
    def viewers(self) -> int:
        return sum(row["viewer_count"] for row in self.streams)


@dataclass
class Tick:
    """A row of the clock."""

    seen: Seen
    status: str = ""
    seconds: int = 0
    missing_seconds: int = 0

    @property
    def instant(self) -> datetime:
        return self.seen.instant

    @property
    def end(self) -> datetime:
        """Of the time for which it counts."""
        return self.instant + timedelta(seconds=self.seconds)

    def within(self, begin: datetime, end: datetime) -> int:
        """Its seconds in a period."""
        return max(0, round((min(end, self.end) - max(begin, self.instant)).total_seconds()))


def shape_closed(snapshot: Snapshot) -> bool:
    """Duplicate keys, an unknown schema version, or, of 20 rows or more, over half a column missing."""
    return (
        snapshot.duplicate_keys > 0
        or snapshot.schema_version != 1
        or any(
            snapshot.rows >= 20 and 2 * snapshot.missing.get(column, 0) > snapshot.rows
            for column in ("game_id", "language", "started_at", "user_login")
        )
    )


def rows_closed(snapshot: Snapshot, series: Iterable[Snapshot]) -> bool:
    """Below half the median of the complete snapshots whose ticks lie in the 24 hours before."""
    day = timedelta(hours=24)
    others = [
        each.rows
        for each in series
        if each.complete and snapshot.run_after - day <= each.run_after < snapshot.run_after
    ]
    return len(others) >= 12 and median(others) >= 50 and 2 * snapshot.rows < median(others)


def clock(lake: Iterable[Seen]) -> dict[str, list[Tick]]:
    """Return the rows of the clock of each scope, in order."""
    scopes: dict[str, list[Seen]] = {}
    for seen in lake:
        scopes.setdefault(seen.snapshot.scope, []).append(seen)
    return {scope: clock_of(series) for scope, series in scopes.items()}


def clock_of(series: list[Seen]) -> list[Tick]:
    snapshots = [seen.snapshot for seen in series]
    ticks = [
        Tick(seen)
        for seen in sorted(
            series, key=lambda seen: (seen.instant, seen.snapshot.run_after, seen.snapshot.run_id)
        )
    ]
    taken = set()
    for tick in ticks:
        snapshot = tick.seen.snapshot
        if not snapshot.complete:
            tick.status = "incomplete"
        elif shape_closed(snapshot) or rows_closed(snapshot, snapshots):
            tick.status = "gated"
        elif tick.instant in taken:
            tick.status = "doubled"
        else:
            tick.status = "counted"
            taken.add(tick.instant)
    for tick, following in pairwise(counted(ticks)):
        interval = tick.seen.snapshot.interval_seconds
        most = 600 if interval is None else 2 * interval
        real = round((following.instant - tick.instant).total_seconds())
        tick.seconds = min(real, most)
        tick.missing_seconds = real - tick.seconds
    return ticks


def counted(ticks: Iterable[Tick]) -> list[Tick]:
    return [tick for tick in ticks if tick.status == "counted"]


def hours(begin: datetime, end: datetime) -> Iterable[datetime]:
    """The beginnings of the clock hours that lie in a time, also in part."""
    hour = begin.replace(minute=0, second=0, microsecond=0)
    while hour < end:
        yield hour
        hour += timedelta(hours=1)


def naive(instant: datetime | None) -> datetime | None:
    """As tables have it: UTC, without a zone."""
    return None if instant is None else instant.astimezone(UTC).replace(tzinfo=None)


def clock_row(tick: Tick) -> Row:
    snapshot = tick.seen.snapshot
    return {
        **of_tick(tick),
        "run_id": snapshot.run_id,
        "instant": naive(tick.instant),
        "status": tick.status,
        "seconds": tick.seconds,
        "missing_seconds": tick.missing_seconds,
        "late": (tick.instant - snapshot.run_after).total_seconds() > 60,
    }


def of_tick(tick: Tick) -> Row:
    snapshot = tick.seen.snapshot
    hour = next(iter(hours(tick.instant, tick.instant + timedelta(seconds=1))))
    return {
        "scope": snapshot.scope,
        "dataset": snapshot.dataset,
        "run_after": naive(snapshot.run_after),
        "snapshot_at": naive(tick.instant),
        "hour": naive(hour),
        "day": hour.date(),
    }


def part_rows(tick: Tick) -> list[Row]:
    return [
        {
            **of_tick(tick),
            "instant": naive(tick.instant),
            "hour": naive(hour),
            "day": hour.date(),
            "seconds": tick.within(hour, hour + timedelta(hours=1)),
        }
        for hour in hours(tick.instant, tick.end)
        if tick.seconds
    ]
