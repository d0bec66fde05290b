# SPDX-License-Identifier: Apache-2.0
"""Bodies of Get Streams straight to Arrow, without a Python object per row.

Arrow parses many pages in one call against the one schema. What cleaning means is defined in :mod:`.validate`
and :mod:`.clean`; here it is done to whole columns. This fast path accepts only pages in which every row is
good. Otherwise a batch is halved until the pages that it does not accept stand alone, and those go through
:func:`.clean.validate_streams`: both paths give the same rows, rejects and counts. Fields that are not in the
schema are parsed and ignored.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
from twitch_provider.lake.tables import CleanTable
from twitch_provider.lake.text import clean_text, filled
from twitch_provider.lake.validate import INSTANT_FORM, WHOLE_SECONDS

#: Bytes of bodies in a batch. A batch takes some hundred calls of Arrow, 4 ms in all: at 1 MB those are a
#: quarter of the time, and each MB more is 5 MB of memory more.
_BATCH = 3_000_000
#: Arrow releases Python's lock, so that two batches at once are twice as fast on two cores.
_WORKERS = 2

_ENVELOPE = pa.schema(
    [("data", pa.list_(pa.struct([(column.name, column.kind.arrow) for column in STREAMS.sent])))]
)
_INSTANT = f"^{INSTANT_FORM}$"
_BLANK = b" \t\r\n"


class _NotAcceptedError(Exception):
    """The fast path does not accept these pages."""


def validate(bodies: Iterable[Body], *, run_after: datetime) -> Iterator[CleanTable]:
    """Parse and clean pages, a few megabytes at a time, in the order of arrival; duplicates stay in.

    :param bodies: of Get Streams; no more than some batches of them are held at once
    :param run_after: the tick of the run
    :raises TwitchDataError: a body is not a page of Helix
    """
    utc_text(run_after, "run_after")
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="arrow") as pool:
        ahead: deque[Future[list[CleanTable]]] = deque()
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


def _parts(batch: Sequence[Body], run_after: datetime) -> list[CleanTable]:
    parts: list[CleanTable] = []
    for fits, group in groupby(_halved(batch, run_after), lambda found: isinstance(found, CleanTable)):
        found = list(group)
        # Neighbours together: a call of the slow path costs as much as some hundred rows.
        parts += cast("list[CleanTable]", found) if fits else [_slow(cast("list[Body]", found), run_after)]
    return parts


def _halved(batch: Sequence[Body], run_after: datetime) -> Iterator[CleanTable | Body]:
    """Clean what the fast path accepts, and yield each page that it does not accept as it is."""
    try:
        yield _fast(batch, run_after)
    except (_NotAcceptedError, pa.ArrowInvalid):
        half = len(batch) // 2
        if half:
            yield from _halved(batch[:half], run_after)
            yield from _halved(batch[half:], run_after)
        else:
            yield from batch


def _slow(bodies: Sequence[Body], run_after: datetime) -> CleanTable:
    pages = [_opened(body) for body in bodies]
    return validate_streams(pages, run_after=run_after, ranks={}).to_table(STREAMS)


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


def _fast(batch: Sequence[Body], run_after: datetime) -> CleanTable:
    """Clean pages in which every row is good.

    :raises _NotAcceptedError: not every row is
    :raises pa.ArrowInvalid: not every body can be parsed
    """
    rows, counts = _parsed([body.body for body in batch])
    columns = {column.name: _column(column, rows[column.name].combine_chunks()) for column in STREAMS.sent}
    _refuse_if((pc.min(columns["viewer_count"]).as_py() or 0) < 0)
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
    return CleanTable(
        schema=STREAMS,
        table=live,
        rejects=REJECTS.arrow.empty_table(),
        rows_in=len(table),
        duplicates=0,
        filtered={NOT_LIVE: others} if others else {},
    )


def _parsed(bodies: Sequence[bytes]) -> tuple[pa.Table, np.ndarray[Any, Any]]:
    """Parse bodies; returns a row per stream, and the number of rows of each body."""
    bodies = [body.strip(_BLANK) for body in bodies]
    joined = b"\n".join(bodies)
    # A closing and an opening brace can only meet between two documents: where there are as many documents as
    # bodies, each body is one. Arrow's parser stops at NUL, and does not check that bytes are UTF-8.
    _refuse_if(b"\0" in joined or not all(body[:1] == b"{" and body[-1:] == b"}" for body in bodies))
    ends = pa.py_buffer(np.array([0, len(joined)], np.int64))
    pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(joined)]).validate(full=True)
    envelopes = pa_json.read_json(
        pa.BufferReader(joined),
        # One block: then lines may end in the middle of a body.
        read_options=pa_json.ReadOptions(use_threads=False, block_size=len(joined) + 1),
        parse_options=pa_json.ParseOptions(
            explicit_schema=_ENVELOPE, newlines_in_values=True, unexpected_field_behavior="ignore"
        ),
    )
    data = envelopes["data"].combine_chunks()
    _refuse_if(len(data) != len(bodies) or data.null_count > 0)
    return pa.Table.from_struct_array(data.flatten()), pc.list_value_length(data).to_numpy()


def _column(column: Column, values: pa.Array) -> pa.Array:
    """Clean a column; see :mod:`.validate` for what that means."""
    if column.kind is TEXT_LIST:
        values = _text_lists(values)
    elif column.kind.arrow == pa.string():
        values = filled(clean_text(values))
    _refuse_if(column.required and values.null_count > 0)
    if column.kind is INSTANT:
        _refuse_if(not pc.all(pc.match_substring_regex(values, _INSTANT), min_count=0).as_py())
        if (pc.max(pc.binary_length(values)).as_py() or 0) > WHOLE_SECONDS:
            values = pc.binary_join_element_wise(pc.utf8_slice_codeunits(values, 0, 19), "Z", "")
    return values


def _text_lists(lists: pa.ListArray) -> pa.ListArray:
    _refuse_if(lists.values.null_count > 0)
    cleaned = clean_text(lists.values)
    if cleaned is lists.values:
        return lists
    return pa.ListArray.from_arrays(lists.offsets, cleaned, mask=lists.is_null())


def _uptime_minutes(started_at: pa.Array, answered: pa.Array) -> pa.Array:
    uptime = pc.subtract(answered, _seconds(started_at))
    _refuse_if((pc.min(uptime).as_py() or 0) < -CLOCK_SKEW.total_seconds())
    return pc.divide(pc.max_element_wise(uptime, 0, skip_nulls=False), 60)


def _seconds(instants: pa.Array) -> pa.Array:
    """Whole seconds since 1970; Arrow refuses days that the calendar lacks."""
    return pc.utf8_slice_codeunits(instants, 0, 19).cast(pa.timestamp("s")).cast(pa.int64())


def _refuse_if(condition: bool) -> None:
    if condition:
        raise _NotAcceptedError
