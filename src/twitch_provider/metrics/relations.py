# SPDX-License-Identifier: Apache-2.0
"""The relations that statements read, whichever engine runs them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from twitch_provider.metrics.clock import ClockRow, Period
from twitch_provider.metrics.tables import TABLES

#: What ``streams`` has of a table's column.
STREAMS_COLUMNS = {
    "id": "id",
    "user_id": "user_id",
    "user_login": "COALESCE(user_login, '')",
    "user_name": "COALESCE(user_name, '')",
    "game_id": "COALESCE(game_id, '')",
    "game_name": "COALESCE(game_name, '')",
    "viewer_count": "viewer_count",
    "started_at": "CAST(started_at AS TIMESTAMP)",
    "language": "COALESCE(language, '')",
}
#: What only the tables of a day read, besides tags; most of the bytes.
OF_A_DAY = {"title": "COALESCE(title, '')"}
#: What ``streams_before`` has.
BEFORE_COLUMNS = {name: STREAMS_COLUMNS[name] for name in ("id", "user_id", "started_at")}
#: What ``games`` has.
GAMES_COLUMNS = {
    "game_id": "id",
    "game_name": "COALESCE(name, '')",
    "twitch_rank": "rank",
    "capped": "capped",
}


def clock_relations(period: Period) -> dict[str, pa.Table]:
    """Return ``clock``, ``clock_before``, ``clock_parts`` and ``before``.

    :param period: of the clock
    """
    clock, clock_parts = TABLES["clock"].schema, TABLES["clock_parts"].schema
    instant = clock.field("instant").type
    for_statements = clock.append(pa.field("second_of_day", pa.int64()))
    for_statements = for_statements.append(pa.field("counted_until", instant))
    names = [(name, clock.field(name).type) for name in ("scope", "dataset", "run_after")]
    before = pa.schema([*names, ("before_run_after", instant), ("before_instant", instant)])
    return {
        "clock": _table([_clock_row(row) for row in period.rows], for_statements),
        "clock_before": _table([_clock_row(row) for row in period.earlier], for_statements),
        "clock_parts": _table([{**vars(part), "day": part.day} for part in period.parts], clock_parts),
        "before": _table([vars(each) for each in period.before], before),
    }


def _table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Instants lose their time zone, which is UTC."""
    naive = [
        {
            name: value.replace(tzinfo=None) if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        for row in rows
    ]
    return pa.Table.from_pylist(naive, schema)


def _clock_row(row: ClockRow) -> dict[str, Any]:
    """A row of the clock, with what statements would else need functions of time for, which differ."""
    second = row.instant.hour * 3600 + row.instant.minute * 60 + row.instant.second
    derived = {"hour": row.hour, "day": row.day, "counted_until": row.counted_until}
    return {**vars(row), **derived, "second_of_day": second}
