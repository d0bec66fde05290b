# SPDX-License-Identifier: Apache-2.0
"""The snapshots that a day's metrics depend on, and what an hour or a day is computed from.

A period is a function of the snapshots with ticks from three days before its day to the first one that counts
after it: two days for sessions, carried-over seconds and the snapshot before, and one more for the gates of
those. However many days a run looks at, it computes the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from twitch_provider.lake.store import Store
from twitch_provider.metrics.clock import COUNTED, Clock, Period, make_clock
from twitch_provider.metrics.index import read_day
from twitch_provider.metrics.keys import LENGTHS, MetricsKeys
from twitch_provider.metrics.snapshots import Found, Snapshot

DAY = timedelta(days=1)

#: How far a period looks back from the beginning of its day, and for how long a gap closes.
LOOK_BACK, LOOK_AHEAD = 2 * DAY, 8 * DAY

#: Of the statements and their tables: another one computes anew what is published.
VERSION = 1


def midnight(day: date) -> datetime:
    """Return the beginning of a day, aware UTC.

    :param day: UTC
    """
    return datetime.combine(day, time(), UTC)


@dataclass(frozen=True)
class History:
    """Snapshots of some days, with what the days around say of them.

    :param found: by the manifests
    """

    found: Found = field(default_factory=Found)

    @classmethod
    def read(cls, store: Store, keys: MetricsKeys, first: date, last: date, until: date) -> History:
        """Read what the periods of some days depend on.

        :param store: of the lake
        :param keys: of metrics
        :param first: day, UTC
        :param last: day, UTC
        :param until: the newest day that may have ticks
        :raises TwitchStoreError: the store failed
        """
        history, folders = cls(), store.folders(keys.snapshots)
        day, end = first - LOOK_BACK - DAY, min(last + LOOK_AHEAD, until)
        while day <= last + DAY or (day <= end and history.is_open(last)):
            read_day(store, keys, folders, day, history.found)
            history = cls(history.found)
            day += DAY
        return history

    @cached_property
    def clock(self) -> Clock:
        """Which snapshots count, and for how long."""
        return make_clock(self.found.snapshots)

    @cached_property
    def by_table(self) -> dict[tuple[str, datetime], Snapshot]:
        """The complete snapshots by dataset and tick: another DAG's at that tick may be cut short."""
        return {(each.dataset, each.run_after): each for each in self.found.snapshots if each.complete}

    def is_open(self, last: date) -> bool:
        """Whether a scope's newest snapshot that counts has no following one yet, and matters to a day.

        :param last: the day, UTC
        """
        newest = {row.scope: row.instant for row in self.clock.rows if row.status == COUNTED}
        return any(midnight(last) - LOOK_BACK <= each < midnight(last + DAY) for each in newest.values())

    def period(self, kind: str, begin: datetime) -> Period:
        """Return an hour or a day of the clock.

        :param kind: ``hour`` or ``day``
        :param begin: aware UTC
        """
        period = self.clock.period(begin, begin + LENGTHS[kind])
        since = midnight(begin.date()) - LOOK_BACK
        return replace(
            period,
            parts=[part for part in period.parts if part.instant >= since],
            before=[each for each in period.before if each.before_instant >= since],
        )

    def needed(self, tables: Iterable[tuple[str, datetime]]) -> list[Snapshot]:
        """Return complete snapshots in the order of their keys.

        :param tables: datasets and ticks
        """
        return [self.by_table[each] for each in sorted(tables)]

    def compacted(self, day: date) -> list[Snapshot]:
        """Return the snapshots that become one table for each dataset, whether or not they count.

        :param day: of their ticks, UTC
        """
        return [each for each in self.by_table.values() if each.readable and each.run_after.date() == day]

    @cached_property
    def hours(self) -> set[datetime]:
        """The hours that have runs or seconds."""
        return {row.hour for row in self.clock.rows} | {part.hour for part in self.clock.parts}


def digest_of(period: Period, snapshots: Iterable[Snapshot], more: Any = None) -> str:
    """Return a digest of all that a period's tables are a function of, in whatever order it came.

    :param period: of the clock
    :param snapshots: whose tables are read
    :param more: what else, as values of JSON
    """
    read = [[each.table.sha256, each.games and each.games.sha256] for each in snapshots]
    rows = [[vars(each) for each in part] for part in (period.rows, period.parts, period.before)]
    text = json.dumps([VERSION, rows, sorted(read, key=str), more], sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
