# SPDX-License-Identifier: Apache-2.0
"""A day's snapshots of one dataset to one Parquet, sorted by channel and tick.

A channel's rows hardly differ from one tick to the next: sorted by channel they take a fraction of the bytes,
and a reader that asks for a channel skips the others. No hour and no day is ever in memory. The channels are
divided into *ranges*; an hour is sorted range by range from its snapshots, which lie on the disk meanwhile,
and has a row group for each range; the day is merged range by range from its hours.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv
from pyarrow import json as pa_json
from pyarrow import parquet

from twitch_provider.exceptions import TwitchDataError, plain
from twitch_provider.lake.csv import json_lists
from twitch_provider.lake.schema import STREAMS, TEXT_LIST
from twitch_provider.metrics.snapshots import Snapshot
from twitch_provider.metrics.writing import on_disk

#: Rows of a day's row group: some 400 MB while it is sorted.
RANGE = 600_000
_LEVEL = 3
_BLOCK = 1 << 20
_SPACE = ": about five times the tables of an hour"

#: Lists are JSON until they are written, as they are in CSV.
_LISTS = [column.name for column in STREAMS.columns if column.kind is TEXT_LIST]
_HELD = pa.schema(
    [(each.name, pa.string() if each.kind is TEXT_LIST else each.kind.arrow) for each in STREAMS.columns]
)
_REQUIRED = [column.name for column in STREAMS.columns if column.required]
_REPEATED = [field.name for field in STREAMS.arrow if pa.types.is_string(field.type)]

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Fetch = Callable[[Sequence[Snapshot], Path], Iterable[Path]]


def compact_day(snapshots: Iterable[Snapshot], fetch: Fetch, folder: Path) -> Path:
    """Compact the complete snapshots of one dataset and day, whether or not they count.

    :param snapshots: whose ticks are of the day; incomplete ones are left out
    :param fetch: writes the tables of snapshots into a folder, and returns the files
    :param folder: a temporary one, with space for an hour's tables and about five times as much
    :returns: a file in the folder; equal snapshots in any order give equal bytes
    :raises TwitchDataError: a table is not as its manifest or the schema says
    :raises TwitchConfigError: the disk is full
    """
    hours: dict[datetime, list[Snapshot]] = defaultdict(list)
    for snapshot in sorted(snapshots, key=lambda each: each.run_after):
        if snapshot.complete:
            hours[snapshot.run_after.replace(minute=0, second=0)].append(snapshot)
    every = [snapshot for hour in hours.values() for snapshot in hour]
    first: list[str] = []
    # As if all hours had as many rows as the largest: a range of an hour is then small, too.
    if (rows := 24 * max((sum(each.rows for each in hour) for hour in hours.values()), default=0)) > RANGE:
        largest = max(every, key=lambda each: (each.rows, each.run_after))
        with TemporaryDirectory(dir=folder) as into:
            (path,) = fetch([largest], Path(into))
            first = ranges(path, rows)
    written = []
    for hour, wanted in hours.items():
        written.append(folder / f"{wanted[0].dataset}_{hour:%H}.parquet")
        with TemporaryDirectory(dir=folder) as into:
            found = compact_hour(fetch(wanted, Path(into)), written[-1], first)
        if found != (expected := sum(each.rows for each in wanted)):
            raise TwitchDataError(
                f"{wanted[0].dataset}: the tables of {hour:%Y-%m-%dT%H}h UTC have {found:,} rows and their "
                f"manifests say {expected:,}, so that the day is not compacted."
            )
    target = folder / "compacted.parquet"
    merge_day(written, target)
    for path in written:
        path.unlink()
    return target


def ranges(path: Path, rows: int) -> list[str]:
    """Divide the channels of a day into ranges of about as many rows.

    :param path: the table of one of its snapshots; the largest one divides best
    :param rows: of the whole day, at most
    :returns: the first channel of each range but the first
    :raises TwitchDataError: the table is not as the schema says
    """
    count = -(-rows // RANGE)
    channels = pc.unique(_read(path)["user_id"]).sort()
    places = sorted({len(channels) * number // count for number in range(1, count)} - {0})
    found: list[str] = channels.take(pa.array(places, pa.int64())).to_pylist()
    return found


def compact_hour(tables: Iterable[Path], target: Path, first: Sequence[str] = ()) -> int:
    """Sort snapshots by channel and tick into one Parquet: row group k has the rows of range k.

    :param tables: of streams, in any order: ``.csv``, ``.csv.gz``, ``.csv.zst`` or ``.parquet``
    :param target: the file to write; beside it lie the snapshots meanwhile
    :param first: of :func:`ranges`; none for one range
    :returns: how many rows it has: all of all tables
    :raises TwitchDataError: a table is not as the schema says
    :raises TwitchConfigError: the disk is full
    """
    rows = 0
    with on_disk(target, _SPACE), TemporaryDirectory(dir=target.parent) as folder, ExitStack() as opened:
        divided = []
        for number, path in enumerate(tables):
            beside = Path(folder) / str(number)
            rows += _divide(_read(path), first, beside)
            divided.append(pa.ipc.open_file(opened.enter_context(pa.OSFile(str(beside)))))
        with _writer(target) as writer:
            for number in range(len(first) + 1):
                parts = [each.get_batch(number) for each in divided]
                held = _sorted(pa.Table.from_batches(parts, _HELD))
                # Without rows it is a row group too, so that row group k is of range k.
                writer.write_table(_with_lists(held), max(len(held), 1))
    return rows


def merge_day(hours: Iterable[Path], target: Path) -> int:
    """Merge hours into one Parquet, sorted by channel and tick.

    :param hours: of :func:`compact_hour`, in any order, all made with the same ranges
    :param target: the file to write
    :returns: how many rows it has: all of all hours
    :raises TwitchConfigError: the disk is full
    """
    written = 0
    with on_disk(target, _SPACE), ExitStack() as opened, _writer(target) as writer:
        # Text that repeats is held once.
        files = [parquet.ParquetFile(path, read_dictionary=_REPEATED) for path in hours]
        for file in files:
            opened.callback(file.close)
        for number in range(max((file.num_row_groups for file in files), default=0)):
            parts = [file.read_row_group(number, use_threads=False) for file in files]
            held = _sorted(pa.concat_tables(parts).unify_dictionaries())
            if len(held):
                # As plain text, since the order of what is held once is that of the hours.
                writer.write_table(held.cast(STREAMS.arrow).combine_chunks(), len(held))
            written += len(held)
    return written


def _divide(table: pa.Table, first: Sequence[str], beside: Path) -> int:
    """Write a snapshot as one batch for each range."""
    ends = np.array([0, len(table)])
    if first:
        channels = np.array(table["user_id"].cast(pa.binary()).to_numpy(), "S")
        begins = np.array([each.encode() for each in first], "S")
        number = np.searchsorted(begins, channels, side="right").astype(np.uint16)
        order = np.argsort(number, kind="stable")
        ends = np.searchsorted(number[order], np.arange(len(first) + 2))
        table = table.take(pa.array(order)).combine_chunks()
    with pa.ipc.new_file(str(beside), _HELD) as writer:
        for begin, end in pairwise(ends):
            columns = [column.slice(begin, end - begin).combine_chunks() for column in table.columns]
            writer.write_batch(pa.record_batch(columns, schema=_HELD))
    return len(table)


def _sorted(rows: pa.Table) -> pa.Table:
    """Sort by channel and tick; rows of one channel and tick are of one snapshot, and stay in its order."""
    rows = rows.combine_chunks()
    ticks, tick = _ranks(rows["run_after"])
    _, channel = _ranks(rows["user_id"])
    return rows.take(pa.array(np.argsort(channel * (ticks + 1) + tick, kind="stable")))


def _ranks(column: pa.ChunkedArray) -> tuple[int, Numbers]:
    """How many values there are, and the place of each row's among them, in order of their bytes."""
    if not column.num_chunks:
        return 0, np.zeros(0, np.int64)
    (chunk,) = column.chunks
    values = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
    places = pc.sort_indices(values.dictionary).to_numpy()
    rank = np.empty(len(places), np.int64)
    rank[places] = np.arange(len(places))
    return len(places), rank[values.indices.to_numpy()]


