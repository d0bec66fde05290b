# SPDX-License-Identifier: Apache-2.0
"""The metrics of one day by Spark, for a lake that outgrows one machine: a job for EMR or Glue.

It decides with the package's own clock which snapshots count, runs the statements under ``sql/`` unmodified,
and writes the same tables, the hours of a day together. Only the driver runs Python: there this package has
to be importable, with pandas and pyarrow, but without Airflow.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from twitch_provider.exceptions import TwitchDataError, TwitchParameterError
from twitch_provider.metrics.completeness import completeness, completeness_table
from twitch_provider.metrics.history import DAY, LOOK_AHEAD, LOOK_BACK, History, midnight
from twitch_provider.metrics.snapshots import Found, Snapshot, add_manifest
from twitch_provider.metrics.spark import Engine, LakeTable
from twitch_provider.metrics.tables import TABLES, MetricsTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("twitch_provider.metrics.spark_job")


def read_history(spark: SparkSession, store: str, prefix: str, day: date) -> History:
    """Read the manifests that a day depends on, of every DAG.

    :param spark: session
    :param store: address of the bucket, for example ``s3://bucket``
    :param prefix: of the lake in the bucket; may be empty
    :param day: UTC
    :raises TwitchDataError: no manifest was found
    """
    from pyspark.errors import AnalysisException

    first, days = day - LOOK_BACK - DAY, (LOOK_BACK + DAY + DAY + LOOK_AHEAD) // DAY
    dates = ",".join((first + timedelta(days=number)).isoformat() for number in range(days))
    folders = f"{'/'.join(filter(None, (store, prefix)))}/manifests/*/dt={{{dates}}}"
    manifests = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    try:
        files = manifests.option("pathGlobFilter", "*.json").load(folders)
    except AnalysisException as error:
        if "PATH_NOT_FOUND" not in str(error):
            raise
        raise TwitchDataError(
            f"No manifest was found in {folders}: check --store, --prefix and --day."
        ) from None
    found = Found()
    for row in files.select("path", "content").collect():
        add_manifest(bytes(row.content), found, key=row.path, etag="", place=row.path)
    return History(found)


def write(rows: DataFrame, table: MetricsTable, target: str, day: date) -> str:
    """Write a table of a day as one Parquet file, in the order of its key, and return its folder.

    :param rows: of the table
    :param table: which one
    :param target: address; what the folder held before is replaced
    :param day: UTC
    """
    folder = f"{target.rstrip('/')}/metrics/{table.name}/dt={day.isoformat()}"
    ordered = rows.repartition(1).sortWithinPartitions(*table.key)
    ordered.write.mode("overwrite").option("compression", "zstd").parquet(folder)
    return folder


def run(spark: SparkSession, store: str, prefix: str, target: str, day: date) -> None:
    """Compute and write the tables of a day.

    :param spark: session
    :param store: address of the lake's bucket
    :param prefix: of the lake in the bucket; may be empty
    :param target: address that the tables are written below
    :param day: UTC
    :raises TwitchParameterError: the target is the lake
    :raises TwitchDataError: a table of the lake is not as its manifest says
    """
    store, prefix = store.rstrip("/"), prefix.strip("/")
    if target.rstrip("/") == f"{store}/{prefix}".rstrip("/"):
        raise TwitchParameterError(
            "--target must not be the lake: Spark replaces folders without conditions, where DAGs publish."
        )
    history = read_history(spark, store, prefix, day)
    for sentence in sorted(history.found.refused.values()):
        log.warning("%s", sentence)
    period = history.period("day", midnight(day))
    needed, earlier = history.needed(period.needed), history.needed(period.needed_earlier)
    engine = Engine(spark)
    engine.load(
        period,
        [_table(store, each) for each in needed],
        [_table(store, each, games=True) for each in needed if each.games],
        [_table(store, each) for each in earlier],
    )
    for kind in ("hour", "day"):
        for table, rows in engine.compute(kind):
            log.info("Wrote %s", write(rows, table, target, day))
    report = completeness_table(completeness(history.found.snapshots, history.clock, day))
    table = TABLES["completeness"]
    log.info("Wrote %s", write(engine.typed(report, table), table, target, day))


def _table(store: str, snapshot: Snapshot, *, games: bool = False) -> LakeTable:
    entry = snapshot.games if games and snapshot.games else snapshot.table
    return LakeTable(snapshot.dataset, snapshot.run_after, f"{store}/{entry.key}", entry.rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the job; Glue adds arguments of its own, which are ignored.

    :param arguments: of the command line
    """
    from pyspark.sql import SparkSession

    parser = argparse.ArgumentParser(description="Compute the metrics of one day.", allow_abbrev=False)
    parser.add_argument(
        "--store", required=True, help="address of the lake's bucket, for example s3://bucket"
    )
    parser.add_argument("--prefix", default="", help="of the lake in the bucket")
    parser.add_argument(
        "--target", required=True, help="address that metrics/ is written below; not the lake"
    )
    parser.add_argument("--day", required=True, type=date.fromisoformat, help="UTC, for example 2026-11-23")
    options, _ = parser.parse_known_args(arguments)
    logging.basicConfig(format="%(message)s")
    log.setLevel(logging.INFO)
    spark = SparkSession.builder.appName("Metrics of Twitch").getOrCreate()
    run(spark, options.store, options.prefix, options.target, options.day)


if __name__ == "__main__":
    main()
