# SPDX-License-Identifier: Apache-2.0
"""Rows of decoded JSON to checked and normalised columns: what cleaning means for each column alone."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.raw_lines import Page
from twitch_provider.lake.schema import INSTANT, TEXT_LIST, Column, Schema

#: JSON text may escape half of a surrogate pair; UTF-8 cannot hold it.
_SURROGATE = re.compile("[\ud800-\udfff]")
#: RFC 3339 in UTC, in centuries that have streams and are within the range of every pandas.
INSTANT_FORM = r"(?:19|20|21)\d{2}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z"

_JSON_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a whole number",
    float: "a number with a fraction",
    str: "text",
    list: "an array",
    dict: "an object",
}


@dataclass(frozen=True)
class Observed:
    """Every row that arrived, in columns.

    :param rows: the rows as they were decoded, in order of arrival
    :param frame: Helix's columns and ``snapshot_at``, cleaned; a value that does not fit is missing
    :param misfit: why a row does not fit the schema; missing where it does
    """

    rows: list[Any]
    frame: pd.DataFrame
    misfit: pd.Series[str]


def observe(pages: Iterable[Page], schema: Schema) -> Observed:
    """Turn the rows of the pages into columns, and check each value's kind.

    Unknown fields are ignored and absent ones are missing values: Twitch adds fields, and older captures have
    fewer.
    """
    rows: list[Any] = []
    snapshot_at: list[str] = []
    for page in pages:
        rows += page.rows
        snapshot_at += [utc_text(page.answered_at, "answered_at")] * len(page.rows)

    objects = [row if type(row) is dict else {} for row in rows]
    misfit = _text_series(
        [None if type(row) is dict else f"row: {_kind_of(row)} where an object was expected" for row in rows]
    )
    table: dict[str, pa.Array] = {}
    for column in schema.sent:
        values = [row.get(column.name) for row in objects]
        refused = _refused(column, values)
        misfit = misfit.fillna(_text_series(refused))
        fitting = [value if reason is None else None for value, reason in zip(values, refused, strict=True)]
        table[column.name] = _column(column, fitting)
    table["snapshot_at"] = pa.array(snapshot_at, pa.string())
    frame = schema.to_frame(pa.table(table))

    for column in schema.sent:
        found, expected = frame[column.name], f"where {column.kind.expected} was expected"
        if column.required:
            misfit = add_reason(misfit, found.isna(), f"{column.name}: missing or empty {expected}")
        if column.kind is INSTANT:
            wrong = found.notna() & ~_is_instant(found)
            misfit = add_reason(misfit, wrong, f"{column.name}: text {expected}")
    return Observed(rows, frame, misfit)


def add_reason(reasons: pd.Series[str], where: pd.Series[bool], reason: str) -> pd.Series[str]:
    """Add a reason to the rows of a mask; an earlier reason stays, and a missing mask counts as false."""
    return reasons.mask(reasons.isna() & where.fillna(False), reason)


def instants(text: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    """Parse instants to whole seconds; an invalid one, such as 30 February, becomes missing.

    :param text: RFC 3339 in UTC
    """
    return pd.to_datetime(text.str.slice(0, 19), format="%Y-%m-%dT%H:%M:%S", utc=True, errors="coerce")


def clean_text(text: pa.Array) -> pa.Array:
    """Normalise text: NFC, without control characters.

    A run of line breaks and tabs becomes one space, so that words stay apart; every other character of
    category Cc is removed. Joiners and direction marks (Cf) stay: emoji and whole scripts need them. HTML
    escapes stay, too: they are what the broadcaster typed.
    """
    # Printable ASCII is clean, and almost all text is that. Of other text, each distinct one is cleaned once.
    other = pc.invert(pc.ascii_is_printable(text))
    if not pc.any(other).as_py():
        return text
    distinct = text.filter(other).dictionary_encode()
    cleaned = _clean_each(distinct.dictionary)
    if cleaned.equals(distinct.dictionary):
        return text
    return pc.replace_with_mask(text, pc.fill_null(other, fill_value=False), cleaned.take(distinct.indices))


def filled(text: pa.Array) -> pa.Array:
    """Make empty text missing, which is what Twitch means by it."""
    empty = pc.equal(text, "")
    return pc.if_else(empty, None, text) if pc.any(empty).as_py() else text


def _clean_each(text: pa.Array) -> pa.Array:
    # Searching takes a third of the time of replacing, and there is little to replace.
    control = pc.match_substring_regex(text, r"\p{Cc}")
    spaced = pc.replace_substring_regex(text.filter(control), r"[\t-\r\x{85}]+", " ")
    bare = pc.replace_with_mask(text, control, pc.replace_substring_regex(spaced, r"\p{Cc}+", "")).to_pylist()
    # pyarrow's utf8_normalize is no faster, and its NFC is NFD before version 26.
    return pa.array([unicodedata.normalize("NFC", item) for item in bare], pa.string())


def as_json(row: object) -> str:
    """Encode a decoded row as JSON; half a surrogate pair is escaped as it was."""
    return json.dumps(row, ensure_ascii=False).encode(errors="backslashreplace").decode()


def _refused(column: Column, values: list[Any]) -> list[str | None]:
    """Return for each value why it does not fit the column; null is a missing value, which does."""
    fits, expected = column.kind.fits, column.kind.expected
    reason = "{}: {} where {} was expected".format
    return [
        None if value is None or fits(value) else reason(column.name, _kind_of(value), expected)
        for value in values
    ]


def _kind_of(value: object) -> str:
    """Return the name of a decoded JSON value's kind."""
    return _JSON_KINDS.get(type(value), type(value).__name__)


def _is_instant(text: pd.Series[str]) -> pd.Series[bool]:
    """Whether the text has the form and is a valid instant."""
    return text.str.fullmatch(INSTANT_FORM).fillna(False) & instants(text).notna()


def _text_series(values: list[Any]) -> pd.Series[str]:
    return pd.Series(values, dtype=pd.StringDtype("pyarrow"))


def _column(column: Column, values: list[Any]) -> pa.Array:
    if column.kind is TEXT_LIST:
        return _text_lists(values)
    if column.kind.arrow != pa.string():
        return pa.array(values, column.kind.arrow)
    return filled(clean_text(_encodable(values)))


def _text_lists(values: list[list[str] | None]) -> pa.ListArray:
    absent = pa.array([value is None for value in values], pa.bool_())
    items = clean_text(_encodable([item for value in values for item in value or ()]))
    offsets = pa.array(np.cumsum([0, *(len(value or ()) for value in values)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, items, mask=absent)


def _encodable(values: list[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([value and _SURROGATE.sub("\ufffd", value) for value in values], pa.string())
