# SPDX-License-Identifier: Apache-2.0
"""Spark: tables of the lake to relations, one statement to one table.

The statements are those that DuckDB runs. Hours are computed for a whole day at once, since statements group
by ``period``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.schema import BOOLEAN, FRACTION, GAMES, INTEGER, STREAMS, Schema
from twitch_provider.metrics.clock import Period
from twitch_provider.metrics.relations import (
    BEFORE_COLUMNS,
    GAMES_COLUMNS,
    OF_A_DAY,
    STREAMS_COLUMNS,
    clock_relations,
)
from twitch_provider.metrics.tables import READ, STEPS, TABLES, MetricsTable, statement

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: What statements take for granted: instants are UTC without a zone; a number that does not fit is an error.
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
}
_TYPES = {
    pa.string(): "STRING",
    pa.int64(): "BIGINT",
    pa.bool_(): "BOOLEAN",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP_NTZ",
}
_CSV_TYPES = {INTEGER: "BIGINT", BOOLEAN: "BOOLEAN", FRACTION: "DOUBLE"}
_TAGS = {
    "csv": "COALESCE(from_json(tags, 'array<string>'), array())",
    "parquet": "COALESCE(tags, array())",
}
_TAGGED = """
SELECT scope, dataset, period, user_id, viewer_seconds, airtime_seconds, samples,
    explode(array_distinct(tags)) AS tag
FROM tag_lists
"""


class LakeTable(NamedTuple):
    """A table of the lake.

    :param dataset: of the streams; for a table of games, of the streams of the same run
    :param run_after: its tick
    :param address: that Spark can read, whose name ends as the key does
    :param rows: that its manifest says it has
    """

    dataset: str
    run_after: datetime
    address: str
    rows: int

    @property
    def file_format(self) -> str:
        """``csv`` or ``parquet``."""
        return "parquet" if self.address.endswith(".parquet") else "csv"


class Engine:
    """The relations and tables of one day.

    :param spark: session, of which settings are changed
    """

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        for name, value in _SETTINGS.items():
            spark.conf.set(name, value)

    def load(
        self,
        period: Period,
        streams: Iterable[LakeTable],
        games: Iterable[LakeTable],
        earlier: Iterable[LakeTable],
    ) -> None:
        """Make the relations that statements read.

        :param period: a day of the clock
        :param streams: the tables of its snapshots, and of those before
        :param games: the tables of games of the same runs, where they have one
        :param earlier: the streams of the 48 hours before
        :raises TwitchDataError: a table does not have as many rows as its manifest says
        """
        self._period = period
        columns = STREAMS_COLUMNS | OF_A_DAY
        self._relation("streams", STREAMS, columns, streams, _TAGS)
        self._relation("games", GAMES, GAMES_COLUMNS, games)
        self._relation("streams_before", STREAMS, BEFORE_COLUMNS, earlier)

    def compute(self, kind: str) -> Iterator[tuple[MetricsTable, DataFrame]]:
        """Return the tables of what was loaded, one after the other.

        :param kind: ``hour``, for all hours of the day, or ``day``
        """
        for name, rows in clock_relations(self._period, kind).items():
            self._view(name, self._frame(rows))
        for step in STEPS[kind]:
            self._view(step, self._spark.sql(statement(step)))
        if kind == "day":
            self._view("tagged", self._spark.sql(_TAGGED))
        for name in READ[kind]:
            self._view(name, self._spark.sql(statement(name)))
        for table in TABLES.values():
            if table.period == kind and table.name != "completeness":
                made = table.name in {"clock", "clock_parts", *READ[kind]}
                rows = self._spark.table(table.name) if made else self._spark.sql(statement(table.statement))
                yield table, _typed(rows.withColumnRenamed("period", kind), table)

    def typed(self, rows: pa.Table, table: MetricsTable) -> DataFrame:
        """Return rows that this process computed, as Spark's.

        :param rows: of the table
        :param table: which one
        """
        return _typed(self._frame(rows), table)

    def _relation(
        self,
        name: str,
        schema: Schema,
        columns: Mapping[str, str],
        tables: Iterable[LakeTable],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Make a relation of tables, and compare the numbers of their rows with the manifests."""
        by_kind: dict[tuple[str, str], list[str]] = defaultdict(list)
        expected = {}
        for table in tables:
            by_kind[table.dataset, table.file_format].append(table.address)
            expected[table.dataset, table.run_after.replace(tzinfo=None)] = table.rows
        parts = []
        for (dataset, file_format), addresses in sorted((by_kind or {("", "csv"): []}).items()):
            chosen = {**columns, **({"tags": tags[file_format]} if tags else {})}
            part = self._read(file_format, schema, sorted(addresses)).selectExpr(
                f"{_quoted(dataset)} AS dataset",
                "CAST(run_after AS TIMESTAMP) AS run_after",
                *(f"{expression} AS {column}" for column, expression in chosen.items()),
            )
            parts.append(part)
        rows = reduce(lambda one, other: one.unionByName(other), parts)
        self._view(name, rows)
        _check(name, self._spark.table(name), expected)

    def _read(self, file_format: str, schema: Schema, addresses: list[str]) -> DataFrame:
        if not addresses:
            nothing = ", ".join(
                f"CAST(NULL AS {kind}) AS {name}" for name, kind in _csv_types(schema).items()
            )
            return self._spark.sql(f"SELECT {nothing}").limit(0)
        if file_format == "parquet":
            return self._spark.read.parquet(*addresses)
        # Nothing is guessed. Without the escape, titles with quotation marks fall apart.
        return self._spark.read.csv(
            addresses,
            schema=", ".join(f"{name} {kind}" for name, kind in _csv_types(schema).items()),
            header=True,
            enforceSchema=False,
            mode="FAILFAST",
            quote='"',
            escape='"',
        )

    def _frame(self, rows: pa.Table) -> DataFrame:
        """Rows of this process go to Spark as JSON: of other forms, executors would need this Python, too."""
        columns = ", ".join(f"{field.name}: {_TYPES[field.type]}" for field in rows.schema)
        text = json.dumps(rows.to_pylist(), default=lambda moment: moment.isoformat())
        return self._spark.sql(
            f"SELECT inline(from_json(:rows, 'array<struct<{columns}>>', map('mode', 'FAILFAST')))",
            {"rows": text},
        )

    def _view(self, name: str, rows: DataFrame) -> None:
        """What several statements read is computed once."""
        rows.persist().createOrReplaceTempView(name)


def _csv_types(schema: Schema) -> dict[str, str]:
    return {column.name: _CSV_TYPES.get(column.kind, "STRING") for column in schema.columns}


def _quoted(text: str) -> str:
    return "'{}'".format(text.replace("\\", "\\\\").replace("'", "\\'"))


def _typed(rows: DataFrame, table: MetricsTable) -> DataFrame:
    return rows.selectExpr(
        *(f"CAST({field.name} AS {_TYPES[field.type]}) AS {field.name}" for field in table.schema)
    )


def _check(name: str, rows: DataFrame, expected: Mapping[tuple[str, datetime], int]) -> None:
    found = {
        (row.dataset, row.run_after): row["count"]
        for row in rows.groupBy("dataset", "run_after").count().collect()
    }
    for (dataset, run_after), count in sorted(expected.items()):
        there = found.pop((dataset, run_after), 0)
        if there != count:
            raise TwitchDataError(
                f"The table of {name} of {dataset} at {run_after}Z has {there} rows, not the {count} of its "
                "manifest: clear its DAG run to publish it again."
            )
    if found:
        raise TwitchDataError(f"A table of {name} has rows of another run: {min(found)}.")
