# SPDX-License-Identifier: Apache-2.0
"""What ``overview.json`` has: its version, its tables with their columns, and its JSON Schema.

The documentation and the schema that ships with it come from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twitch_provider.metrics.definitions import DEFINITIONS

#: Readers refuse another one.
VERSION = 1
#: Of the object, in bytes.
MAX_BYTES = 300_000

#: How much of each table there is at most.
SNAPSHOTS, HOURS, DAYS = 1_440, 720, 30
GAMES, CHANNELS, LANGUAGES, MOVERS = 100, 200, 60, 10
TITLE = 80
PROBLEMS, GAPS, NOTES, TICKS = 20, 50, 10, 48
SCOPES = 10
SNAPSHOT_GAMES, SNAPSHOT_LANGUAGES, SNAPSHOT_CHANNELS = 12, 30, 20

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Json = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    :param name: of :mod:`twitch_provider.metrics.definitions` where there is such a column
    :param kind: ``text``, ``integer``, ``number``, ``instant`` (seconds since 1970), ``day`` or ``list``
    :param nullable: whether it may be null: not known, or not there
    :param meaning: what it is here, where that is not what its definition says
    """

    name: str
    kind: str = "integer"
    nullable: bool = False
    meaning: str = ""

    @property
    def description(self) -> str:
        """What it is."""
        return self.meaning or DEFINITIONS[self.name].formula

    @property
    def schema(self) -> Json:
        """Its JSON Schema."""
        return _or_null(_KINDS[self.kind]) if self.nullable else _KINDS[self.kind]


_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_ISO: Json = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
_DAY: Json = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
_KINDS: dict[str, Json] = {
    "text": _TEXT,
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "instant": _COUNT,
    "day": _DAY,
    "list": {"type": "array"},
}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


_PEAK = (Column("peak_viewers", nullable=True), Column("peak_at", "instant", nullable=True))
_SUMS = (Column("viewer_seconds"), Column("airtime_seconds"))
_SHARE = Column("share", "number", nullable=True)
_CHANGES = (
    Column("rank"),
    Column("rank_change", nullable=True, meaning="rank of the 24 hours before less rank"),
    Column(
        "growth",
        "number",
        nullable=True,
        meaning="viewer_seconds per covered second ÷ those of the 24 hours before, less 1",
    ),
)
_NOW = "in the newest snapshot that counts"
_VIEWERS, _STREAMS = Column("viewers", meaning="Concurrent viewers"), Column("streams")

#: The tables of a scope by their keys.
TABLES: dict[str, tuple[Column, ...]] = {
    "snapshots": (
        Column("at", "instant", meaning="Instant of a snapshot that counts"),
        Column("viewers"),
        Column("channels"),
        Column("streams"),
        Column("seconds"),
    ),
    "hours": (Column("hour", "instant"), *_SUMS, Column("covered_seconds"), _PEAK[0]),
    "days": (
        Column("day", "day"),
        *_SUMS,
        Column("covered_seconds"),
        _PEAK[0],
        Column("unique_channels"),
        Column("top10_viewer_seconds"),
        Column("gini", "number", nullable=True),
    ),
    "games": (
        Column("game_id", "text"),
        Column("game_name", "text", nullable=True),
        Column("viewers", meaning=f"Viewers {_NOW}"),
        Column("channels", meaning=f"Channels {_NOW}"),
        *_SUMS,
        Column("covered_seconds", meaning="covered_seconds of the hours in which it was live"),
        *_PEAK,
        Column("capped_share", "number", nullable=True),
        _SHARE,
        *_CHANGES,
        Column(
            "days",
            "list",
            nullable=True,
            meaning="Hours watched of each of the 30 days before today, the oldest first, to 4 digits; "
            "null where nothing is known",
        ),
        Column(
            "top_channels",
            "list",
            meaning=f"The three channels with most viewers {_NOW}: user_login, user_name, language, viewers",
        ),
        Column("languages", "list", meaning=f"The three languages with most viewers {_NOW}, with these"),
    ),
    "channels": (
        Column("user_id", "text"),
        Column("user_login", "text", nullable=True),
        Column("user_name", "text", nullable=True),
        Column("game_name", "text", nullable=True, meaning=f"Its category {_NOW}; null: not in it"),
        Column("language", "text", nullable=True, meaning=f"Its language {_NOW}"),
        Column("title", "text", nullable=True, meaning=f"Its title {_NOW}, cut at limits.title characters"),
        Column("viewers", nullable=True, meaning=f"Viewers {_NOW}; null: not in it"),
        *_SUMS,
        *_PEAK,
        *_CHANGES,
    ),
    "languages": (
        Column("language", "text"),
        Column("viewers", meaning=f"Viewers {_NOW}"),
        Column("channels", meaning=f"Channels {_NOW}"),
        *_SUMS,
        _SHARE,
        *_CHANGES,
    ),
    "heat_map": (
        Column("weekday", meaning="0 is Monday, UTC"),
        Column("hour", meaning="0 to 23, UTC"),
        Column("viewers", "number", meaning="viewer_seconds ÷ covered_seconds of the hours"),
        Column("channels", "number", meaning="airtime_seconds ÷ covered_seconds of the hours"),
        Column("viewers_per_channel", "number", nullable=True),
        Column("hours", meaning="How many hours with covered seconds these are"),
    ),
    "movers": (
        Column("key", "text", meaning="game_id, user_id or language"),
        Column("name", "text", nullable=True, meaning="game_name, user_name or language"),
        Column("viewers", "number", meaning="Average of the hour, or viewers now: see basis"),
        Column("usual", "number", meaning="What that usually is: see basis"),
        Column("change", "number", nullable=True, meaning="viewers ÷ usual, less 1; null where usual is 0"),
    ),
    "snapshot_games": (
        Column("game_id", "text"),
        Column("game_name", "text", nullable=True),
        _VIEWERS,
        _STREAMS,
    ),
    "snapshot_languages": (Column("language", "text"), _STREAMS),
    "snapshot_channels": (
        Column("user_name", "text"),
        Column("game_name", "text"),
        Column("language", "text"),
        _VIEWERS,
    ),
}

