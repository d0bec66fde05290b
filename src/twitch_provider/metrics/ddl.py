# SPDX-License-Identifier: Apache-2.0
"""DDL for Athena and Glue: every table of metrics, the compacted days, and the views; and for DuckDB.

``python -m twitch_provider.metrics.ddl s3://bucket/prefix --since 2026-11-01`` prints all of it.
"""

from __future__ import annotations

import argparse
from datetime import date

import pyarrow as pa

from twitch_provider.lake.schema import STREAMS
from twitch_provider.metrics.tables import TABLES
from twitch_provider.metrics.views import VIEWS

#: https://docs.aws.amazon.com/athena/latest/ug/data-types.html
_TYPES = {
    pa.string(): "string",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.list_(pa.string()): "array<string>",
}

#: Of a comment, in Glue: https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
COMMENT_LENGTH = 255


def external_table(name: str, *, root: str, since: date) -> str:
    """Return the DDL of a table of metrics.

    :param name: for example ``games_hour``
    :param root: the lake's address, for example ``s3://my-twitch-lake/twitch``
    :param since: the first day that a query without a condition on ``dt`` reads
    """
    table = TABLES[name]
    columns = [
        (field.name, _type(field.type), definition.comment)
        for field, (_, definition) in zip(table.schema, table.columns, strict=True)
    ]
    return _external(name, columns, f"{table.grain}.", f"{root}/metrics/{name}", since)


def compacted_table(dataset: str, *, root: str, since: date) -> str:
    """Return the DDL of the compacted days of a dataset of streams, ``{dataset}_compacted``.

    :param dataset: for example ``all_streams``
    :param root: the lake's address, for example ``s3://my-twitch-lake/twitch``
    :param since: the first day that a query without a condition on ``dt`` reads
    """
    columns = [(column.name, _type(column.kind.arrow), column.description) for column in STREAMS.columns]
    comment = "The snapshots of a day, one row for each snapshot and broadcast."
    return _external(f"{dataset}_compacted", columns, comment, f"{root}/compacted/{dataset}", since)


def view(name: str) -> str:
    """Return the DDL of a view.

    :param name: one of :data:`~twitch_provider.metrics.views.VIEWS`
    """
    return f"CREATE OR REPLACE VIEW {name} AS\n{VIEWS[name]}"


def statements(root: str, since: date) -> list[str]:
    """Return all statements, in an order in which they can be run, without a semicolon.

    :param root: the lake's address, for example ``s3://my-twitch-lake/twitch``
    :param since: the first day that a query without a condition on ``dt`` reads
    """
    root = root.rstrip("/")
    return [
        *(external_table(name, root=root, since=since) for name in TABLES),
        *(compacted_table(dataset, root=root, since=since) for dataset in ("top_streams", "all_streams")),
        *map(view, VIEWS),
    ]


def duckdb_statements(root: str) -> list[str]:
    """Return statements that give DuckDB the tables of metrics and the views, without a semicolon.

    :param root: the folder with ``metrics/``, where each table has one file or more
    """
    files = "{root}/metrics/{name}/*/*.parquet', hive_partitioning = true, hive_types = {{'dt': VARCHAR}})"
    read = [
        f"CREATE OR REPLACE VIEW {name} AS FROM read_parquet('"
        + files.format(root=root.rstrip("/").replace("'", "''"), name=name)
        for name in TABLES
    ]
    return [*read, *map(view, VIEWS)]


def _external(
    name: str, columns: list[tuple[str, str, str]], comment: str, location: str, since: date
) -> str:
    # Partitions are projected, so nothing has to be told of a new day:
    # https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    defined = ",\n".join(f"  `{column}` {kind} COMMENT {_text(about)}" for column, kind, about in columns)
    return f"""CREATE EXTERNAL TABLE IF NOT EXISTS `{name}` (
{defined}
)
COMMENT {_text(comment)}
PARTITIONED BY (`dt` string COMMENT 'The day in UTC, for example 2026-11-23')
STORED AS PARQUET
LOCATION '{location}/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '{since.isoformat()},NOW',
  'storage.location.template' = '{location}/dt=${{dt}}/'
)"""


def _text(comment: str) -> str:
    """Quote a comment: a typographic apostrophe needs no escape, of which engines have several."""
    return "'{}'".format(comment.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}"))


def _type(arrow: pa.DataType) -> str:
    return "timestamp" if pa.types.is_timestamp(arrow) else _TYPES[arrow]


def main(arguments: list[str] | None = None) -> None:
    """Print the statements.

    :param arguments: of the command line
    """
    parser = argparse.ArgumentParser(prog="python -m twitch_provider.metrics.ddl", description=__doc__)
    parser.add_argument("root", help="the lake's address, for example s3://my-twitch-lake/twitch")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--since", type=date.fromisoformat, help="for Athena: the first day of the lake")
    wanted.add_argument("--duckdb", action="store_true", help="for DuckDB, over files")
    chosen = parser.parse_args(arguments)
    made = duckdb_statements(chosen.root) if chosen.duckdb else statements(chosen.root, chosen.since)
    print(*(f"{each};\n" for each in made), sep="\n")


if __name__ == "__main__":
    main()
