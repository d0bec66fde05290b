# SPDX-License-Identifier: Apache-2.0
"""The snapshot of every live stream: pages to one table in columns, whatever their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.arrow_validate import validate
from twitch_provider.lake.clean import check_account
from twitch_provider.lake.raw_lines import Body
from twitch_provider.lake.schema import STREAMS, Schema


@dataclass(frozen=True)
class Columns:
    """A clean table and the account of what is not in it: :class:`.clean.Cleaned` in columns, without frames.

    :param schema: what the table's columns are
    :param table: the rows
    :param rejects: the refused rows with their reasons, in the schema of rejects
    :param rows_in: rows that arrived
    :param duplicates: earlier observations of a broadcaster who came again
    :param filtered: rows that do not belong in the table, by reason
    :raises TwitchDataError: the account does not add up
    """

    schema: Schema
    table: pa.Table = field(repr=False)
    rejects: pa.Table = field(repr=False)
    rows_in: int
    duplicates: int
    filtered: Mapping[str, int]

    def __post_init__(self) -> None:
        check_account(self.schema, self.counts)

    @property
    def counts(self) -> dict[str, int]:
        """The account: ``rows_in`` is the sum of the others."""
        return {
            "rows_in": self.rows_in,
            "rows_out": len(self.table),
            "duplicates": self.duplicates,
            "filtered": sum(self.filtered.values()),
            "rejects": len(self.rejects),
        }

    @property
    def rejected(self) -> dict[str, int]:
        """How many rows were refused, by reason, in order of arrival."""
        return dict(Counter(self.rejects["reason"].to_pylist()))

    @property
    def arrow(self) -> pa.Table:
        """The rows, in the schema."""
        return self.table

    @property
    def rejects_arrow(self) -> pa.Table:
        """The refused rows, in the schema of rejects."""
        return self.rejects


def transform(bodies: Iterable[Body], *, run_after: datetime) -> Columns:
    """Clean one snapshot: each broadcaster once, the most viewers first.

    The last observation of a broadcaster counts. Equal counts stand in order of arrival.

    :param bodies: of Get Streams, in order of arrival; they are read once and not kept
    :param run_after: the tick of the run
    :raises TwitchDataError: there is no page, or a body is none
    """
    parts = list(validate(bodies, run_after=run_after))
    if not parts:
        raise TwitchDataError("There is no page of streams: nothing is published, take a new snapshot.")
    rejects = pa.concat_tables(part.rejects for part in parts)
    rows_in = sum(part.rows_in for part in parts)
    filtered = sum((Counter(part.filtered) for part in parts), Counter())
    observed = pa.concat_tables(part.table for part in parts)
    columns = dict(zip(observed.column_names, observed.columns, strict=True))
    rows_observed = len(observed)
    # From here each column is let go as soon as its successor is there: memory holds one table, not three.
    del parts, observed
    _give_back()
    order = _order(columns["user_id"], columns["viewer_count"])
    for name in columns:
        columns[name] = columns[name].combine_chunks().take(order)
    _give_back()
    return Columns(
        schema=STREAMS,
        table=pa.table(columns, schema=STREAMS.arrow),
        rejects=rejects,
        rows_in=rows_in,
        duplicates=rows_observed - len(order),
        filtered=dict(filtered),
    )


def _order(users: pa.ChunkedArray, viewers: pa.ChunkedArray) -> pa.Array:
    """The place of each broadcaster's last observation, the most viewers first."""
    codes = users.combine_chunks().dictionary_encode()
    last = np.zeros(len(codes.dictionary), np.int64)
    # Where an index comes again, the last value is assigned.
    last[codes.indices.to_numpy()] = np.arange(len(codes))
    last.sort()
    return pa.array(last[np.argsort(-viewers.to_numpy()[last], kind="stable")])


def _give_back() -> None:
    """Have Arrow's allocator return what it keeps for later: a third of the peak, else."""
    pa.default_memory_pool().release_unused()
