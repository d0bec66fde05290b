# SPDX-License-Identifier: Apache-2.0
"""Bodies of Get Streams straight to columns, without a Python object a row.

Arrow parses many pages in one call against the one schema. What cleaning means is said in :mod:`.columns` and
:mod:`.clean`; here it is done to whole columns. The fast path answers only for pages in which every row is
good. Where anything is odd, the pages are halved until the odd ones stand alone, and those go row by row
through :func:`.clean.validate_streams`: both paths give the same rows, rejects and counts. Fields that the
schema does not name are parsed and not looked into.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as pa_json

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.clean import CLOCK_SKEW, NOT_LIVE, validate_streams
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.raw_lines import Body, RawPage
from twitch_provider.lake.schema import INSTANT, REJECTS, STREAMS, TEXT_LIST, Column
from twitch_provider.lake.validate import INSTANT_FORM, clean_text, filled

#: Bytes of bodies that are worked on in one go, through some hundred calls of Arrow that cost 4 ms in all: at
#: 1 MB those are a quarter of the time, and each MB more is 5 MB of memory more.
_BATCH = 3_000_000
#: Arrow leaves Python's lock alone, so batches are worked on side by side: twice as fast on two cores.
_WORKERS = 2

_ENVELOPE = pa.schema(
    [("data", pa.list_(pa.struct([(column.name, column.kind.arrow) for column in STREAMS.sent])))]
)
_INSTANT = f"^{INSTANT_FORM}$"
_BLANK = b" \t\r\n"


@dataclass(frozen=True)
class Part:
    """The rows of some pages, in order of arrival; duplicates are still in.

    :param table: clean rows, in the schema of streams
    :param rejects: the refused rows with their reasons, in the schema of rejects
    :param rows_in: rows that arrived
    :param filtered: rows that do not belong in the table, by reason
    """

    table: pa.Table = field(repr=False)
    rejects: pa.Table = field(repr=False)
    rows_in: int
    filtered: Mapping[str, int]


class _OddError(Exception):
    """Something in these pages is not for the fast path."""


def validate(bodies: Iterable[Body], *, run_after: datetime) -> Iterator[Part]:
    """Parse and clean pages, a few megabytes at a time, in the order of arrival.

    :param bodies: of Get Streams; no more than some batches of them are held at once
    :param run_after: the tick of the run
    :raises TwitchDataError: a body is not a page of Helix
    """
    utc_text(run_after, "run_after")
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="columns") as pool:
        ahead: deque[Future[list[Part]]] = deque()
        for batch in _batches(bodies):
            ahead.append(pool.submit(_parts, batch, run_after))
            if len(ahead) > _WORKERS:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()


def _batches(bodies: Iterable[Body]) -> Iterator[list[Body]]:
    batch: list[Body] = []
    size = 0
    for body in bodies:
        batch.append(body)
        size += len(body.body)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _parts(batch: Sequence[Body], run_after: datetime) -> list[Part]:
    parts: list[Part] = []
    for fits, group in groupby(_halved(batch, run_after), lambda found: isinstance(found, Part)):
        found = list(group)
        # Odd neighbours together: a call of the slow path costs as much as some hundred rows.
        parts += cast("list[Part]", found) if fits else [_slow(cast("list[Body]", found), run_after)]
    return parts


def _halved(batch: Sequence[Body], run_after: datetime) -> Iterator[Part | Body]:
    """Clean what the fast path can, and hand back each page that it cannot."""
    try:
        yield _fast(batch, run_after)
    except (_OddError, pa.ArrowInvalid):
        half = len(batch) // 2
        if half:
            yield from _halved(batch[:half], run_after)
            yield from _halved(batch[half:], run_after)
        else:
            yield from batch


def _slow(bodies: Sequence[Body], run_after: datetime) -> Part:
    sifted = validate_streams([_opened(body) for body in bodies], run_after=run_after, ranks={})
    table, rejects = STREAMS.to_arrow(sifted.frame), REJECTS.to_arrow(sifted.rejects)
    return Part(table, rejects, sifted.rows_in, sifted.filtered)


def _opened(body: Body) -> RawPage:
    # Not raw_lines.load_pages(): that one needs the cursor, too, and refuses pagination that the fast path
    # does not look at.
    try:
        rows = json.loads(body.body.decode())["data"]
    except (ValueError, TypeError, KeyError, RecursionError):
        rows = None
    if not isinstance(rows, list):
        raise TwitchDataError(f"{body.endpoint}: a body is not a page of Helix: take a new snapshot.")
    return RawPage(body.endpoint, body.params, body.answered_at, body.body, rows, None)


def _fast(batch: Sequence[Body], run_after: datetime) -> Part:
    """Clean pages in which nothing is odd.

    :raises _OddError: something is
    :raises pa.ArrowInvalid: Arrow says so
    """
    rows, counts = _parsed([body.body for body in batch])
    columns = {column.name: _column(column, rows[column.name].combine_chunks()) for column in STREAMS.sent}
    _odd_if((pc.min(columns["viewer_count"]).as_py() or 0) < 0)
    # The number of its page, for each row.
    pages = pa.array(np.repeat(np.arange(len(batch)), counts))
    answered = pa.array([utc_text(body.answered_at, "answered_at") for body in batch], pa.string())
    columns["snapshot_at"] = answered.take(pages)
    columns["run_after"] = pa.repeat(utc_text(run_after, "run_after"), len(rows))
    columns["game_rank"] = pa.nulls(len(rows), pa.int64())
    columns["uptime_minutes"] = _uptime_minutes(columns["started_at"], _seconds(answered).take(pages))
    table = pa.table(columns, schema=STREAMS.arrow)
    live = table.filter(pc.equal(table["type"], "live"))
    others = len(table) - len(live)
    return Part(live, REJECTS.arrow.empty_table(), len(table), {NOT_LIVE: others} if others else {})


def _parsed(bodies: Sequence[bytes]) -> tuple[pa.Table, np.ndarray[Any, Any]]:
    """Parse bodies to a row a stream, and say how many rows each body has."""
    bodies = [body.strip(_BLANK) for body in bodies]
    joined = b"\n".join(bodies)
    # A closing and an opening brace can only meet between two documents, so that as many documents as bodies
    # means that each body is one. Arrow's parser takes NUL for the end of its input, and bytes as they are.
    _odd_if(b"\0" in joined or not all(body[:1] == b"{" and body[-1:] == b"}" for body in bodies))
    ends = pa.py_buffer(np.array([0, len(joined)], np.int64))
    pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(joined)]).validate(full=True)
    envelopes = pa_json.read_json(
        pa.BufferReader(joined),
        # One block: whether lines end in the middle of a body is then all the same.
        read_options=pa_json.ReadOptions(use_threads=False, block_size=len(joined) + 1),
        parse_options=pa_json.ParseOptions(
            explicit_schema=_ENVELOPE, newlines_in_values=True, unexpected_field_behavior="ignore"
        ),
    )
    data = envelopes["data"].combine_chunks()
    _odd_if(len(data) != len(bodies) or data.null_count > 0)
    return pa.Table.from_struct_array(data.flatten()), pc.list_value_length(data).to_numpy()


def _column(column: Column, values: pa.Array) -> pa.Array:
    """Clean a column; see :mod:`.columns` for what that means."""
    if column.kind is TEXT_LIST:
        values = _text_lists(values)
    elif column.kind.arrow == pa.string():
        values = filled(clean_text(values))
    _odd_if(column.required and values.null_count > 0)
    if column.kind is INSTANT:
        _odd_if(not pc.all(pc.match_substring_regex(values, _INSTANT), min_count=0).as_py())
    return values


def _text_lists(lists: pa.ListArray) -> pa.ListArray:
    _odd_if(lists.values.null_count > 0)
    cleaned = clean_text(lists.values)
    if cleaned is lists.values:
        return lists
    return pa.ListArray.from_arrays(lists.offsets, cleaned, mask=lists.is_null())


def _uptime_minutes(started_at: pa.Array, answered: pa.Array) -> pa.Array:
    uptime = pc.subtract(answered, _seconds(started_at))
    _odd_if((pc.min(uptime).as_py() or 0) < -CLOCK_SKEW.total_seconds())
    return pc.divide(pc.max_element_wise(uptime, 0, skip_nulls=False), 60)


def _seconds(instants: pa.Array) -> pa.Array:
    """Whole seconds since 1970; Arrow refuses days that the calendar lacks."""
    return pc.utf8_slice_codeunits(instants, 0, 19).cast(pa.timestamp("s")).cast(pa.int64())


def _odd_if(condition: bool) -> None:
    if condition:
        raise _OddError
