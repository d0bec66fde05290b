# SPDX-License-Identifier: Apache-2.0
"""The DDL: typed and commented tables that Athena's grammar accepts, and views that run and are right."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.metrics.analyst import at

from twitch_provider.lake.schema import STREAMS
from twitch_provider.metrics.ddl import COMMENT_LENGTH, external_table, main, statements
from twitch_provider.metrics.definitions import DEFINITIONS
from twitch_provider.metrics.tables import TABLES
from twitch_provider.metrics.views import VIEWS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

sqlglot = pytest.importorskip("sqlglot", reason="sqlglot is not installed: it is in the extra dev")
from sqlglot import exp  # noqa: E402

ROOT = "s3://my-twitch-lake/twitch"
SINCE = date(2026, 11, 1)
DDL = statements(f"{ROOT}/", SINCE)
KINDS = {"string": "TEXT", "int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN", "date32[day]": "DATE"}


@pytest.mark.parametrize("sql", DDL, ids=lambda sql: sql.partition("(")[0].split("\n")[0])
def test_every_statement_parses_as_athena(sql: str) -> None:
    (parsed,) = sqlglot.parse(sql, dialect="athena")
    assert isinstance(parsed, exp.Create)
    assert not list(parsed.find_all(exp.Command, exp.Anonymous))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_its_columns_types_comments_and_one_partition(name: str) -> None:
    parsed = sqlglot.parse_one(external_table(name, root=ROOT, since=SINCE), dialect="athena")
    *columns, partition = parsed.find_all(exp.ColumnDef)
    assert [column.name for column in columns] == list(TABLES[name].names)
    assert partition.name == "dt"
    for column, field in zip(columns, TABLES[name].schema, strict=True):
        assert column.kind.this.name == KINDS.get(str(field.type), "TIMESTAMP")
    assert f"LOCATION '{ROOT}/metrics/{name}/'" in parsed.sql(dialect="hive")


def test_there_is_one_statement_for_each_table_and_view_and_the_compacted_days() -> None:
    names = [sqlglot.parse_one(sql, dialect="athena").find(exp.Table).name for sql in DDL]
    assert names == [*TABLES, "top_streams_compacted", "all_streams_compacted", *VIEWS]
    compacted = next(sql for sql in DDL if "all_streams_compacted" in sql)
    assert f"LOCATION '{ROOT}/compacted/all_streams/'" in compacted
    assert "`tags` array<string>" in compacted
    assert [name for name in STREAMS.names if f"`{name}` " not in compacted] == []


def test_comments_are_as_short_as_glue_has_them() -> None:
    assert {name for name, each in DEFINITIONS.items() if len(each.comment) > COMMENT_LENGTH} == set()


def test_views_have_columns_with_a_definition() -> None:
    for name, sql in VIEWS.items():
        columns = sqlglot.parse_one(sql, dialect="athena").named_selects
        assert set(columns) - {"dt"} <= DEFINITIONS.keys(), name


def test_the_command_prints_what_can_be_run(capsys: pytest.CaptureFixture[str]) -> None:
    main([ROOT, "--since", "2026-11-01"])
    assert sqlglot.parse(capsys.readouterr().out, dialect="athena")[0] is not None
    main(["lake", "--duckdb"])
    assert "read_parquet('lake/metrics/games_hour/*/*.parquet'" in capsys.readouterr().out


def rows(analyst: DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return analyst.sql(sql).fetchall()


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_has_rows_and_each_key_once(name: str, analyst: DuckDBPyConnection) -> None:
    entity, _, period = name.partition("_by_")
    keys = {"whole": "session_id", "ended": "hour"}.get(name.partition("_")[0], period)
    keys += {"games": ", game_id", "languages": ", language", "channels": ", user_id", "tags": ", tag"}.get(
        entity, ""
    )
    ((count, distinct),) = rows(analyst, f"SELECT COUNT(*), COUNT(DISTINCT (scope, {keys})) FROM {name}")  # noqa: S608
    assert count == distinct > 0


def test_growth_compares_with_the_hour_before_and_the_same_hour_of_yesterday(
    analyst: DuckDBPyConnection,
) -> None:
    (row,) = rows(
        analyst,
        "SELECT hours_watched, coverage, average_viewers, growth, growth_yesterday, growth_last_week "  # noqa: S608
        f"FROM site_by_hour WHERE dataset = 'all_streams' AND hour = TIMESTAMP '{at(60)}'",
    )
    watched, coverage, average, growth, yesterday, last_week = row
    assert coverage == 1
    assert watched == average
    ((before,),) = rows(
        analyst,
        "SELECT viewer_seconds / 1E0 / covered_seconds FROM site_hour "  # noqa: S608
        f"WHERE dataset = 'all_streams' AND hour = TIMESTAMP '{at(0)}'",
    )
    assert growth == pytest.approx(average / before - 1)
    assert yesterday == pytest.approx(average / 160 - 1)
    assert last_week is None


def test_shares_add_up_to_the_site_and_ranks_change(analyst: DuckDBPyConnection) -> None:
    for entity in ("games", "languages", "channels"):
        sums = rows(analyst, f"SELECT SUM(share) FROM {entity}_by_hour GROUP BY scope, hour")  # noqa: S608
        assert [each for (each,) in sums] == [pytest.approx(1)] * len(sums)
    assert rows(
        analyst,
        "SELECT game_name, rank, rank_change FROM games_by_hour "  # noqa: S608
        f"WHERE dataset = 'all_streams' AND hour = TIMESTAMP '{at(60)}' ORDER BY rank",
    ) == [("Go", 1, 1), ("Chess", 2, -1), ("Music", 3, 0)]


def test_a_session_over_midnight_is_one_row(analyst: DuckDBPyConnection) -> None:
    ((first, last, broadcasts, hours, peak_at),) = rows(
        analyst,
        "SELECT first_day, last_day, broadcasts, airtime_hours, peak_at FROM whole_sessions "
        "WHERE user_id = 'night'",
    )
    assert (last - first, broadcasts) == (timedelta(days=1), 2)
    assert hours == pytest.approx(25 / 60)
    assert isinstance(peak_at, datetime)


def test_what_is_in_the_newest_sample_has_not_ended(analyst: DuckDBPyConnection) -> None:
    ended = rows(analyst, "SELECT hour, ended_streams FROM ended_by_hour WHERE dataset = 'all_streams'")
    assert (datetime.fromisoformat(at(60)), 1) in ended
    ((live,),) = rows(
        analyst,
        "SELECT COUNT(DISTINCT id) FROM sessions WHERE dataset = 'all_streams' "
        "AND last_seen = (SELECT MAX(last_seen) FROM sessions WHERE dataset = 'all_streams')",
    )
    ((broadcasts,),) = rows(analyst, "SELECT COUNT(DISTINCT id) FROM sessions WHERE dataset = 'all_streams'")
    assert sum(count for _, count in ended) == broadcasts - live
