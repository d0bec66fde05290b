# SPDX-License-Identifier: Apache-2.0
"""The snapshot of every live stream: any number of pages to one table, without pandas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import numpy as np
import pyarrow as pa

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.arrow_validate import Numbers, validate
from twitch_provider.lake.raw_pages import Body
from twitch_provider.lake.schema import STREAMS
from twitch_provider.lake.tables import CleanTable


def transform(bodies: Iterable[Body], *, run_after: datetime) -> CleanTable:
    """Clean one snapshot: each broadcaster once, the most viewers first.

    The last observation of a broadcaster counts. Equal counts stand in order of arrival.

    :param bodies: of Get Streams, in order of arrival; they are read once and not kept
    :param run_after: the tick of the run
    :raises TwitchDataError: there is no page, or a body is not a page of Helix
    """
    parts = list(validate(bodies, run_after=run_after))
    if not parts:
        raise TwitchDataError("There is no page of streams, so nothing is published: take a new snapshot.")
    arrivals = np.concatenate([part.arrivals for part in parts])
    rejects = pa.concat_tables(part.rejects for part in parts)
    rows_in = sum(part.rows_in for part in parts)
    filtered = sum((Counter(part.filtered) for part in parts), Counter())
    observed = pa.concat_tables(part.table for part in parts)
    columns = dict(zip(observed.column_names, observed.columns, strict=True))
    rows_observed = len(observed)
    # From here on each column is released as soon as it is replaced: memory holds one table, not three.
    del parts, observed
    _release_memory()
    order = _order(columns["user_id"], columns["viewer_count"], arrivals)
    for name in columns:
        columns[name] = columns[name].combine_chunks().take(order)
    _release_memory()
    return CleanTable(
        schema=STREAMS,
        table=pa.table(columns, schema=STREAMS.arrow),
        rejects=rejects,
        rows_in=rows_in,
        duplicates=rows_observed - len(order),
        filtered=dict(filtered),
    )


def _order(users: pa.ChunkedArray, viewers: pa.ChunkedArray, arrivals: Numbers) -> pa.Array:
    """The place of each broadcaster's last observation, the most viewers first."""
    by_arrival = np.argsort(arrivals)
    codes = users.combine_chunks().dictionary_encode()
    last = np.zeros(len(codes.dictionary), np.int64)
    # Where an index comes again, the last value is assigned.
    last[codes.indices.to_numpy()[by_arrival]] = np.arange(len(codes))
    last.sort()
    most_viewers = np.argsort(-viewers.to_numpy()[by_arrival[last]], kind="stable")
    return pa.array(by_arrival[last[most_viewers]])


def _release_memory() -> None:
    """Have Arrow's allocator return what it keeps for later, which is a third of the peak."""
    pa.default_memory_pool().release_unused()
