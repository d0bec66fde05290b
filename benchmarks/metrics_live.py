# SPDX-License-Identifier: Apache-2.0
"""A tick's metrics as the task computes them, and a month of hourly metrics ranked: in a warm process.

``python -m benchmarks.metrics_live STEP NUMBER`` prints the CPU seconds of a step and how many rows it saw.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from tests.lake.conftest import MemoryStore, _header, _page

from benchmarks.metrics_lake import INTERVAL, MIDNIGHT, SnapshotWorld
from twitch_provider.lake.extract import keep
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.publish import publish
from twitch_provider.lake.raw_header import Owner
from twitch_provider.lake.raw_lines import RawObject
from twitch_provider.lake.schema import REJECTS, STREAMS
from twitch_provider.lake.tables import CleanTable
from twitch_provider.metrics.hours import publish_hours
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.latest_csv import publish_latest
from twitch_provider.metrics.tables import TABLES
from twitch_provider.metrics.writing import write_table

_KEYS = MetricsKeys("twitch")
_GZIP = {"file_format": "csv", "compression": "gzip"}
_RANKED = """
SELECT game_id, SUM(viewer_seconds) AS viewer_seconds, MAX(peak_viewers) AS peak_viewers,
    ROW_NUMBER() OVER (ORDER BY SUM(viewer_seconds) DESC, game_id) AS rank
FROM read_parquet('{files}') GROUP BY game_id ORDER BY rank
"""
#: What a task needs besides ours.
_AIRFLOW = "import time; import airflow.sdk; import airflow.models; print(time.process_time())"


def tick(rows: int) -> tuple[float, int]:
    """Compute what the first tick of an hour changes: that hour, and the whole hour before.

    :param rows: of a snapshot
    :returns: CPU seconds, and how many hours were published
    """
    store = MemoryStore()
    day = MIDNIGHT.date()
    seconds, published = 0.0, 0
    for number, (at, table) in enumerate(SnapshotWorld(rows).snapshots(13)):
        _publish(store, at, table)
        if number >= 11:  # The process is warm when the last one comes.
            began = time.process_time()
            outcome = publish_hours(store, _KEYS, [day - timedelta(days=1), day], until=day)
            publish_latest(store, _KEYS, at)
            seconds, published = time.process_time() - began, len(outcome.published)
    return seconds, published


def _publish(store: MemoryStore, at: Any, table: pa.Table) -> None:
    keys = SnapshotKeys("twitch", "twitch_all_streams", at)
    header = _header(
        owner=Owner(keys.dag_id, f"scheduled__{keys.tick}", "extract"),
        scope={"asks": {"strategy": "languages"}, "writes": _GZIP},
    )
    pages = [_page("streams", [], answered_at=at + timedelta(seconds=2))]
    extract = keep(store, keys, "all_streams", RawObject.of(pages, header))
    clean = CleanTable(STREAMS, table, REJECTS.arrow.empty_table(), len(table), 0, {})
    publish(store, keys, {"all_streams": clean}, extract=extract, published_at=at + INTERVAL)


def month(games: int) -> tuple[float, int]:
    """Rank the games of a month by its hours.

    :param games: that have a row in every hour
    :returns: CPU seconds, and how many rows were read
    """
    import duckdb

    schema = TABLES["games_hour"].schema
    names = [f"{number * 37}" for number in range(games)]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        for hour in range(720):
            values: dict[str, Any] = {
                field.name: pa.nulls(games, field.type).fill_null(hour)
                for field in schema
                if pa.types.is_integer(field.type)
            }
            values["viewer_seconds"] = [(number * 7_919 + hour * 31) % 1_000_003 for number in range(games)]
            values |= {"game_id": names, "game_name": names}
            values |= {name: ["all_streams"] * games for name in ("scope", "dataset")}
            values["hour"] = [(MIDNIGHT + timedelta(hours=hour)).replace(tzinfo=None)] * games
            values |= {name: [None] * games for name in schema.names if name not in values}
            rows = pa.table({name: values[name] for name in schema.names}, schema=schema)
            write_table(rows.to_reader(), Path(folder) / f"games_hour_{hour:03}.parquet", {})
        began = time.process_time()
        ranked = connection.sql(_RANKED.format(files=f"{folder}/*.parquet")).to_arrow_table()
        seconds = time.process_time() - began
        read = sum(parquet.read_metadata(path).num_rows for path in Path(folder).iterdir())
    if len(ranked) != games:
        raise ValueError(f"{len(ranked)} games of {games}")
    return seconds, read


LIVE: dict[str, Callable[[int], tuple[float, int]]] = {step.__name__: step for step in (tick, month)}


def run(step: str, number: int) -> tuple[float, int]:
    """Run a step in a process of its own.

    :param step: of :data:`LIVE`
    :param number: of rows or games
    :returns: CPU seconds, and what it saw
    """
    command = [sys.executable, "-m", "benchmarks.metrics_live", step, str(number)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, seen = json.loads(done.stdout.splitlines()[-1])
    return seconds, seen


def airflow() -> float:
    """Return the CPU seconds in which a new process imports Airflow."""
    command = [sys.executable, "-c", _AIRFLOW]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


if __name__ == "__main__":
    print(json.dumps(LIVE[sys.argv[1]](int(sys.argv[2]))))
