# SPDX-License-Identifier: Apache-2.0
"""The clock: for how long each snapshot counts, and in which hours.

A snapshot counts from its instant to that of the next one that counts, at most two intervals; what is beyond
is missing, and nothing is filled. The newest is open: it has samples, but no seconds until another one comes.
All else in metrics is a join with this, and sums of integers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import groupby, pairwise

from twitch_provider.metrics.gates import closed
from twitch_provider.metrics.snapshots import Snapshot

#: For how long a snapshot counts at most where no interval is due: two intervals of five minutes.
LONGEST_WITHOUT_INTERVAL = timedelta(seconds=600)
#: A snapshot is late if Twitch answered first this long after its tick.
LATE = timedelta(seconds=60)

#: How far sessions look back from the beginning of a day.
EARLIER = timedelta(hours=48)

_HOUR = timedelta(hours=1)

COUNTED = "counted"
INCOMPLETE = "incomplete"
GATED = "gated"
DOUBLED = "doubled"


@dataclass(frozen=True)
class ClockRow:
    """A run's snapshot, whether it counts, and for how long.

    :param scope: of the snapshot
    :param dataset: of the snapshot
    :param run_after: its tick, aware UTC
    :param run_id: Airflow's name of the run
    :param instant: when Twitch answered first, aware UTC, in whole seconds
    :param status: ``counted``, ``incomplete``, ``gated``, or ``doubled``: another one counts at this instant
    :param reason: why a gate closed; None for other statuses
    :param seconds: that it counts for; 0 of the newest, and where it does not count
    :param missing_seconds: from there to the next one that counts
    :param late: whether Twitch answered more than 60 s after the tick
    """

    scope: str
    dataset: str
    run_after: datetime
    run_id: str
    instant: datetime
    status: str
    reason: str | None
    seconds: int
    missing_seconds: int
    late: bool

    @property
    def counted_until(self) -> datetime:
        """The end of its seconds."""
        return self.instant + timedelta(seconds=self.seconds)

    @property
    def hour(self) -> datetime:
        """The hour of its samples."""
        return _hour(self.instant)

    @property
    def day(self) -> date:
        """The day of its samples."""
        return self.instant.date()


@dataclass(frozen=True)
class ClockPart:
    """The seconds of one snapshot that lie in one hour.

    :param scope: of the snapshot
    :param dataset: of the snapshot
    :param run_after: its tick, aware UTC
    :param instant: of the snapshot; it may lie in the hour before, or further back
    :param hour: its beginning, aware UTC
    :param seconds: 1 to 3,600
    """

    scope: str
    dataset: str
    run_after: datetime
    instant: datetime
    hour: datetime
    seconds: int

    @property
    def day(self) -> date:
        """The day of these seconds."""
        return self.hour.date()


@dataclass(frozen=True)
class Before:
    """The snapshot that counted before another one.

    :param scope: of both
    :param dataset: of both
    :param run_after: the tick of the later one, aware UTC
    :param before_run_after: the tick of the earlier one, aware UTC
    :param before_instant: the instant of the earlier one, aware UTC
    """

    scope: str
    dataset: str
    run_after: datetime
    before_run_after: datetime
    before_instant: datetime


@dataclass(frozen=True)
class Clock:
    """What snapshots count for.

    :param rows: of all of them, by scope and in the order of their instants
    """

    rows: list[ClockRow]

    @cached_property
    def parts(self) -> list[ClockPart]:
        """The seconds of each snapshot that counts, by hour."""
        return [part for row in self.rows for part in _parts(row)]

    @cached_property
    def before(self) -> list[Before]:
        """For each snapshot that counts, the one that counted before; a scope's first one has none."""
        counted = [row for row in self.rows if row.status == COUNTED]
        return [
            Before(row.scope, row.dataset, row.run_after, earlier.run_after, earlier.instant)
            for earlier, row in pairwise(counted)
            if earlier.scope == row.scope
        ]

    def period(self, begin: datetime, end: datetime) -> Period:
        """Return what an hour or a day is made of.

        :param begin: aware UTC, on the hour
        :param end: likewise
        """
        rows = [row for row in self.rows if begin <= row.instant < end]
        samples = {(row.scope, row.run_after) for row in rows if row.status == COUNTED}
        return Period(
            begin=begin,
            end=end,
            rows=rows,
            parts=[part for part in self.parts if begin <= part.hour < end],
            before=[each for each in self.before if (each.scope, each.run_after) in samples],
            earlier=[
                row for row in self.rows if row.status == COUNTED and begin - EARLIER <= row.instant < begin
            ],
        )