def _read(path: Path) -> pa.Table:
    """A table of the lake, its lists as JSON."""
    try:
        table = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
        columns = table.column_names
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unlike(f"{path.name}: {plain(str(error), 200)}") from None
    if columns != STREAMS.names:
        raise _unlike(f"{path.name}: its columns are {plain(', '.join(columns), 400)}")
    for name in _REQUIRED:
        if table[name].null_count:
            raise _unlike(f"{path.name}: {name} has missing values")
    return table.combine_chunks()


def _unlike(reason: str) -> TwitchDataError:
    return TwitchDataError(
        f"A table of streams is not as the schema says, so it is not compacted ({reason})."
    )


def _read_csv(path: Path) -> pa.Table:
    options = pa_csv.ConvertOptions(
        column_types=_HELD,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["true"],
        false_values=["false"],
    )
    with pa.input_stream(str(path)) as stream:
        read = pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK)
        return pa_csv.read_csv(stream, read, convert_options=options)


def _read_parquet(path: Path) -> pa.Table:
    with parquet.ParquetFile(path) as file:
        table = file.read(use_threads=False).cast(STREAMS.arrow)
    for name in _LISTS:
        lists = json_lists(table[name])
        table = table.set_column(table.column_names.index(name), name, lists)
    return table


def _with_lists(rows: pa.Table) -> pa.Table:
    """JSON to lists: each distinct text is parsed once."""
    for name in _LISTS:
        encoded = rows[name].combine_chunks().dictionary_encode()
        (texts,) = encoded.chunks if isinstance(encoded, pa.ChunkedArray) else (encoded,)
        lists = _parsed(texts.dictionary).take(texts.indices)
        rows = rows.set_column(rows.column_names.index(name), name, lists)
    return rows.cast(STREAMS.arrow).combine_chunks()


def _parsed(texts: pa.Array) -> pa.Array:
    if not len(texts):
        return pa.array([], TEXT_LIST.arrow)
    lines = pc.binary_join_element_wise('{"list":', texts, "}", "")
    schema = pa.schema([("list", TEXT_LIST.arrow)])
    body = "\n".join(lines.to_pylist()).encode()
    try:
        rows = pa_json.read_json(
            io.BytesIO(body),
            pa_json.ReadOptions(use_threads=False, block_size=len(body) + 1),
            pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        )
    except pa.ArrowInvalid as error:
        raise _unlike(f"tags: {plain(str(error), 200)}") from None
    if len(rows) != len(texts) or rows["list"].null_count:
        raise _unlike("tags that are not lists")
    return rows["list"].combine_chunks()


@contextmanager
def _writer(target: Path) -> Iterator[parquet.ParquetWriter]:
    # Without Arrow's own schema a reader gets the lake's types, not those that the rows were held in.
    with parquet.ParquetWriter(
        target, STREAMS.arrow, compression="zstd", compression_level=_LEVEL, store_schema=False
    ) as writer:
        yield writer