#: Those of the section ``snapshot``, by their keys in it.
SNAPSHOT_TABLES = {
    "games": "snapshot_games",
    "by_language": "snapshot_languages",
    "channels": "snapshot_channels",
}
#: Those that are a scope's own.
_OF_A_SCOPE = [name for name in TABLES if name != "movers" and name not in SNAPSHOT_TABLES.values()]

#: The most rows of each.
_MOST = {
    "snapshots": SNAPSHOTS,
    "hours": HOURS,
    "days": DAYS,
    "games": GAMES,
    "channels": CHANNELS,
    "languages": LANGUAGES,
    "heat_map": 7 * 24,
    "movers": MOVERS,
    "snapshot_games": SNAPSHOT_GAMES,
    "snapshot_languages": SNAPSHOT_LANGUAGES,
    "snapshot_channels": SNAPSHOT_CHANNELS,
}

#: What health says of a day, after ``day``: the columns of the table ``completeness``.
OF_A_DAY = (
    "due",
    "missing",
    "missing_ticks",
    "counted",
    "incomplete",
    "gated",
    "doubled",
    "late_runs",
    "covered_seconds",
    "missing_seconds",
)


def names(table: str) -> list[str]:
    """Return the names of a table's columns.

    :param table: of :data:`TABLES`
    """
    return [column.name for column in TABLES[table]]


def table(name: str, rows: list[list[Any]]) -> Json:
    """Return a table as the document has it.

    :param name: of :data:`TABLES`
    :param rows: in the order of its columns
    """
    return {"columns": names(name), "rows": rows}


def json_schema() -> Json:
    """Return the JSON Schema of the document."""
    top = {
        "version": {"const": VERSION},
        "run_after": _ISO,
        "package": _TEXT,
        "today": _DAY,
        "notes": _list(_TEXT, NOTES),
        "limits": _object(dict.fromkeys(("games", "channels", "title"), _COUNT)),
        "scopes": _list(_scope(), SCOPES),
    }
    return {"$schema": _DIALECT, "title": "overview.json", **_object(top)}


def _scope() -> Json:
    now = {"snapshot_at": _ISO, **dict.fromkeys(("viewers", "streams", "channels"), _COUNT)}
    movers = {"basis": _or_null(_TEXT), "hour": _or_null(_COUNT)}
    for kind in ("games", "channels", "languages"):
        sides = {side: _table("movers") for side in ("gaining", "losing")}
        movers[kind] = _object({"floor": {"type": "number"}, **sides})
    snapshot = {
        **dict.fromkeys(("languages", "mature"), _COUNT),
        **{key: _table(name) for key, name in SNAPSHOT_TABLES.items()},
    }
    concentration = {name: _or_null({"type": "number"}) for name in ("top10_share", "gini")}
    detector = _object(
        {
            "state": {"enum": ["on", "learning"]},
            "days": {"type": "number"},
            "budget_per_series_month": {"type": "number"},
            "achieved_per_series_month": _or_null({"type": "number"}),
            "series": _COUNT,
        }
    )
    return _object(
        {
            "scope": _TEXT,
            "dataset": _TEXT,
            "asks": {"type": "object"},
            "interval_seconds": _or_null(_COUNT),
            "now": _or_null(_object({**now, "capped": {"type": "boolean"}})),
            "health": _health(),
            **{name: _table(name) for name in _OF_A_SCOPE},
            "movers": _object(movers),
            "snapshot": _or_null(_object(snapshot)),
            "concentration": _or_null(_object({**concentration, "hour": _COUNT})),
            "detector": _or_null(detector),
        }
    )


def _health() -> Json:
    ticks = {"day": _DAY, **dict.fromkeys(OF_A_DAY, _COUNT), "missing_ticks": _TEXT}
    gap = {"type": "array", "prefixItems": [_ISO, _ISO], "items": False, "minItems": 2}
    problem = {"run_after": _ISO, "status": _TEXT, "reason": _or_null(_TEXT)}
    return _object(
        {
            "last_snapshot_at": _or_null(_ISO),
            "points_left": _or_null(_COUNT),
            "token_requests": _or_null(_COUNT),
            "requests": _or_null(_COUNT),
            "today": _or_null(_object(ticks)),
            "yesterday": _or_null(_object(ticks)),
            "gaps": _list(gap, GAPS),
            "problems": _list(_object(problem), PROBLEMS),
            **dict.fromkeys(("rows", "rejects", "adhoc_runs", "incomplete_runs"), _COUNT),
        }
    )


def _object(properties: Json) -> Json:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _list(items: Json, most: int) -> Json:
    return {"type": "array", "maxItems": most, "items": items}


def _table(name: str) -> Json:
    columns = TABLES[name]
    row = {
        "type": "array",
        "prefixItems": [column.schema for column in columns],
        "items": False,
        "minItems": len(columns),
    }
    return _object({"columns": {"const": names(name)}, "rows": _list(row, _MOST[name])})
