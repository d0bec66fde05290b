# SPDX-License-Identifier: Apache-2.0
"""The relations that statements read, whichever engine runs them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from twitch_provider.metrics.clock import ClockPart, ClockRow, Period
from twitch_provider.metrics.keys import LENGTHS
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
#: What only the overview reads, of one snapshot.
LIVE = {"is_mature": "is_mature"}
#: What ``streams_before`` has.
BEFORE_COLUMNS = {name: STREAMS_COLUMNS[name] for name in ("id", "user_id", "started_at")}
#: What ``games`` has.
GAMES_COLUMNS = {
    "game_id": "id",
    "game_name": "COALESCE(name, '')",
    "twitch_rank": "rank",
    "capped": "capped",
}


def clock_relations(period: Period, kind: str) -> dict[str, pa.Table]:
    """Return ``clock``, ``clock_before``, ``clock_parts`` and ``before``.

    Each row has its hour or its day as ``period``, so that one statement computes the tables of both.

    :param period: of the clock
    :param kind: ``hour`` or ``day``: of the tables to compute
    """
    clock, clock_parts = (_for_statements(TABLES[name].schema, kind) for name in ("clock", "clock_parts"))
    instant = clock.field("instant").type
    clock = clock.append(pa.field("second_of_day", pa.int64())).append(pa.field("counted_until", instant))
    names = [(name, clock.field(name).type) for name in ("scope", "dataset", "run_after")]
    before = pa.schema([*names, ("before_run_after", instant), ("before_instant", instant)])
    return {
        "clock": _table([_clock_row(row, kind) for row in period.rows], clock),
        "clock_before": _table([_clock_row(row, kind) for row in period.earlier], clock),
        "clock_parts": _table([vars(part) | _period_of(part, kind) for part in period.parts], clock_parts),
        "before": _table([vars(each) for each in period.before], before),
    }


def _for_statements(schema: pa.Schema, kind: str) -> pa.Schema:
    """The columns of a table, with ``period`` instead of ``hour``, and its length."""
    hour = schema.get_field_index("hour")
    schema = schema.set(hour, pa.field("period", schema.field(kind).type))
    return schema.append(pa.field("period_seconds", pa.int64()))


def _period_of(row: ClockRow | ClockPart, kind: str) -> dict[str, Any]:
    length = round(LENGTHS[kind].total_seconds())
    return {"period": getattr(row, kind), "period_seconds": length, "day": row.day}


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


def _clock_row(row: ClockRow, kind: str) -> dict[str, Any]:
    """A row of the clock, with what statements would else need functions of time for, which differ."""
    second = row.instant.hour * 3600 + row.instant.minute * 60 + row.instant.second
    derived = {"counted_until": row.counted_until, "second_of_day": second}
    return vars(row) | _period_of(row, kind) | derived
