# SPDX-License-Identifier: Apache-2.0
"""Rows of Helix as a file; the same rows give the same bytes."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from twitch_provider.exceptions import TwitchParameterError, TwitchResponseError
from twitch_provider.lake.csv import flat_csv
from twitch_provider.lake.text import json_line, one_line

if TYPE_CHECKING:
    from twitch_provider.helix.endpoints import Endpoint
    from twitch_provider.helix.messages import Page

CONTENT_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
COMPRESSED = "application/gzip"


def content_type(file_format: Any, compression: Any) -> str:
    """Return the media type of a file.

    :param file_format: ``jsonl`` or ``csv``
    :param compression: ``gzip`` or None
    :raises TwitchParameterError: it is another one
    """
    if file_format not in CONTENT_TYPES:
        raise TwitchParameterError(
            f"file_format must be {' or '.join(CONTENT_TYPES)}, not {file_format!r:.60}",
            parameter="file_format",
        )
    if compression not in {None, "gzip"}:
        raise TwitchParameterError(
            f"compression must be gzip or None, not {compression!r:.60}", parameter="compression"
        )
    return COMPRESSED if compression else CONTENT_TYPES[file_format]


def write(
    pages: Iterable[Page],
    file: IO[bytes],
    *,
    endpoint: Endpoint,
    file_format: str,
    compression: str | None,
    formulas: bool = True,
) -> int:
    """Write the rows of a walk, and rewind the file.

    ``jsonl`` is lossless: each row as Helix sent it, one per line, and one page at a time in memory. ``csv``
    is written as the lake's, after the last page: a column for each field that some row has, in the order in
    which they appear, or for each documented one where no row has any; lists and objects are JSON. Text is on
    one line there: a run of line breaks is a space, and what no database holds (NUL, half a surrogate pair)
    is U+FFFD.

    :param pages: a lazy walk
    :param file: an empty one
    :param endpoint: that is read
    :param file_format: ``jsonl`` or ``csv``
    :param compression: ``gzip`` or None
    :param formulas: whether text of a CSV may begin like a formula
    :returns: how many rows
    :raises TwitchResponseError: a row is not an object, or cannot be written as JSON
    """
    rows = 0
    # Without name and time in the header: bytes must not depend on when they were written.
    output = gzip.GzipFile("", "wb", 6, file, mtime=0) if compression else file
    if file_format == "csv":
        table = [row for page in pages for row in page.new_rows]
        rows = len(table)
        output.write(_csv(table, endpoint, formulas=formulas))
    else:
        for line in _lines(pages):
            output.write(line)
            rows += 1
    if output is not file:
        output.close()
    file.seek(0)
    return rows


def _lines(pages: Iterable[Page]) -> Iterator[bytes]:
    for page in pages:
        for row in page.new_rows:
            yield f"{_json(row, page.endpoint, separators=(',', ':'))}\n".encode()


def _json(value: Any, endpoint: str, *, separators: tuple[str, str] | None = None) -> str:
    try:
        return json_line(value, allow_nan=False, separators=separators)
    except (ValueError, RecursionError):
        raise TwitchResponseError(
            f"{endpoint}: a row has an infinite number, or is nested too deeply; try later"
        ) from None


def _csv(rows: list[dict[str, Any]], endpoint: Endpoint, *, formulas: bool) -> bytes:
    # Never without a header: readers refuse a file without a byte.
    names = dict.fromkeys(name for row in rows for name in row) or dict.fromkeys(endpoint.fields)
    columns = [_column([row.get(name) for row in rows], endpoint.path) for name in names]
    return flat_csv(pa.Table.from_arrays(columns, names=list(map(one_line, names))), formulas=formulas)


def _column(values: list[Any], endpoint: str) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    finite = all(math.isfinite(value) for value in values if isinstance(value, float))
    if finite and len(kinds) == 1 and kinds <= {bool, int, float}:
        try:
            return pa.array(values)
        except OverflowError:  # more than 64 bits: as text
            pass
    texts = [one_line(value) if isinstance(value, str) else value for value in values]
    return pa.array(
        [text if text is None or isinstance(text, str) else _json(text, endpoint) for text in texts],
        pa.string(),
    )
