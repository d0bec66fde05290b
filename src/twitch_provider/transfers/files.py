# SPDX-License-Identifier: Apache-2.0
"""Rows of Helix as a file: a page at a time, and the same rows give the same bytes."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from twitch_provider.exceptions import TwitchParameterError, TwitchResponseError

if TYPE_CHECKING:
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
            f"file_format wants {' or '.join(CONTENT_TYPES)}, not {file_format!r:.60}",
            parameter="file_format",
        )
    if compression not in {None, "gzip"}:
        raise TwitchParameterError(
            f"compression wants gzip or None, not {compression!r:.60}", parameter="compression"
        )
    return COMPRESSED if compression else CONTENT_TYPES[file_format]


def write(pages: Iterable[Page], file: IO[bytes], *, file_format: str, compression: str | None) -> int:
    """Write the fresh rows of a walk, and rewind the file.

    ``jsonl`` is lossless: each row as Helix sent it, one a line. ``csv`` has a column for each field that
    some row has, in the order of their coming; lists and objects are JSON, a missing value is empty.

    :param pages: a lazy walk; one page at a time is held
    :param file: an empty one
    :param file_format: ``jsonl`` or ``csv``
    :param compression: ``gzip`` or None
    :returns: how many rows
    :raises TwitchResponseError: a row is no object, or cannot be JSON again
    """
    write_rows = _write_csv if file_format == "csv" else _write_lines
    if compression:
        # Without name and time in the header: bytes must not depend on when they were written.
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as compressed:
            rows = write_rows(pages, compressed)
    else:
        rows = write_rows(pages, file)
    file.seek(0)
    return rows


def _write_lines(pages: Iterable[Page], file: Any) -> int:
    rows = 0
    for _, line in _lines(pages):
        file.write(line)
        rows += 1
    return rows


def _write_csv(pages: Iterable[Page], file: Any) -> int:
    """Write in two goes: the header stands first, but only the last row tells which columns there are."""
    columns: dict[str, None] = {}
    with tempfile.TemporaryFile() as spool:
        for row, line in _lines(pages):
            columns |= dict.fromkeys(row)
            spool.write(line)
        spool.seek(0)
        # All text is quoted: what minimal quoting is differs between versions of Python.
        text = codecs.getwriter("utf-8")(file, "backslashreplace")
        table = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        rows = 0
        for rows, line in enumerate(spool, start=1):
            if rows == 1:
                table.writerow(columns)
            row = json.loads(line)
            table.writerow(_field(row.get(column)) for column in columns)
    return rows


def _lines(pages: Iterable[Page]) -> Iterator[tuple[dict[str, Any], bytes]]:
    for page in pages:
        for row in page.new_rows:
            try:
                line = json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            except (ValueError, RecursionError):
                raise TwitchResponseError(
                    f"{page.endpoint}: a row holds a number without end, or is nested without end; try later"
                ) from None
            # Half a surrogate pair is no UTF-8, and stays escaped as Helix sent it.
            yield row, line.encode(errors="backslashreplace") + b"\n"


def _field(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return json.dumps(value, ensure_ascii=False)
    return value
