# SPDX-License-Identifier: Apache-2.0
"""Bodies of Get Streams straight to Arrow, without a Python object per row.

Arrow parses many pages in one call against the one schema. What cleaning means is defined in :mod:`.validate`
and :mod:`.clean`; here it is done to whole columns. This fast path takes only rows that are good. All others,
and only those, are decoded and go through :func:`.clean.validate_streams`, many at a time: a call of it costs
as much as some hundred rows. Both paths give the same rows, rejects and counts. Fields that are not in the
schema are parsed and ignored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from threading import Event
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as pa_json

from twitch_provider.lake.arrow_columns import Mask, as_mask, clean_columns, seconds
from twitch_provider.lake.clean import CLOCK_SKEW, NOT_LIVE, validate_streams
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.page_rows import PageRows
from twitch_provider.lake.raw_pages import Body, RawPage
from twitch_provider.lake.schema import REJECTS, STREAMS
from twitch_provider.rows import LIVE

#: Bytes of bodies in a batch. A batch takes some hundred calls of Arrow, 4 ms in all: at 1 MB those are a
#: quarter of the time, and each MB more is 5 MB of memory more.
_BATCH = 3_000_000
#: Arrow releases Python's lock, so that two batches at once are twice as fast on two cores.
_WORKERS = 2
#: How many rows of the slow path are held: a decoded row takes 3 kB.
_MOST_ODD = 5_000

_ENVELOPE = pa.schema(
    [("data", pa.list_(pa.struct([(column.name, column.kind.arrow) for column in STREAMS.sent])))]
)
_BLANK = b" \t\r\n"

Numbers = np.ndarray[Any, np.dtype[np.int64]]


class _NotAcceptedError(Exception):
    """The fast path cannot parse these pages."""


@dataclass(frozen=True)
class Part:
    """Some rows of all that arrived, and what became of them; duplicates are still in.

    :param table: clean rows, in the schema of streams
    :param arrivals: the number of each row, from 0, in the order of arrival of all rows
    :param rejects: the refused rows with their reasons, in order of arrival
    :param filtered: rows that do not belong in the table, by reason
    """

    table: pa.Table
    arrivals: Numbers
    rejects: pa.Table
    filtered: dict[str, int]

    @property
    def rows_in(self) -> int:
        """How many rows arrived."""
        return len(self.table) + len(self.rejects) + sum(self.filtered.values())


class _OddRow(NamedTuple):
    """A row that the fast path does not take.

    :param arrival: its number
    :param page: that it is of
    :param row: as ``json`` decodes it
    """

    arrival: int
    page: Body
    row: Any


@dataclass(frozen=True)
class _Batch:
    """What the fast path made of a batch; rows are numbered within it."""

    part: Part
    odd: list[_OddRow]


def validate(bodies: Iterable[Body], *, run_after: datetime) -> Iterator[Part]:
    """Parse and clean pages, a few megabytes at a time; duplicates stay in.

    :param bodies: of Get Streams, in order of arrival; no more than some batches of them are held at once
    :param run_after: the tick of the run
    :raises TwitchDataError: a body is not a page of Helix
    """
    utc_text(run_after, "run_after")
    before, odd = 0, list[_OddRow]()
    for batch in _fast(bodies, run_after):
        yield replace(batch.part, arrivals=batch.part.arrivals + before)
        odd += [each._replace(arrival=each.arrival + before) for each in batch.odd]
        before += batch.part.rows_in + len(batch.odd)
        if len(odd) >= _MOST_ODD:
            yield _slow(odd, run_after)
            odd = []
    if odd:
        yield _slow(odd, run_after)


def _slow(odd: Sequence[_OddRow], run_after: datetime) -> Part:
    pages = []
    for page, group in groupby(odd, lambda each: each.page):
        rows = [each.row for each in group]
        pages.append(
            RawPage(page.endpoint, page.params, page.answered_at, page.received_at, page.body, rows, None)
        )
    validated = validate_streams(pages, run_after=run_after, ranks={})
    cleaned = validated.to_table(STREAMS)
    arrivals = np.array([each.arrival for each in odd], np.int64)[validated.frame.index.to_numpy()]
    return Part(cleaned.table, arrivals, cleaned.rejects, dict(cleaned.filtered))


def _fast(bodies: Iterable[Body], run_after: datetime) -> Iterator[_Batch]:
    refused = Event()
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="arrow") as pool:
        ahead: deque[Future[_Batch]] = deque()
        for batch in _batches(bodies):
            ahead.append(pool.submit(_cleaned, batch, run_after, refused))
            if len(ahead) > _WORKERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


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


def _cleaned(batch: Sequence[Body], run_after: datetime, refused: Event) -> _Batch:
    """Clean the good rows of a batch, and set the others apart."""
    parsed = _parse(batch, refused)
    columns, odd = clean_columns(parsed.rows)
    answered = pa.array([utc_text(body.answered_at, "answered_at") for body in batch], pa.string())
    columns["snapshot_at"] = answered.take(parsed.pages)
    columns["run_after"] = pa.repeat(utc_text(run_after, "run_after"), len(parsed.rows))
    columns["game_rank"] = pa.nulls(len(parsed.rows), pa.int64())
    uptime = pc.subtract(seconds(answered).take(parsed.pages), seconds(columns["started_at"]))
    odd |= as_mask(pc.less(uptime, int(-CLOCK_SKEW.total_seconds())))
    columns["uptime_minutes"] = pc.divide(pc.max_element_wise(uptime, 0, skip_nulls=False), 60)
    live = as_mask(pc.equal(columns["type"], LIVE))
    table = pa.table(columns, schema=STREAMS.arrow)
    kept = live & ~odd
    others = int((~live & ~odd).sum())
    part = Part(
        table if kept.all() else table.filter(pa.array(kept)),
        parsed.numbers[kept],
        REJECTS.arrow.empty_table(),
        {NOT_LIVE: others} if others else {},
    )
    return _Batch(part, list(_odd_rows(batch, parsed, odd)))


def _odd_rows(batch: Sequence[Body], parsed: _Parsed, odd: Mask) -> Iterator[_OddRow]:
    """Decode the rows of a batch that the fast path does not take."""
    rest = np.ones(parsed.begins[-1], np.bool_)
    rest[parsed.numbers[~odd]] = False
    numbers = np.flatnonzero(rest)
    places = np.searchsorted(parsed.begins, numbers, side="right") - 1
    for place in np.unique(places):
        arrivals = numbers[places == place]
        page = parsed.apart.get(place) or PageRows(batch[place])
        rows = page.decoded(arrivals - parsed.begins[place])
        for arrival, row in zip(arrivals, rows, strict=True):
            yield _OddRow(int(arrival), batch[place], row)


@dataclass(frozen=True)
class _Parsed:
    """The rows of a batch that Arrow parses.

    :param rows: as they came
    :param pages: the place of each row's page in the batch
    :param numbers: the number of each row, within all of the batch
    :param begins: the number of the first row of each page, and at the end how many rows there are
    :param apart: pages whose rows were set apart, by their place
    """

    rows: pa.Table
    pages: Numbers
    numbers: Numbers
    begins: Numbers
    apart: Mapping[int, PageRows]


def _parse(batch: Sequence[Body], refused: Event) -> _Parsed:
    """Parse a batch, all of it at once where Arrow takes it.

    :param refused: set once Arrow has refused a batch: others are like it, and trying costs as much again
    """
    apart: dict[int, PageRows] = {}
    try:
        _refuse_if(refused.is_set())
        rows, counts = _read_json([body.body for body in batch])
        begins = np.concatenate([[0], np.cumsum(counts)])
        numbers = np.arange(len(rows))
    except (_NotAcceptedError, pa.ArrowInvalid):
        refused.set()
        apart = {place: PageRows(body) for place, body in enumerate(batch)}
        begins = np.cumsum([0, *map(len, apart.values())])
        bodies, found = zip(*(page.regular() for page in apart.values()), strict=True)
        rows, counts = _read_json(bodies)
        numbers = np.concatenate([np.add(each, first) for each, first in zip(found, begins, strict=False)])
    return _Parsed(rows, np.repeat(np.arange(len(batch)), counts), numbers.astype(np.int64), begins, apart)


def _read_json(bodies: Sequence[bytes]) -> tuple[pa.Table, np.ndarray[Any, Any]]:
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


def _refuse_if(condition: bool) -> None:
    if condition:
        raise _NotAcceptedError
