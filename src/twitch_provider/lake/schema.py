# SPDX-License-Identifier: Apache-2.0
"""The one schema: every column's name, kind, nullability and meaning.

The type check of cleaning, the frames' types, the order of the CSV columns and the documentation are all
derived from it. What becomes of line breaks, NUL and the like in text is in :mod:`.text`. Columns are
append-only: a change adds at the end and raises :data:`SCHEMA_VERSION`.
Helix's columns: https://dev.twitch.tv/docs/api/reference/#get-streams and ``#get-top-games``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    :param expected: its name in the reason for refusing another kind
    :param arrow: how a column of it is stored
    :param fits: whether a decoded JSON value is of it, exactly: ``true`` is not an integer, nor is ``12.0``
    """

    expected: str
    arrow: pa.DataType
    fits: Callable[[object], bool]


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_integer(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_boolean(value: object) -> bool:
    return type(value) is bool


def _is_fraction(value: object) -> bool:
    return type(value) is float


def _is_text_list(value: object) -> bool:
    return type(value) is list and all(type(item) is str for item in value)


TEXT = Kind("text", pa.string(), _is_text)
INTEGER = Kind("a whole number of 64 bits", pa.int64(), _is_integer)
BOOLEAN = Kind("true or false", pa.bool_(), _is_boolean)
FRACTION = Kind("a fraction", pa.float64(), _is_fraction)
#: Stays text; cleaning checks its form and cuts off fractions of a second.
INSTANT = Kind("an instant in UTC like 2026-11-23T16:35:00Z", pa.string(), _is_text)
TEXT_LIST = Kind("an array of text only", pa.list_(pa.string()), _is_text_list)

#: pandas' nullable types: an integer column with missing values stays one. Lists have no such
#: type and are objects.
_FRAME_TYPES = {
    pa.string(): pd.StringDtype("pyarrow"),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.float64(): pd.Float64Dtype(),
}


@dataclass(frozen=True)
class Column:
    """One column.

    :param name: as in the CSV
    :param kind: what its values are
    :param description: one line, for the documentation
    :param required: a row without it is refused
    :param ours: added by the lake; else Helix sends it
    """

    name: str
    kind: Kind
    description: str
    required: bool = False
    ours: bool = False


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in the order of its CSV.

    :param name: of the table
    :param columns: in order
    :param key: the column whose values identify a row; None where rows have no identity
    """

    name: str
    columns: tuple[Column, ...]
    key: str | None = None

    @property
    def names(self) -> list[str]:
        """All column names, in order."""
        return [column.name for column in self.columns]

    @property
    def sent(self) -> list[Column]:
        """The columns that Helix sends."""
        return [column for column in self.columns if not column.ours]

    @property
    def arrow(self) -> pa.Schema:
        """The schema for Arrow."""
        return pa.schema([pa.field(column.name, column.kind.arrow) for column in self.columns])

    def to_arrow(self, frame: pd.DataFrame) -> pa.Table:
        """Return the frame's columns as exactly this schema's table."""
        return pa.Table.from_pandas(frame, schema=self.arrow, preserve_index=False)

    def to_frame(self, table: pa.Table) -> pd.DataFrame:
        """Return an Arrow table as a frame of nullable types."""
        frame: pd.DataFrame = table.to_pandas(types_mapper=_FRAME_TYPES.get)
        return frame


_SNAPSHOT_AT = Column("snapshot_at", INSTANT, "When Twitch answered with this row.", required=True, ours=True)
_RUN_AFTER = Column("run_after", INSTANT, "The tick of the run that wrote it.", required=True, ours=True)

STREAMS = Schema(
    "streams",
    (
        Column("id", TEXT, "The broadcast; a new one each time the channel goes live.", required=True),
        Column("user_id", TEXT, "The broadcaster.", required=True),
        Column("user_login", TEXT, "The broadcaster's login name, as in the channel's URL."),
        Column("user_name", TEXT, "The broadcaster's display name."),
        Column("game_id", TEXT, "The category; empty where none is set."),
        Column("game_name", TEXT, "The category's name."),
        Column("type", TEXT, "Always live: other rows are filtered out."),
        Column("title", TEXT, "The broadcast's title, on one line."),
        Column("viewer_count", INTEGER, "Viewers at the time of the answer.", required=True),
        Column("started_at", INSTANT, "When the broadcast began, in whole seconds."),
        Column("language", TEXT, "ISO 639-1 code of the broadcast's language, or other."),
        Column("thumbnail_url", TEXT, "Preview image; replace {width} and {height}."),
        Column("tag_ids", TEXT_LIST, "Deprecated by Twitch in 2023: an empty list."),
        Column("tags", TEXT_LIST, "The broadcaster's tags."),
        Column("is_mature", BOOLEAN, "Marked mature; deprecated, always false since 2026."),
        _SNAPSHOT_AT,
        _RUN_AFTER,
        Column("game_rank", INTEGER, "Rank of the category among the top games; empty beyond.", ours=True),
        Column("uptime_minutes", INTEGER, "Whole minutes from started_at to snapshot_at.", ours=True),
    ),
    key="id",
)

GAMES = Schema(
    "games",
    (
        Column("id", TEXT, "The category.", required=True),
        Column("name", TEXT, "The category's name."),
        Column("box_art_url", TEXT, "Box art; replace {width} and {height}."),
        Column("igdb_id", TEXT, "The game's id at IGDB; empty where unknown."),
        _SNAPSHOT_AT,
        _RUN_AFTER,
        Column("rank", INTEGER, "Place in Twitch's own order by viewers, from 1.", required=True, ours=True),
        Column("streams_seen", INTEGER, "Live streams of it in the snapshot.", required=True, ours=True),
        Column("viewers_seen", INTEGER, "Their viewers together.", required=True, ours=True),
        Column(
            "viewers_share",
            FRACTION,
            "viewers_seen as a fraction (0 to 1) of the viewers seen in all games of the snapshot.",
            required=True,
            ours=True,
        ),
        Column(
            "capped",
            BOOLEAN,
            "True where there were more streams than were asked for: the totals are minimums.",
            required=True,
            ours=True,
        ),
    ),
    key="id",
)

REJECTS = Schema(
    "rejects",
    (
        Column("reason", TEXT, "Why cleaning refused the row.", required=True, ours=True),
        Column("row", TEXT, "The row as Helix sent it, as JSON.", required=True, ours=True),
        _SNAPSHOT_AT,
        _RUN_AFTER,
    ),
)

SCHEMAS = {schema.name: schema for schema in (STREAMS, GAMES, REJECTS)}
