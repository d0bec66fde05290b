# SPDX-License-Identifier: Apache-2.0
"""Metrics: an hour recomputed, compacted, merged and summed up, against gunzipping the same files.

Each step runs in a process of its own, ``python -m benchmarks.metrics STEP FOLDER ROWS COUNT``, which prints
its CPU seconds, its peak memory in bytes and how many rows it saw.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import metrics_live
from benchmarks.local import _memory
from benchmarks.metrics_lake import MIDNIGHT, SnapshotWorld
from benchmarks.report import Entry, Facts, Ratio
from twitch_provider.lake.formats import Format
from twitch_provider.lake.manifest import ObjectEntry
from twitch_provider.lake.schema import STREAMS
from twitch_provider.metrics.clock import make_clock
from twitch_provider.metrics.compact import RANGE, compact_hour, merge_day, ranges
from twitch_provider.metrics.engine import LocalTable, open_engine
from twitch_provider.metrics.snapshots import Snapshot, scope_of

#: Snapshots of an hour.
HOUR = 12
_TICK = (
    "The first one of an hour, which computes the hour before anew; importing Airflow takes {airflow:.2f} s."
)
_MONTH = "{seen:,} rows."
_DAY = "What is merged, and the day's tables, have goals for a whole day only: 288 snapshots."


def write_lake(folder: Path, rows: int, count: int) -> None:
    """Write snapshots as the package writes them.

    :param folder: for the files
    :param rows: of a snapshot
    :param count: of snapshots, from midnight on
    """
    for tick, table in SnapshotWorld(rows).snapshots(count):
        (folder / f"{tick:%Y%m%dT%H%M%S}.csv.gz").write_bytes(Format("csv", "gzip").encode(table, STREAMS))


def _tables(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.csv.gz"))


def _hours(folder: Path) -> list[list[Path]]:
    tables = _tables(folder)
    return [tables[begin : begin + HOUR] for begin in range(0, len(tables), HOUR)]


def snapshots_of(folder: Path, rows: int) -> list[Snapshot]:
    """Return what the manifests of these snapshots would say.

    :param folder: of :func:`write_lake`
    :param rows: of a snapshot
    """
    found = []
    for number, path in enumerate(_tables(folder)):
        tick = MIDNIGHT + number * timedelta(minutes=5)
        values: dict[str, Any] = {
            "scope": scope_of("all_streams", {}),
            "dataset": "all_streams",
            "manifest": path.name,
            "etag": "",
            "run_after": tick,
            "run_id": path.name,
            "run_type": "scheduled",
            "instant": tick + timedelta(seconds=2),
            "interval_seconds": 300,
            "complete": True,
            "schema_version": 1,
            "games": None,
            "missing": {},
            "duplicate_keys": 0,
            "viewers": 0,
            "table": ObjectEntry(path.name, 1, "", rows, "table", "all_streams"),
            "dag_id": "bench",
            "rejects": 0,
        }
        found.append(Snapshot(**values))
    return found


def gunzip(folder: Path, _: int) -> int:
    """Read the bytes of every table, and no more."""
    size = 0
    for path in _tables(folder):
        with gzip.open(path) as file:
            while block := file.read(1 << 20):
                size += len(block)
    return size


def metrics(folder: Path, rows: int) -> int:
    """Compute the tables of the first hour, with the checksums of its files."""
    period = make_clock(snapshots_of(folder, rows)[:HOUR]).period(MIDNIGHT, MIDNIGHT + timedelta(hours=1))
    tables = [LocalTable("all_streams", path) for path in _hours(folder)[0]]
    for table in tables:
        hashlib.sha256(table.path.read_bytes()).hexdigest()
    with open_engine(folder) as engine:
        engine.load(period, tables)
        return sum(rows.read_all().num_rows for _, rows in engine.compute())


def compact(folder: Path, rows: int) -> int:
    """Compact every hour."""
    whole = 24 * HOUR * rows
    first = ranges(_tables(folder)[0], whole) if whole > RANGE else []
    hours = enumerate(_hours(folder))
    return sum(compact_hour(tables, folder / f"hour{number:02}.parquet", first) for number, tables in hours)


def merge(folder: Path, _: int) -> int:
    """Merge the hours."""
    return merge_day(sorted(folder.glob("hour*.parquet")), folder / "day.parquet")


def day(folder: Path, rows: int) -> int:
    """Compute the tables of the day from its compacted table, without a temporary directory."""
    period = make_clock(snapshots_of(folder, rows)).period(MIDNIGHT, MIDNIGHT + timedelta(days=1))
    with open_engine(folder, memory="2GB", temporary="0GB") as engine:
        engine.load(period, [LocalTable("all_streams", folder / "day.parquet")], earlier=[])
        return sum(rows.read_all().num_rows for _, rows in engine.compute())


STEPS: dict[str, Callable[[Path, int], int]] = {
    step.__name__: step for step in (gunzip, metrics, compact, merge, day)
}


def run(step: str, folder: Path, rows: int) -> tuple[float, int, int]:
    """Run a step in a process of its own.

    :param step: of :data:`STEPS`
    :param folder: of :func:`write_lake`
    :param rows: of a snapshot
    :returns: CPU seconds, the peak of memory in bytes, and rows (of ``gunzip``, bytes)
    """
    command = [sys.executable, "-m", "benchmarks.metrics", step, str(folder), str(rows)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak, seen = json.loads(done.stdout)
    return seconds, peak, seen


def main(step: str, folder: Path, rows: int) -> None:
    """Run a step in this process, and print what it took.

    :param step: of :data:`STEPS`
    :param folder: of :func:`write_lake`
    :param rows: of a snapshot
    """
    import duckdb  # noqa: F401 - the import is not measured

    began = time.process_time()
    seen = STEPS[step](folder, rows)
    print(json.dumps([time.process_time() - began, _memory("VmHWM"), seen]))


def measure(
    rows: int = 100_000, count: int = HOUR, *, small: int = 1_600, games: int = 3_500
) -> Sequence[Entry]:
    """Measure every step.

    :param rows: of a snapshot
    :param count: of snapshots
    :param small: rows of a small lake's snapshot
    :param games: in each hour of a month
    """
    (large, _), (little, _) = (metrics_live.run("tick", each) for each in (rows, small))
    ranked, seen = metrics_live.run("month", games)
    airflow = metrics_live.airflow()
    with tempfile.TemporaryDirectory(prefix="airflow-provider-twitch-") as name:
        folder = Path(name)
        write_lake(folder, rows, count)
        found = {step: run(step, folder, rows) for step in STEPS}
        zipped = sum(path.stat().st_size for path in _tables(folder)) / 1e6
        hours = sum(path.stat().st_size for path in folder.glob("hour*.parquet")) / 1e6
        whole = (folder / "day.parquet").stat().st_size / 1e6
    if not found["compact"][2] == found["merge"][2] == rows * count:
        raise ValueError(f"{found['compact'][2]} and {found['merge'][2]} rows of {rows * count}")
    plain, against = found["gunzip"][0], "gunzipping the same files"
    # A few hours say nothing of a day.
    of_a_day = count == 24 * HOUR
    return [
        Ratio("an hour recomputed", found["metrics"][0], plain * HOUR / count, against, goal=1.7),
        Ratio("hours compacted", found["compact"][0], plain, against, goal=3.3),
        Ratio("hours compacted: peak memory", found["compact"][1] / 1e6, 400, "bound", unit="MB", goal=1),
        Ratio("hours compacted: size", hours, zipped, "csv.gz", unit="MB", goal=0.13),
        Ratio(
            "hours merged: peak memory",
            found["merge"][1] / 1e6,
            800,
            "bound",
            unit="MB",
            goal=1 if of_a_day else None,
        ),
        Ratio("hours merged: size", whole, zipped, "csv.gz", unit="MB", goal=0.09 if of_a_day else None),
        Ratio(
            "the day's tables: peak memory",
            found["day"][1] / 1e6,
            800,
            "bound",
            unit="MB",
            goal=1 if of_a_day else None,
        ),
        Ratio(f"a tick of {rows:,} rows", large, 10, "bound", goal=1, note=_TICK.format(airflow=airflow)),
        Ratio(f"a tick of {small:,} rows", little, 2, "bound", goal=1),
        Ratio("a month of hourly metrics, ranked", ranked, 1, "bound", goal=1, note=_MONTH.format(seen=seen)),
        Facts(
            f"{count} snapshots of {rows:,} rows",
            ["step", "CPU, s", "peak, MB"],
            [[step, seconds, peak / 1e6] for step, (seconds, peak, _) in found.items()],
            f"{_DAY} A made-up world, {zipped * 1e6 / rows / count:.0f} bytes of csv.gz a row.",
        ),
    ]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