@dataclass(frozen=True)
class Period:
    """The snapshots of an hour or a day.

    :param begin: aware UTC
    :param end: aware UTC
    :param rows: of the clock, with instants in it
    :param parts: the seconds that lie in it, also those of a snapshot before it
    :param before: for each sample of it, the snapshot that counted before
    :param earlier: the snapshots that count in the 48 hours before it, which sessions look at
    """

    begin: datetime
    end: datetime
    rows: list[ClockRow]
    parts: list[ClockPart]
    before: list[Before]
    earlier: list[ClockRow]

    @property
    def needed_earlier(self) -> set[tuple[str, datetime]]:
        """Dataset and tick of each snapshot that the sessions of a day read besides."""
        return {(row.dataset, row.run_after) for row in self.earlier}

    @property
    def needed(self) -> set[tuple[str, datetime]]:
        """Dataset and tick of each snapshot whose tables have to be read."""
        counted = {(row.dataset, row.run_after) for row in self.rows if row.status == COUNTED}
        carried = {(part.dataset, part.run_after) for part in self.parts}
        return counted | carried | {(each.dataset, each.before_run_after) for each in self.before}


def make_clock(snapshots: Iterable[Snapshot]) -> Clock:
    """Decide which snapshots count, and for how long.

    :param snapshots: in any order. For the hours from A to B: from those with ticks 24 hours before A to the
        first that counts after B
    """
    known = list(snapshots)
    reasons = closed(known)
    by_scope: dict[str, list[Snapshot]] = defaultdict(list)
    for snapshot in known:
        by_scope[snapshot.scope].append(snapshot)
    return Clock([row for scope in sorted(by_scope) for row in _rows(by_scope[scope], reasons)])


def _rows(series: list[Snapshot], reasons: dict[tuple[str, str], str]) -> Iterator[ClockRow]:
    ordered = sorted(series, key=lambda each: each.order)
    statuses = _statuses(ordered, reasons)
    counted = [each for each in ordered if statuses[each.identity] == COUNTED]
    spans = {each.identity: _span(each, following) for each, following in pairwise(counted)}
    for snapshot in ordered:
        seconds, missing = spans.get(snapshot.identity, (0, 0))
        yield ClockRow(
            scope=snapshot.scope,
            dataset=snapshot.dataset,
            run_after=snapshot.run_after,
            run_id=snapshot.run_id,
            instant=snapshot.instant,
            status=statuses[snapshot.identity],
            reason=reasons.get(snapshot.identity),
            seconds=seconds,
            missing_seconds=missing,
            late=snapshot.instant - snapshot.run_after > LATE,
        )


def _statuses(ordered: list[Snapshot], reasons: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Of those over one instant that are complete and that no gate closes, the first one counts."""
    statuses = {}
    for _, together in groupby(ordered, key=lambda each: each.instant):
        status = COUNTED
        for snapshot in together:
            if not snapshot.complete:
                statuses[snapshot.identity] = INCOMPLETE
            elif snapshot.identity in reasons:
                statuses[snapshot.identity] = GATED
            else:
                statuses[snapshot.identity] = status
                status = DOUBLED
    return statuses


def _span(snapshot: Snapshot, following: Snapshot) -> tuple[int, int]:
    """For how many seconds it counts, and how many are missing after that."""
    longest = LONGEST_WITHOUT_INTERVAL
    if snapshot.interval_seconds is not None:
        longest = timedelta(seconds=2 * snapshot.interval_seconds)
    gap = following.instant - snapshot.instant
    counts = min(gap, longest)
    return round(counts.total_seconds()), round((gap - counts).total_seconds())


def _parts(row: ClockRow) -> Iterator[ClockPart]:
    begin, end = row.instant, row.counted_until
    while begin < end:
        hour = _hour(begin)
        until = min(end, hour + _HOUR)
        seconds = round((until - begin).total_seconds())
        yield ClockPart(row.scope, row.dataset, row.run_after, row.instant, hour, seconds)
        begin = until


def _hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)
