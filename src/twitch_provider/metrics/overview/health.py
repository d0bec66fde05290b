# SPDX-License-Identifier: Apache-2.0
"""Whether the data are whole, as the manifests of snapshots say: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.manifest import Manifest
from twitch_provider.metrics.clock import COUNTED, INCOMPLETE, LONGEST_WITHOUT_INTERVAL, Clock, ClockRow
from twitch_provider.metrics.completeness import completeness
from twitch_provider.metrics.history import History, midnight
from twitch_provider.metrics.overview.schema import GAPS, OF_A_DAY, PROBLEMS, TICKS
from twitch_provider.metrics.snapshots import Snapshot

_DAY = timedelta(days=1)

Json = dict[str, Any]


@dataclass(frozen=True)
class Health:
    """What the manifests of one scope say, up to an instant.

    :param scope: of the snapshots
    :param snapshots: of the scope, in the order of their instants; not empty
    :param rows: the scope's rows of the clock, in the same order
    :param until: the instant, aware UTC
    """

    scope: str
    snapshots: list[Snapshot]
    rows: list[ClockRow]
    until: datetime

    @property
    def newest(self) -> Snapshot:
        """The newest snapshot, whether it counts or not."""
        return self.snapshots[-1]

    def document(self, newest: Manifest | None, days: dict[date, list[Json]], adhoc: int) -> Json:
        """Return the section of the document.

        :param newest: the manifest of the newest snapshot; None if it is not there any more
        :param days: the completeness reports of today and yesterday
        :param adhoc: how many ad hoc runs its DAGs had in the last 24 hours
        """
        since = self.until - _DAY
        recent = [row for row in self.rows if row.run_after >= since]
        problems = [row for row in recent if row.status != COUNTED]
        of_day = [each for each in self.snapshots if each.run_after >= since]
        today = self.until.date()
        return {
            "last_snapshot_at": utc_text(self.newest.instant, "instant"),
            "points_left": newest and newest.points_left,
            "token_requests": newest and int(newest.transport.get("tokens", 0)),
            "requests": newest and newest.requests,
            "today": self._of_day(days, today),
            "yesterday": self._of_day(days, today - _DAY),
            "gaps": [[utc_text(edge, "gap") for edge in gap] for gap in self.gaps()[-GAPS:]],
            "problems": [_problem(row) for row in sorted(problems, key=_newest_first)[:PROBLEMS]],
            "rows": sum(each.rows for each in of_day),
            "rejects": sum(each.rejects for each in of_day),
            "adhoc_runs": adhoc,
            "incomplete_runs": sum(row.status == INCOMPLETE for row in recent),
        }

    def gaps(self) -> list[tuple[datetime, datetime]]:
        """Return the spans of the last 24 hours for which no snapshot counts, in order.

        What lies before the first snapshot is not one, and the newest counts as long as it can.
        """
        counted = [row for row in self.rows if row.status == COUNTED]
        end, gaps = max(self.until - _DAY, self.rows[0].instant), []
        for row in counted:
            if row.instant > end:
                gaps.append((end, row.instant))
            end = max(end, row.instant, row.counted_until)
        if counted:
            end = max(end, counted[-1].instant + self.open)
        return [*gaps, *([(end, self.until)] if end < self.until else [])]

    @property
    def open(self) -> timedelta:
        """For how long the newest one that counts may do so, while it has no seconds yet."""
        newest = next((row for row in reversed(self.rows) if row.status == COUNTED), None)
        if newest is None or newest.seconds:
            return timedelta(0)
        interval = next(
            each for each in self.snapshots if each.run_after == newest.run_after
        ).interval_seconds
        longest = LONGEST_WITHOUT_INTERVAL if interval is None else timedelta(seconds=2 * interval)
        return max(timedelta(0), min(longest, self.until - newest.instant))

    def _of_day(self, days: dict[date, list[Json]], day: date) -> Json | None:
        row = next((row for row in days[day] if row["scope"] == self.scope), None)
        if row is None:
            return None
        every, first = row["missing_ticks"].split(), min(each.run_after for each in self.snapshots)
        # A lake that begins on the day had no ticks before, and nothing could be covered.
        ticks = [tick for tick in every if first.date() < day or tick > f"{first:%H:%M:%S}"]
        begin = max(midnight(day), self.rows[0].instant)
        end = min(midnight(day) + _DAY, self.until - self.open)
        return {
            "day": day.isoformat(),
            **{name: row[name] for name in OF_A_DAY},
            "due": row["due"] - len(every) + len(ticks),
            "missing": len(ticks),
            "missing_ticks": " ".join(ticks[-TICKS:]),
            "missing_seconds": max(0, round((end - begin).total_seconds()) - row["covered_seconds"]),
        }


def healths(history: History, until: datetime) -> dict[str, Health]:
    """Return what the manifests say of each scope.

    :param history: snapshots of the last days
    :param until: the instant, aware UTC
    """
    known = sorted(
        (each for each in history.found.snapshots if each.instant < until), key=lambda each: each.order
    )
    clock = history.clock
    return {
        scope: Health(
            scope,
            [each for each in known if each.scope == scope],
            [row for row in clock.rows if row.scope == scope and row.instant < until],
            until,
        )
        for scope in sorted({each.scope for each in known})
    }


def reports(snapshots: Iterable[Snapshot], clock: Clock, until: datetime) -> dict[date, list[Json]]:
    """Return the completeness reports of today, as far as it is over, and of yesterday.

    :param snapshots: of the last days
    :param clock: of these
    :param until: the instant, aware UTC
    """
    known, today = list(snapshots), until.date()
    return {
        today: completeness(known, clock, today, until=until),
        today - _DAY: completeness(known, clock, today - _DAY),
    }


def _problem(row: ClockRow) -> Json:
    reason = row.reason and f"{row.reason:.200}"
    return {"run_after": utc_text(row.run_after, "run_after"), "status": row.status, "reason": reason}


def _newest_first(row: ClockRow) -> tuple[float, str]:
    return -row.run_after.timestamp(), row.run_id
