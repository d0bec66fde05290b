# SPDX-License-Identifier: Apache-2.0
"""The published viewers of some weeks, of series in which nothing happens, and what to change in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from benchmarks.viewers import DAY, ViewerWorld
from tests.lake.conftest import MemoryStore
from tests.metrics.lake import parquet_bytes

from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.spikes import Series
from twitch_provider.metrics.tables import TABLES

KEYS = MetricsKeys("twitch")
SCOPE = 'all_streams {"strategy":"languages"}'
#: The day after the history.
TODAY = date(2026, 11, 23)
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)


@cache
def _observed(seed: int, days: int) -> Mapping[str, Series]:
    return ViewerWorld(seed, series=6, days=days).observe()


class Weeks:
    """Six categories and the site: some days of history, and today.

    :param days: of history
    :param scope: of all of it
    """

    def __init__(self, days: int = 16, *, scope: str = SCOPE, seed: int = 71) -> None:
        self.scope, self.store = scope, MemoryStore()
        self._days, self._history_is_written = days, False
        begin = int(MIDNIGHT.timestamp()) - days * DAY
        observed = _observed(seed, days + 1)
        first = int(observed["0"].times[0])
        self.series = {
            f"{number}": Series(each.times - first + begin, each.viewers + 2000)
            for number, each in observed.items()
        }

    def multiply(self, game: str, factor: float, begin: datetime, end: datetime) -> None:
        """Multiply the viewers of a category in a span."""
        self._history_is_written &= begin >= MIDNIGHT
        series = self.series[game]
        inside = (series.times >= begin.timestamp()) & (series.times < end.timestamp())
        self.series[game] = Series(series.times, np.where(inside, series.viewers * factor, series.viewers))

    def drop(self, begin: datetime, end: datetime, games: Iterable[str] = ()) -> None:
        """Take out the snapshots of a span, or only some categories of them."""
        self._history_is_written &= begin >= MIDNIGHT
        for game in games or list(self.series):
            series = self.series[game]
            kept = (series.times < begin.timestamp()) | (series.times >= end.timestamp())
            self.series[game] = Series(series.times[kept], series.viewers[kept])

    def publish(self, *, until: datetime = MIDNIGHT, listed: Mapping[str, int] | None = None) -> None:
        """Write the tables: of each day as if it had one hour, today's by hour.

        :param until: nothing at or after this instant
        :param listed: Twitch's ranks of categories, of a scope that has them
        """
        first = TODAY - timedelta(days=self._days)
        for number in range(0 if self._history_is_written else self._days):
            self._write(first + timedelta(days=number), 0, 24, until, listed)
        for hour in range(24):
            self._write(TODAY, hour, 1, until, listed)
        self._history_is_written = listed is None

    def _write(
        self, day: date, hour: int, hours: int, until: datetime, listed: Mapping[str, int] | None
    ) -> None:
        begin = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        end = min(until, begin + timedelta(hours=hours))
        rows, totals = list[dict[str, Any]](), dict[int, int]()
        for game, series in self.series.items():
            part = series.between(int(begin.timestamp()), int(end.timestamp()))
            for at, viewers in zip(part.times.tolist(), part.viewers.tolist(), strict=True):
                totals[at] = totals.get(at, 0) + int(viewers)
                rank = None if listed is None else listed[game]
                rows.append(
                    {
                        "game_id": game,
                        "game_name": f"Game {game}",
                        "viewers": int(viewers),
                        "twitch_rank": rank,
                    }
                    | {"at": at}
                )
        self._put("games_snapshot", begin, rows)
        self._put("site_snapshot", begin, [{"at": at, "viewers": count} for at, count in totals.items()])

    def _put(self, name: str, begin: datetime, rows: list[dict[str, Any]]) -> None:
        if not rows:
            self.store.objects.pop(KEYS.table(TABLES[name], begin), None)
            return
        made: list[dict[str, Any]] = [
            {
                **row,
                "scope": self.scope,
                "snapshot_at": datetime.fromtimestamp(row["at"], UTC).replace(tzinfo=None),
            }
            for row in rows
        ]
        table = pa.Table.from_pylist(made, TABLES[name].schema)
        self.store.objects[KEYS.table(TABLES[name], begin)] = parquet_bytes(table)
