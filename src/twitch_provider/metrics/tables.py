# SPDX-License-Identifier: Apache-2.0
"""The tables that metrics publish: their grain, columns, types and order.

A column of one name has one type and one meaning (:mod:`.definitions`) in all tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

import pyarrow as pa

from twitch_provider.metrics.definitions import DEFINITIONS, Definition

#: Without a time zone, which Parquet readers treat differently: all are UTC.
_INSTANT = pa.timestamp("us")

_TYPES = {
    **dict.fromkeys(
        ("instant", "snapshot_at", "run_after", "hour", "peak_at", "started_at", "first_seen", "last_seen"),
        _INSTANT,
    ),
    **dict.fromkeys(
        ("scope", "dataset", "run_id", "status", "reason", "game_id", "game_name", "language"), pa.string()
    ),
    **dict.fromkeys(
        ("user_id", "user_login", "user_name", "id", "session_id", "tag", "missing_ticks"), pa.string()
    ),
    **dict.fromkeys(("late", "capped"), pa.bool_()),
    "day": pa.date32(),
    "gini": pa.float64(),
}


@dataclass(frozen=True)
class MetricsTable:
    """One table.

    :param name: of the table
    :param grain: what a row is
    :param names: of the columns, in order
    :param key: the columns that identify a row, by which the rows are sorted
    :param period: ``hour`` or ``day``: what one object holds
    """

    name: str
    grain: str
    names: tuple[str, ...]
    key: tuple[str, ...]
    period: str

    @property
    def schema(self) -> pa.Schema:
        """The columns for Arrow; whole numbers unless they are something else."""
        return pa.schema([pa.field(name, _TYPES.get(name, pa.int64())) for name in self.names])

    @property
    def columns(self) -> list[tuple[pa.DataType, Definition]]:
        """The type and the definition of each column."""
        return [(field.type, DEFINITIONS[field.name]) for field in self.schema]

    @property
    def statement(self) -> str:
        """The name of its statement: ``site_hour`` and ``site_day`` have one, ``site_period``."""
        return re.sub(f"_{self.period}$", "_period", self.name)

    def file_name(self, period: datetime) -> str:
        """Return the name of the object of a period, below the day's partition.

        :param period: the beginning of the hour or the day
        """
        return f"{self.name}_{period:%H}.parquet" if self.period == "hour" else f"{self.name}.parquet"


_SERIES = ("scope", "dataset")
_SUMS = ("covered_seconds", "viewer_seconds", "airtime_seconds")
_PEAK = ("peak_viewers", "peak_at")
_COUNTS = ("unique_channels", "broadcasts", "new_streams")
_CONCENTRATION = ("top10_viewer_seconds", "gini")
_SITE_SUMS = ("covered_seconds", "missing_seconds", *_SUMS[1:])
_CAPPED = ("samples", "capped_samples")
_SNAPSHOT = (*_SERIES, "run_after", "snapshot_at", "hour", "day")
_CLOCK = ("status", "reason", "seconds", "missing_seconds", "late")
_STATUSES = ("counted", "incomplete", "gated", "doubled")
_LIVE = ("viewers", "streams", "channels")


def _periods(period: str) -> tuple[MetricsTable, ...]:
    """The tables that exist by hour and by day."""
    series, length = (*_SERIES, period), {"hour": "an hour", "day": "a day"}[period]
    games = ("game_id", "game_name")
    user = ("user_id", "user_login", "user_name")
    return (
        MetricsTable(
            f"site_{period}",
            f"Everything that was live in {length}",
            (*series, *_SITE_SUMS, *_CAPPED, *_PEAK, *_COUNTS, *_CONCENTRATION),
            ("scope", period),
            period,
        ),
        MetricsTable(
            f"games_{period}",
            f"A category in {length}",
            (*series, *games, *_SUMS, *_CAPPED, *_PEAK, *_COUNTS, *_CONCENTRATION, "rank", "twitch_rank"),
            ("scope", period, "game_id"),
            period,
        ),
        MetricsTable(
            f"languages_{period}",
            f"A language in {length}",
            (*series, "language", *_SUMS, *_CAPPED, *_PEAK, *_COUNTS, "rank"),
            ("scope", period, "language"),
            period,
        ),
        MetricsTable(
            f"channels_{period}",
            f"A channel in {length}",
            (*series, *user, *_SUMS, "samples", *_PEAK, "broadcasts", "new_streams", "rank"),
            ("scope", period, "user_id"),
            period,
        ),
    )


_ALL = (
    MetricsTable(
        "clock",
        "A run's snapshot, whether it counts, and for how long",
        (*_SERIES, "run_after", "run_id", "instant", "hour", "day", *_CLOCK),
        ("scope", "instant", "run_after", "run_id"),
        "hour",
    ),
    MetricsTable(
        "clock_parts",
        "The seconds of a snapshot that lie in an hour",
        (*_SERIES, "run_after", "instant", "hour", "day", "seconds"),
        ("scope", "instant", "hour"),
        "hour",
    ),
    MetricsTable(
        "site_snapshot",
        "Everything that was live at an instant",
        (*_SNAPSHOT, *_LIVE),
        ("scope", "snapshot_at"),
        "hour",
    ),
    MetricsTable(
        "games_snapshot",
        "A category at an instant",
        (*_SNAPSHOT, "game_id", "game_name", *_LIVE, "rank", "twitch_rank", "capped"),
        ("scope", "snapshot_at", "game_id"),
        "hour",
    ),
    MetricsTable(
        "languages_snapshot",
        "A language at an instant",
        (*_SNAPSHOT, "language", *_LIVE, "rank"),
        ("scope", "snapshot_at", "language"),
        "hour",
    ),
    *_periods("hour"),
    *_periods("day"),
    MetricsTable(
        "segments",
        "What a broadcast played on a day without another category in between",
        (
            *_SERIES,
            "day",
            "id",
            "segment",
            "user_id",
            "game_id",
            "first_seen",
            "last_seen",
            *_SUMS[1:],
            "samples",
            *_PEAK,
        ),
        ("scope", "day", "id", "segment"),
        "day",
    ),
    MetricsTable(
        "sessions",
        "A broadcast and a day on which it has samples or seconds",
        (
            *_SERIES,
            "day",
            "id",
            "session_id",
            "user_id",
            "started_at",
            "first_seen",
            "last_seen",
            *_SUMS[1:],
            "samples",
            *_PEAK,
            "title_changes",
            "category_changes",
        ),
        ("scope", "day", "id"),
        "day",
    ),
    MetricsTable(
        "tags_day",
        "A tag on a day",
        (*_SERIES, "day", "tag", *_SUMS[1:], "unique_channels", "rank"),
        ("scope", "day", "tag"),
        "day",
    ),
    MetricsTable(
        "completeness",
        "A scope on a day: what was due, what became of it, which time is covered",
        (
            *_SERIES,
            "day",
            "due",
            "missing",
            "missing_ticks",
            *_STATUSES,
            "late_runs",
            "covered_seconds",
            "missing_seconds",
            "gaps",
            "longest_gap_seconds",
        ),
        ("scope", "day"),
        "day",
    ),
)

#: Every table by its name.
TABLES = {table.name: table for table in _ALL}

_STEPS = ("ticks", "presence", "live_games", "live_languages", "doubles", "new_streams")
#: Relations between the snapshots and the tables, which are not published, in the order of making them.
STEPS = {"hour": _STEPS, "day": (*_STEPS, "broadcasts", "connections", "tag_lists")}
_READ = ("site_snapshot", "games_snapshot", "languages_snapshot")
#: Tables that statements of other tables read, in the order of making them.
READ = {"hour": _READ, "day": (*_READ, "segments")}


def statement(name: str) -> str:
    """Return the SQL of tables, or of a step before them.

    It calls the hour, or the day, that is computed ``period``.

    :param name: a step, or the :attr:`~MetricsTable.statement` of a table
    """
    return (files("twitch_provider.metrics") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
