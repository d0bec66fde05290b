# SPDX-License-Identifier: Apache-2.0
"""What a day of the lake takes on S3, by dataset and format: the snapshots and metrics of a made-up world.

Its rows compress as those of real captures do: some 136 bytes of csv.gz each. A day of fewer streams is
written with the package's own writers, and scaled by their number: channels, broadcasts and sessions grow
with it. What grows less, the categories, is overstated by that.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any

import pyarrow as pa

from benchmarks.metrics import HOUR, snapshots_of, write_lake
from benchmarks.metrics_lake import MIDNIGHT, SnapshotWorld
from benchmarks.report import Entry, Facts
from twitch_provider.helix.fields import FIELDS
from twitch_provider.lake.formats import Format
from twitch_provider.lake.raw_header import Owner, RawHeader
from twitch_provider.lake.raw_lines import RawObject
from twitch_provider.lake.raw_pages import RawPage
from twitch_provider.lake.schema import STREAMS
from twitch_provider.metrics.clock import make_clock
from twitch_provider.metrics.compact import RANGE, compact_hour, merge_day, ranges
from twitch_provider.metrics.engine import LocalTable, open_engine
from twitch_provider.metrics.writing import write_table

#: Of a day.
SNAPSHOTS = 288
#: What the tables are written as: the param ``file_format`` and ``compression`` of the DAG.
FORMATS = [
    Format("csv", "none"),
    Format("csv", "gzip"),
    Format("csv", "zstd"),
    Format("parquet", "gzip"),
    Format("parquet", "zstd"),
]


def measure(
    streams: int = 100_000, rows: int = 20_000, top: int = 2_000, snapshots: int = SNAPSHOTS
) -> list[Entry]:
    """Write days, and return their sizes for as many live streams.

    :param streams: of ``all_streams`` that the figures are for
    :param rows: of a snapshot of it that is written
    :param top: of ``top_streams``: twenty categories of a hundred each
    :param snapshots: of the day
    """
    return [
        *_of_scope("all_streams", streams, rows, snapshots),
        *_of_scope("top_streams", top, top, snapshots),
    ]


def _of_scope(dataset: str, streams: int, rows: int, snapshots: int) -> list[Entry]:
    formats = of_formats(streams)
    with tempfile.TemporaryDirectory() as folder:
        tables = of_metrics(Path(folder), rows, snapshots)
    times = streams / rows
    a_day: list[list[str | float | None]] = [
        [name, size / 1e6, size * SNAPSHOTS / 1e6] for name, size in formats.items()
    ]
    metrics: list[list[str | float | None]] = [
        [name, number, size * times / 1e6] for name, (number, size) in tables.items()
    ]
    scaled = f", times {times:g}: {streams:,} live streams" if times != 1 else ""
    return [
        Facts(
            f"A snapshot of {dataset}",
            ["as", "MB", "MB a day"],
            a_day,
            f"{streams:,} live streams of a made-up world, means of two snapshots.",
        ),
        Facts(
            f"A closed day of {dataset}",
            ["table", "objects", "MB a day"],
            metrics,
            f"Of {snapshots} snapshots of {rows:,} live streams{scaled}. Hours are the final ones; each is "
            "replaced about a dozen times.",
        ),
    ]


def of_formats(streams: int) -> dict[str, float]:
    """Return the bytes of a snapshot, raw and in each format.

    :param streams: of it
    """
    tables = [table for _, table in SnapshotWorld(streams).snapshots(2)]
    sizes = {"raw": mean(len(raw_object(table).body) for table in tables)}
    for each in FORMATS:
        name = f"{each.file_format}, {each.compression}"
        sizes[name] = mean(len(each.encode(table, STREAMS)) for table in tables)
    return sizes


def raw_object(table: pa.Table) -> RawObject:
    """Return the raw object that a crawl would have kept of these rows.

    :param table: with the columns of ``all_streams``
    """
    owner = Owner("twitch_all_streams", "scheduled__2026-11-23T00:00:00+00:00", "crawl")
    scope = {"asks": {"strategy": "languages"}, "writes": {"file_format": "csv", "compression": "gzip"}}
    header = RawHeader(owner, "00000000", scope, False, "scheduled", 300, "0")
    return RawObject.of(pages(table.select(list(FIELDS["streams"]))), header)


def pages(table: pa.Table) -> Iterator[RawPage]:
    """Yield the answers that had these rows, a hundred each.

    :param table: with Helix's own columns
    """
    for begin in range(0, len(table), 100):
        rows = table.slice(begin, 100).to_pylist()
        cursor = f"eyJiIjp7IkN1cnNvciI6ImV5SnpJam8{begin:012}"
        answer = {"data": rows, "pagination": {"cursor": cursor}}
        body = json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
        at: datetime = MIDNIGHT + timedelta(milliseconds=6 * begin)
        asked = (("first", "100"), ("language", "en"), ("after", cursor))
        yield RawPage("streams", asked, at, at, body.encode(), rows, cursor)


def of_metrics(folder: Path, rows: int, snapshots: int) -> dict[str, tuple[int, int]]:
    """Write a day's snapshots, its hours, its compacted table and its own tables; objects and bytes of each.

    :param folder: for the files
    :param rows: of a snapshot
    :param snapshots: of the day
    """
    write_lake(folder, rows, snapshots)
    files = sorted(folder.glob("*.csv.gz"))
    clock = make_clock(snapshots_of(folder, rows))
    hours = [files[begin : begin + HOUR] for begin in range(0, len(files), HOUR)]
    first = ranges(files[0], SNAPSHOTS * rows) if SNAPSHOTS * rows > RANGE else []
    written: dict[str, list[Path]] = {"csv.gz": files}
    parts = []
    for number, tables in enumerate(hours):
        begin = MIDNIGHT + number * timedelta(hours=1)
        # The snapshot before counts until the first one of the hour.
        before = files[number * HOUR - 1 : number * HOUR] if number else []
        period = clock.period(begin, begin + timedelta(hours=1))
        with open_engine(folder) as engine:
            engine.load(period, [LocalTable("all_streams", path) for path in [*before, *tables]])
            _write(engine.compute(), folder, f"{number:02}", written)
        parts.append(folder / f"hour{number:02}.parquet")
        compact_hour(tables, parts[-1], first)
    whole = folder / "day.parquet"
    merge_day(parts, whole)
    with open_engine(folder, memory="2GB", temporary="0GB") as engine:
        period = clock.period(MIDNIGHT, MIDNIGHT + timedelta(days=1))
        engine.load(period, [LocalTable("all_streams", whole)], earlier=[])
        _write(engine.compute(), folder, "day", written)
    written["compacted"] = [whole]
    return {name: (len(paths), sum(path.stat().st_size for path in paths)) for name, paths in written.items()}


def _write(
    tables: Iterator[tuple[Any, pa.RecordBatchReader]],
    folder: Path,
    name: str,
    written: dict[str, list[Path]],
) -> None:
    for table, rows in tables:
        path = folder / f"{table.name}_{name}.parquet"
        write_table(rows, path, {})
        written.setdefault(table.name, []).append(path)
