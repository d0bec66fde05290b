# SPDX-License-Identifier: Apache-2.0
"""The snippets of docs/lake.md read what the lake writes: every value of rows that programs misread."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from twitch_provider.lake.clean import clean_streams
from twitch_provider.lake.formats import Format
from twitch_provider.lake.schema import BOOLEAN, INSTANT, INTEGER, STREAMS
from twitch_provider.lake.tables import CleanTable

Make = Callable[..., Any]
Row = dict[str, Any]

PAGE = (Path(__file__).parents[2] / "docs" / "lake.md").read_text()
TITLES = [
    *("NA", "N/A", "n/a", "nan", "NaN", "null", "NULL", "None", "<NA>", "-inf", "#N/A", "\\N", "true", "007"),
    *("1e5", "2026-11-23", "'", '"', '""', '"x', 'x"', "\\", '\\"', 'x\\","y', "a,b", ",", ";", "\t", "#x"),
    *("=1", " padded ", " ", "a\nb", "a\r\nb", "a\u2028b", "a\x0bb\x1cc", "a\x00b", "\ufeff", "é👩‍👩‍👧"),
    *("Ω" * 3000, "{}", "[1]"),
]


def snippet(language: str, word: str) -> str:
    """The one block of the page that has this word."""
    found = [
        block
        for block in re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        if word in block
    ]
    assert len(found) == 1
    return str(found[0])


@pytest.fixture(scope="module")
def table(page: Make, stream: Make, run_after: datetime) -> CleanTable:
    texts = ("user_login", "user_name", "title")
    rows = [
        stream(id=f"0{n}", user_id=f"00{n}", viewer_count=n, tags=[text]) | dict.fromkeys(texts, text)
        for n, text in enumerate(TITLES)
    ]
    rows.append({name: rows[0][name] for name in ("user_id", "viewer_count", "type")} | {"id": "x"})
    cleaned = clean_streams([page("streams", rows)], run_after=run_after, ranks={"509658": 3})
    assert cleaned.counts["rows_out"] == len(rows)
    return cleaned


def empty(table: CleanTable) -> bytes:
    return Format().encode(table.table.slice(0, 0), STREAMS)


def expected(table: CleanTable) -> list[Row]:
    """The rows as a reader has them: lists stay JSON."""
    rows: list[Row] = table.table.to_pylist()
    for row in rows:
        for column in STREAMS.columns:
            if column.kind is INSTANT and row[column.name]:
                row[column.name] = datetime.fromisoformat(row[column.name])
    return rows


def in_utc(rows: list[Row], zoned: Callable[[datetime], datetime]) -> list[Row]:
    """Rows whose instants have a zone."""
    return [
        row | {name: zoned(value) for name, value in row.items() if isinstance(value, datetime)}
        for row in rows
    ]


def same(found: Iterable[Row], table: CleanTable) -> None:
    for row, right in zip(found, expected(table), strict=True):
        for name, value in right.items():
            read = json.loads(row[name]) if isinstance(value, list) else row[name]
            assert (name, read) == (name, value)


def test_pandas(table: CleanTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("top_streams.csv").write_bytes(Format().encode(table.table, STREAMS))
    space: dict[str, Any] = {}
    exec(snippet("python", "read_csv"), space)  # noqa: S102
    frame = space["streams"]
    assert list(frame.columns) == STREAMS.names
    assert str(frame["viewer_count"].dtype) == "int64"
    same(frame.astype(object).where(frame.notna(), None).to_dict("records"), table)

    Path("top_streams.csv").write_bytes(empty(table))
    exec(snippet("python", "read_csv"), space)  # noqa: S102
    assert space["streams"].empty
    assert space["streams"]["user_name"].dtype == "string"


def lake(folder: Path, table: CleanTable) -> None:
    """A dataset of two snapshots, of which the first has no row."""
    hour = folder / "top_streams" / "dt=2026-11-24" / "hour=16"
    hour.mkdir(parents=True)
    (hour / "streams_data_20261124T163000Z.csv").write_bytes(empty(table))
    (hour / "streams_data_20261124T163500Z.csv").write_bytes(Format().encode(table.table, STREAMS))


def test_duckdb(table: CleanTable, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed: pip install duckdb")
    lake(tmp_path, table)
    query = snippet("sql", "read_csv").replace("s3://my-twitch-lake/twitch/", f"{tmp_path}/")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Tokyo'")
    ((run_after, viewers, streams),) = connection.execute(query).fetchall()
    assert (viewers, streams) == (table.figures["viewers"], len(table.table))
    assert run_after.isoformat() == "2026-11-23T16:35:00"

    # Aggregated as the page does it; here are all values.
    rows = connection.sql(re.sub("^SELECT.*", "SELECT *", query).partition("\nGROUP BY")[0])
    assert rows.columns == [*STREAMS.names, "dt", "hour"]
    found = [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]
    same(in_utc(found, lambda instant: instant.replace(tzinfo=UTC)), table)


def test_spark(table: CleanTable, tmp_path: Path) -> None:
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: pip install pyspark")
    lake(tmp_path, table)
    spark = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    try:
        space: dict[str, Any] = {"spark": spark}
        code = snippet("python", "spark.read.csv").replace("s3a://my-twitch-lake/twitch/", f"{tmp_path}/")
        exec(code, space)  # noqa: S102
        frame = space["streams"]
        assert frame.columns == [*STREAMS.names, "dt", "hour"]
        found = [row.asDict() for row in frame.collect()]
    finally:
        spark.stop()
    # Of the machine's zone, in Python.
    same(in_utc(found, lambda instant: instant.astimezone(UTC)), table)


def test_the_columns_of_the_snippets_are_those_of_the_schema() -> None:
    def kind(names: tuple[str, str, str, str]) -> list[tuple[str, str]]:
        integer, boolean, instant, text = names
        by_kind = {INTEGER: integer, BOOLEAN: boolean, INSTANT: instant}
        return [(column.name, by_kind.get(column.kind, text)) for column in STREAMS.columns]

    duckdb = re.findall(r"'(\w+)': '([A-Z]+)'", snippet("sql", "read_csv"))
    assert duckdb == kind(("BIGINT", "BOOLEAN", "TIMESTAMP", "VARCHAR"))
    spark = snippet("python", "spark.read.csv")
    assert re.findall(r"(\w+) ([A-Z]+)[,\"]", spark) == kind(("BIGINT", "BOOLEAN", "TIMESTAMP", "STRING"))
    assert "escape='\"'" in spark
