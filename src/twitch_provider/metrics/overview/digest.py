# SPDX-License-Identifier: Apache-2.0
"""What an overview says of a closed day, kept as one small object, so that a month is read in thirty.

It holds nothing that cannot be made again: the entity tag of the day's manifest is in it, and one with
another tag is not used.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import GenericAlias
from typing import Any

from pyarrow import parquet

from twitch_provider.lake.shapes import from_gzip, require_shape
from twitch_provider.lake.store import Store
from twitch_provider.metrics.history import midnight
from twitch_provider.metrics.keys import LENGTHS, MetricsKeys
from twitch_provider.metrics.overview.published import Published, in_parallel
from twitch_provider.metrics.overview.schema import TABLES, names

#: Of the form of digests: another one's are not read.
_FORM = 1

Row = list[Any]


@dataclass
class Digest:
    """A scope on a closed day.

    :param day: a row of the table ``days``
    :param hours: rows of the table ``hours``
    :param games: viewer seconds by category
    """

    day: Row
    hours: list[Row] = field(default_factory=list)
    games: dict[str, int] = field(default_factory=dict)


#: What a column's values are in JSON, by its kind.
_VALUES: dict[str, Any] = {"instant": int, "integer": int, "number": float, "day": str}


def _tuple(*kinds: Any) -> Any:
    return GenericAlias(tuple, kinds)


def _row_kind(table: str) -> Any:
    kinds = ((each, _VALUES[each.kind]) for each in TABLES[table])
    return _tuple(*(kind | None if column.nullable else kind for column, kind in kinds))


#: A digest's day, hours and games.
_DIGEST = _tuple(_row_kind("days"), GenericAlias(list, (_row_kind("hours"),)), dict[str, int])


def read_digests(
    store: Store, keys: MetricsKeys, published: Published, days: Iterable[date]
) -> dict[date, dict[str, Digest]]:
    """Return the digests of days by scope; a day that is not closed has none.

    :param store: of the lake
    :param keys: of metrics
    :param published: reads what has no digest yet
    :param days: UTC
    :raises TwitchStoreError: the store failed
    """
    wanted = list(days)
    closed = in_parallel(lambda day: store.stat(keys.manifest("day", midnight(day))), wanted)
    tags = {day: there.etag for day, there in zip(wanted, closed, strict=True) if there is not None}
    kept = in_parallel(lambda day: store.read(keys.digest(day)), tags)
    digests = {}
    for day, there in zip(tags, kept, strict=True):
        known = None if there is None else _decoded(there.body, tags[day])
        if known is None:
            known = _make(published, day)
            if known is None:
                continue
            body = _encoded(known, tags[day])
            etag = there and there.etag
            store.replace(keys.digest(day), body, content_type="application/gzip", metadata={}, etag=etag)
        digests[day] = known
    return digests


def _make(published: Published, day: date) -> dict[str, Digest] | None:
    """The digests of a day by scope; None if its tables cannot be read."""
    begin = midnight(day)
    files = published.fetch("day", {begin: ("site_day", "games_day")})
    if not files:
        return None
    made = {row["scope"]: Digest(_row("days", row)) for row in _rows(files["site_day"][begin])}
    for row in _rows(files["games_day"][begin], "scope", "game_id", "viewer_seconds"):
        if row["viewer_seconds"]:
            made[row["scope"]].games[row["game_id"]] = row["viewer_seconds"]
    for scope, rows in hours_of(published, hours_of_day(day)).items():
        if scope in made:
            made[scope].hours = rows
    return made


def hours_of_day(day: date) -> list[datetime]:
    """Return the beginnings of the hours of a day, aware UTC.

    :param day: UTC
    """
    return [midnight(day) + LENGTHS["hour"] * number for number in range(24)]


def hours_of(published: Published, hours: Iterable[datetime]) -> dict[str, list[Row]]:
    """Return the rows of the table ``hours`` by scope.

    :param published: reads them
    :param hours: aware UTC
    :raises TwitchStoreError: the store failed
    """
    files = published.fetch("hour", dict.fromkeys(hours, ("site_hour",)))
    found: dict[str, list[Row]] = defaultdict(list)
    for _, path in sorted(files.get("site_hour", {}).items()):
        for row in _rows(path):
            found[row["scope"]].append(_row("hours", row))
    return found


def _rows(path: Path, *columns: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(path, columns=list(columns) or None).to_pylist()
    return rows


def _row(table: str, row: dict[str, Any]) -> Row:
    return [value(row[name]) for name in names(table)]


def value(each: Any) -> Any:
    """Return a value of a table as the document has it.

    :param each: an instant without a zone, a day, a number or text
    """
    if isinstance(each, datetime):
        return round((each - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001 - tables have no zone
    if isinstance(each, date):
        return each.isoformat()
    return quotient(each) if isinstance(each, float) else each


def quotient(number: float) -> float:
    """Return a number with four significant digits: more of them is most of what gzip cannot shorten.

    :param number: any
    """
    short = float(f"{number:.4g}")
    return int(short) if short.is_integer() else short


def _encoded(digests: dict[str, Digest], tag: str) -> bytes:
    values = [_FORM, tag, {scope: vars(each) for scope, each in digests.items()}]
    return gzip.compress(json.dumps(values, separators=(",", ":")).encode(), 6, mtime=0)


def _decoded(body: bytes, tag: str) -> dict[str, Digest] | None:
    kept = from_gzip(body, tuple[int, str, dict[str, dict[str, Any]]])
    if kept is None or tuple(kept[:2]) != (_FORM, tag):
        return None
    try:
        digests = {scope: Digest(**each) for scope, each in kept[2].items()}
        for each in digests.values():
            require_shape([each.day, each.hours, each.games], _DIGEST)
    except TypeError:
        return None
    return digests
