# SPDX-License-Identifier: Apache-2.0
"""Columns of Arrow, cleaned as :mod:`.validate` cleans them, and the rows that are not as they should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from twitch_provider.lake.schema import INSTANT, STREAMS, TEXT_LIST
from twitch_provider.lake.text import clean_text, filled
from twitch_provider.lake.validate import WHOLE_SECONDS, instants
from twitch_provider.rows import INSTANT_FORM

_INSTANT = f"^{INSTANT_FORM}$"

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def clean_columns(rows: pa.Table) -> tuple[dict[str, pa.Array], Mask]:
    """Clean the columns that Helix sends.

    :param rows: as Arrow parses them
    :returns: the columns, and which rows are odd: in those, the values mean nothing
    """
    odd = np.zeros(len(rows), np.bool_)
    columns: dict[str, pa.Array] = {}
    for column in STREAMS.sent:
        values = rows[column.name].combine_chunks()
        if column.kind is TEXT_LIST:
            values = _text_lists(values, odd)
        elif column.kind.arrow == pa.string():
            values = filled(clean_text(values))
        if column.kind is INSTANT:
            values = _instants(values, odd)
        if column.required and values.null_count:
            odd |= as_mask(values.is_null())
        columns[column.name] = values
    odd |= as_mask(pc.less(columns["viewer_count"], 0))
    return columns, odd


def _text_lists(lists: pa.ListArray, odd: Mask) -> pa.ListArray:
    """Clean the texts of lists, and note the lists that have null among them."""
    if lists.values.null_count:
        odd[pc.list_parent_indices(lists).filter(pc.list_flatten(lists).is_null()).to_numpy()] = True
    cleaned = clean_text(lists.values)
    if cleaned is lists.values:
        return lists
    return pa.ListArray.from_arrays(lists.offsets, cleaned, mask=lists.is_null())


def _instants(text: pa.Array, odd: Mask) -> pa.Array:
    """Cut instants to whole seconds, and note those that are invalid; they become missing."""
    wrong = pc.invert(pc.match_substring_regex(text, _INSTANT))
    if pc.any(wrong).as_py():
        odd |= as_mask(wrong)
        text = pc.if_else(wrong, None, text)
    if (pc.max(pc.binary_length(text)).as_py() or 0) > WHOLE_SECONDS:
        text = pc.binary_join_element_wise(pc.utf8_slice_codeunits(text, 0, 19), "Z", "")
    try:
        seconds(text)
    except pa.ArrowInvalid:  # a day that the calendar lacks
        wrong = pc.and_(text.is_valid(), pa.array(instants(text.to_pandas()).isna()))
        odd |= as_mask(wrong)
        text = pc.if_else(wrong, None, text)
    return text


def seconds(text: pa.Array) -> pa.Array:
    """Return instants as whole seconds since 1970; Arrow refuses days that the calendar lacks."""
    return pc.utf8_slice_codeunits(text, 0, 19).cast(pa.timestamp("s")).cast(pa.int64())


def as_mask(condition: pa.Array) -> Mask:
    """Return a condition for numpy; null counts as false."""
    mask: Mask = condition.fill_null(fill_value=False).to_numpy(zero_copy_only=False)
    return mask
