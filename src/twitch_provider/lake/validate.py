# SPDX-License-Identifier: Apache-2.0
"""Rows of decoded JSON to checked and normalised columns: what cleaning means for each column alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.raw_pages import Page
from twitch_provider.lake.schema import INSTANT, TEXT_LIST, Column, Schema
from twitch_provider.lake.text import clean_text, filled, text_array
from twitch_provider.rows import INSTANT_FORM

#: How long an instant without a fraction is.
WHOLE_SECONDS = len("2026-11-23T16:35:00Z")

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
            if (found.str.len() > WHOLE_SECONDS).any():
                frame[column.name] = found.str.slice(0, 19) + "Z"
    return Observed(rows, frame, misfit)


def add_reason(reasons: pd.Series[str], where: pd.Series[bool], reason: str) -> pd.Series[str]:
    """Add a reason to the rows of a mask; an earlier reason stays, and a missing mask counts as false."""
    return reasons.mask(reasons.isna() & where.fillna(False), reason)


def instants(text: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    """Parse instants to whole seconds; an invalid one, such as 30 February, becomes missing.

    :param text: RFC 3339 in UTC
    """
    return pd.to_datetime(text.str.slice(0, 19), format="%Y-%m-%dT%H:%M:%S", utc=True, errors="coerce")


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
    return filled(clean_text(text_array(values)))


def _text_lists(values: list[list[str] | None]) -> pa.ListArray:
    absent = pa.array([value is None for value in values], pa.bool_())
    items = clean_text(text_array([item for value in values for item in value or ()]))
    offsets = pa.array(np.cumsum([0, *(len(value or ()) for value in values)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, items, mask=absent)
