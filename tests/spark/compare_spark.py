# SPDX-License-Identifier: Apache-2.0
"""A local Spark computes the tables that DuckDB computes, cell by cell: ``make spark-test``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.metrics.lake import NOON, Lake, stream
from tests.metrics.world import Random, World

from twitch_provider.exceptions import TwitchDataError, TwitchParameterError
from twitch_provider.metrics.clock import make_clock
from twitch_provider.metrics.completeness import completeness, completeness_table
from twitch_provider.metrics.spark import Engine, LakeTable
from twitch_provider.metrics.spark_job import run
from twitch_provider.metrics.tables import TABLES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DAY = NOON.replace(hour=0)
#: Titles that a CSV reader takes apart unless it knows how quotation marks are written.
TITLES = (
    "",
    "NA",
    "null",
    'a "quoted" title',
    '"',
    '""',
    "a,b",
    "back\\slash",
    '\\"',
    " space ",
    "é \U0001f3ae",
)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        # A small fixture: tasks and compiling take longer than the rows.
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.files.openCostInBytes", "1")
        .config("spark.sql.files.minPartitionNum", "1")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.driver.memory", "1g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.warehouse.dir", str(folder))
        .config("spark.local.dir", str(folder))
        # A session in which a local time is set, and another dialect: the job does not depend on it.
        .config("spark.sql.session.timeZone", "Asia/Tokyo")
        .getOrCreate()
    )
    yield session
    session.stop()


def rows_of(table: Any, name: str) -> list[dict[str, Any]]:
    """The rows in the order of the table's key."""
    rows: list[dict[str, Any]] = table.to_pylist() if isinstance(table, pa.Table) else table
    return sorted(rows, key=lambda row: [str(row[column]) for column in TABLES[name].key])


def write_lake(lake: Lake, folder: Path) -> None:
    for key, body in lake.store.objects.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(body)


def test_a_lake_drawn_at_random(spark: SparkSession, tmp_path: Path) -> None:
    world = World(tmp_path)
    for seed in (0, 3):
        Random(seed).fill(world, f"dataset{seed}", 40)
    clock = make_clock([seen.snapshot for seen in world.lake])
    day = DAY + timedelta(days=1)  # Snapshots begin half an hour before midnight.
    period = clock.period(day, day + timedelta(days=1))
    snapshots = {(seen.snapshot.dataset, seen.snapshot.run_after): seen for seen in world.lake}

    def tables(needed: set[tuple[str, datetime]], prefix: str = "") -> list[LakeTable]:
        made = []
        for dataset, tick in sorted(needed):
            seen, path = snapshots[dataset, tick], tmp_path / f"{prefix}{dataset}_{tick:%Y%m%dT%H%M%S}.csv"
            rows = len((seen.games or ()) if prefix else seen.streams)
            if path.exists():
                made.append(LakeTable(dataset, tick, str(path), rows))
        return made

    engine = Engine(spark)
    engine.load(period, tables(period.needed), tables(period.needed, "g_"), tables(period.needed_earlier))
    cells = 0
    for kind, begins in (("day", [day]), ("hour", [day + timedelta(hours=hour) for hour in range(24)])):
        expected: dict[str, list[dict[str, Any]]] = {}
        for begin in begins:
            for name, rows in world.compute(kind, begin).items():
                expected.setdefault(name, []).extend(rows)
        for table, frame in engine.compute(kind):
            found = [row.asDict() for row in frame.collect()]
            assert frame.columns == list(table.names)
            assert rows_of(found, table.name) == rows_of(expected[table.name], table.name), table.name
            cells += len(found) * len(table.names)
    assert cells > 5_000


def test_the_job_writes_the_tables_of_the_package(spark: SparkSession, tmp_path: Path) -> None:
    lake, target = Lake(), tmp_path / "target"
    compressions = ("zstd", "gzip", "none")
    for number, title in enumerate(TITLES):
        form = {
            "file_format": "parquet" if number % 3 == 0 else "csv",
            "compression": compressions[number % 3],
        }
        rows = [
            stream("1", number, title=title, tags=[title or "x", "a"]),
            stream(f"0{number}", 7, title=None),
        ]
        lake.crawl(5 * number, rows, writes=form)
        lake.top(5 * number + 1, {"1": [stream("1")], "2": [stream("2", game_id="2")]}, capped=["2"])
    lake.crawl(80, [], complete=False)
    write_lake(lake, tmp_path / "lake")
    run(spark, f"file://{tmp_path}/lake", "twitch", f"file://{target}", DAY.date())
    expected: dict[str, list[pa.Table]] = {}
    for kind, begins in (("day", [DAY]), ("hour", [DAY + timedelta(hours=hour) for hour in range(24)])):
        for begin in begins:
            for name, table in lake.compute(tmp_path, kind, begin).items():
                expected.setdefault(name, []).append(table)
    report = completeness(lake.snapshots, lake.clock, DAY.date())
    expected["completeness"] = [completeness_table(report)]
    for name, tables in expected.items():
        (path,) = (target / "metrics" / name / f"dt={DAY:%Y-%m-%d}").glob("*.parquet")
        written = parquet.ParquetFile(path).read()
        types = [(field.name, field.type) for field in written.schema]
        assert types == [(field.name, field.type) for field in TABLES[name].schema]
        assert rows_of(written, name) == rows_of(pa.concat_tables(tables), name), name
        assert written.num_rows, name


def test_a_table_that_is_not_as_its_manifest_says(spark: SparkSession, tmp_path: Path) -> None:
    lake = Lake()
    for minutes in (0, 5):
        lake.crawl(minutes, [stream("1"), stream("2")])
    write_lake(lake, tmp_path)
    path = tmp_path / lake.snapshots[0].table.key
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(TwitchDataError, match="has 1 rows, not the 2 of its manifest"):
        run(spark, f"file://{tmp_path}", "twitch", f"file://{tmp_path}/target", DAY.date())


def test_the_target_is_not_the_lake(spark: SparkSession) -> None:
    with pytest.raises(TwitchParameterError, match="must not be the lake"):
        run(spark, "s3://bucket/", "twitch", "s3://bucket/twitch/", DAY.date())


def test_a_lake_without_manifests(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(TwitchDataError, match="No manifest was found in file:"):
        run(spark, f"file://{tmp_path}", "", f"file://{tmp_path}/target", DAY.date())
