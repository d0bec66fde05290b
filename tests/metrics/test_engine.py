# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.metrics.lake import NOON, Lake, stream

from twitch_provider.exceptions import TwitchConfigError, TwitchDataError
from twitch_provider.metrics.engine import LocalTable, open_engine
from twitch_provider.metrics.tables import TABLES
from twitch_provider.metrics.writing import write_table

duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")

Rows = list[dict[str, Any]]
#: The second at which the snapshots of these tests were answered.
AT = 2


def at(minutes: float) -> datetime:
    return (NOON + timedelta(minutes=minutes, seconds=AT)).replace(tzinfo=None)


def only(rows: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(rows[name].to_pylist() for name in names), strict=True))


@pytest.fixture
def lake() -> Lake:
    return Lake()


@pytest.fixture
def hour(lake: Lake, tmp_path: Path) -> Callable[[], dict[str, pa.Table]]:
    return lambda: lake.compute(tmp_path)


def test_a_thousand_viewers_for_four_hours_are_four_thousand_hours(lake: Lake, tmp_path: Path) -> None:
    for number in range(49):
        lake.crawl(5 * number, [stream("1", 1000)])
    day = lake.compute(tmp_path, "day", NOON.replace(hour=0))
    for name in ("site_day", "games_day", "languages_day", "channels_day"):
        assert only(day[name], "viewer_seconds", "covered_seconds") == [(4000 * 3600, 4 * 3600)]
    assert only(day["site_day"], "missing_seconds", "samples", "peak_viewers", "peak_at") == [
        (20 * 3600, 49, 1000, at(0))
    ]
    hours = [lake.compute(tmp_path, begin=NOON + timedelta(hours=n))["site_hour"] for n in range(5)]
    assert [only(each, "viewer_seconds", "samples") for each in hours] == [
        [((3600 - AT) * 1000, 12)],
        [(3_600_000, 12)],
        [(3_600_000, 12)],
        [(3_600_000, 12)],
        [(AT * 1000, 1)],
    ]


def test_an_hour_with_only_carried_over_seconds_has_sums_and_no_peak(lake: Lake, tmp_path: Path) -> None:
    lake.crawl(-4, [stream("1")])
    lake.crawl(61, [stream("1")])
    hour = lake.compute(tmp_path)
    sums = 600 - 240 + AT
    for name in ("site_hour", "games_hour", "languages_hour", "channels_hour"):
        assert only(hour[name], "viewer_seconds", "airtime_seconds", "covered_seconds") == [
            (100 * sums, sums, sums)
        ]
        assert only(hour[name], "samples", "peak_viewers", "peak_at", "broadcasts") == [(0, None, None, 0)]
    assert only(hour["games_hour"], "game_name", "unique_channels") == [("Chess", 0)]
    assert only(hour["channels_hour"], "user_login", "user_name") == [("login1", "Name1")]
    assert hour["site_snapshot"].num_rows == 0


def test_an_empty_snapshot_covers_its_time_and_is_a_sample_of_nobody(lake: Lake, tmp_path: Path) -> None:
    lake.crawl(0, [stream("1")])
    lake.crawl(5, [])
    lake.crawl(10, [stream("1")])
    hour = lake.compute(tmp_path)
    assert only(hour["site_snapshot"], "viewers", "streams", "channels") == [
        (100, 1, 1),
        (0, 0, 0),
        (100, 1, 1),
    ]
    assert only(hour["site_hour"], "covered_seconds", "samples", "viewer_seconds") == [(600, 3, 30_000)]
    assert only(hour["channels_hour"], "covered_seconds", "airtime_seconds") == [(600, 300)]


def test_what_does_not_count_has_no_part(lake: Lake, tmp_path: Path) -> None:
    lake.crawl(0, [stream("1")])
    lake.crawl(5, [stream("1", 7_000)], complete=False)
    lake.crawl(7, [stream("1", 8_000)], adhoc=True)
    lake.crawl(10, [stream("1")])
    hour = lake.compute(tmp_path)
    assert only(hour["clock"], "status", "seconds") == [("counted", 600), ("incomplete", 0), ("counted", 0)]
    assert only(hour["site_hour"], "viewer_seconds", "peak_viewers", "samples") == [(60_000, 100, 2)]


def test_peaks_and_ranks_write_their_ties_out(lake: Lake, tmp_path: Path) -> None:
    lake.crawl(
        0, [stream("9", 50, game_id="b"), stream("10", 50, game_id="B"), stream("11", 10, game_id="a")]
    )
    lake.crawl(
        5, [stream("9", 50, game_id="b"), stream("10", 50, game_id="B"), stream("11", 90, game_id="a")]
    )
    hour = lake.compute(tmp_path)
    assert only(hour["games_hour"], "game_id", "rank", "peak_viewers", "peak_at") == [
        ("B", 1, 50, at(0)),
        ("a", 3, 90, at(5)),
        ("b", 2, 50, at(0)),
    ]
    assert only(hour["channels_hour"], "user_id", "rank") == [("10", 1), ("11", 3), ("9", 2)]
    assert only(hour["games_snapshot"], "game_id", "rank") == [
        *(("B", 1), ("a", 3), ("b", 2)),
        *(("B", 2), ("a", 1), ("b", 3)),
    ]


def test_two_broadcasts_of_one_channel_are_watched_together(lake: Lake, tmp_path: Path) -> None:
    # A crawl keeps each broadcaster once; top games may list two broadcasts of one.
    first = stream("1", 60), stream("1", 50, id="other", game_id="2")
    lake.top(0, {"1": [first[0]], "2": [first[1]]})
    lake.top(5, {"1": [stream("1", 105)], "2": [stream("2", 1, game_id="2")]})
    hour = lake.compute(tmp_path)
    names = "user_id", "samples", "peak_viewers", "peak_at", "airtime_seconds", "viewer_seconds", "broadcasts"
    assert only(hour["channels_hour"], *names) == [
        ("1", 2, 110, at(0), 600, 33_000, 2),
        ("2", 1, 1, at(5), 0, 0, 1),
    ]
    assert only(hour["site_snapshot"], "streams", "channels") == [(2, 1), (2, 2)]
    assert only(hour["site_hour"], "unique_channels", "broadcasts") == [(2, 3)]


def test_new_streams_are_not_in_the_snapshot_before_and_began_after_its_instant(
    lake: Lake, tmp_path: Path
) -> None:
    lake.crawl(-5, [stream("1")])
    lake.crawl(
        0,
        [
            stream("1"),
            stream("2", started_at="2026-11-23T11:56:00Z", game_id="2"),
            stream("3"),  # It began long before, and was missing.
            stream("4", started_at="2026-11-23T11:55:02Z"),  # At the instant, not later.
            stream("5", started_at=None),
        ],
    )
    lake.crawl(5, [stream("2", started_at="2026-11-23T11:56:00Z", game_id="2")])
    hour = lake.compute(tmp_path)
    assert only(hour["site_hour"], "new_streams", "broadcasts") == [(1, 5)]
    assert only(hour["games_hour"], "game_id", "new_streams") == [("1", 0), ("2", 1)]
    assert only(hour["languages_hour"], "new_streams") == [(1,)]
    assert [new for _, new in only(hour["channels_hour"], "user_id", "new_streams")] == [0, 1, 0, 0, 0]
    # The first snapshot of a scope has none.
    before = lake.compute(tmp_path, begin=NOON - timedelta(hours=1))
    assert only(before["site_hour"], "new_streams") == [(0,)]


def test_a_top_game_is_covered_while_it_is_listed_and_says_which_samples_were_capped(
    lake: Lake, tmp_path: Path
) -> None:
    chess, go = stream("1"), stream("2", game_id="2", game_name="Go")
    lake.top(0, {"1": [chess], "2": [go]}, capped=["2"])
    lake.top(5, {"2": [go], "1": [chess]})
    lake.top(10, {"1": [chess], "3": [stream("3", game_id="3")]}, capped=["1"])
    lake.top(15, {"1": [chess], "2": [go]})
    hour = lake.compute(tmp_path)
    names = "game_id", "covered_seconds", "samples", "capped_samples", "twitch_rank"
    assert only(hour["games_hour"], *names) == [("1", 900, 4, 1, 1), ("2", 600, 3, 1, 1), ("3", 300, 1, 0, 2)]
    assert only(hour["site_hour"], "covered_seconds", "capped_samples") == [(900, 2)]
    assert only(hour["languages_hour"], "covered_seconds", "capped_samples") == [(900, 2)]
    first = only(hour["games_snapshot"], "game_id", "twitch_rank", "capped")[:4]
    assert first == [("1", 1, False), ("2", 2, True), ("1", 2, False), ("2", 1, False)]


def test_names_are_the_newest_ones_that_are_not_empty(lake: Lake, tmp_path: Path) -> None:
    old: dict[str, Any] = {"user_login": "old", "user_name": "Old", "game_name": "Old game"}
    lake.crawl(0, [stream("007", **old)])
    lake.crawl(5, [stream("007", user_login="NA", user_name="null", game_name="NA")])
    lake.crawl(10, [stream("007", user_name="", game_name=None)])
    hour = lake.compute(tmp_path)
    assert only(hour["channels_hour"], "user_id", "user_login", "user_name") == [("007", "login007", "null")]
    assert only(hour["games_hour"], "game_name") == [("NA",)]


def test_an_empty_category_and_an_empty_language_are_rows(lake: Lake, tmp_path: Path) -> None:
    for minutes in (0, 5):
        lake.crawl(minutes, [stream("1"), stream("2", 30, game_id="", game_name="", language="")])
    hour = lake.compute(tmp_path)
    assert only(hour["games_hour"], "game_id", "game_name", "viewer_seconds") == [
        ("", None, 9_000),
        ("1", "Chess", 30_000),
    ]
    assert only(hour["languages_hour"], "language", "viewer_seconds") == [("", 9_000), ("en", 30_000)]
    assert only(hour["site_hour"], "viewer_seconds") == [(39_000,)]


def test_concentration(lake: Lake, tmp_path: Path) -> None:
    # 1, 2, … 12 viewers: Gini of 1 to n is (n² - 1) / 3n ÷ (n + 1) = 11 / 36.
    for minutes in (0, 5):
        lake.crawl(minutes, [stream(str(n), n) for n in range(1, 13)] + [stream("none", 0, game_id="2")])
    hour = lake.compute(tmp_path)
    assert only(hour["games_hour"], "game_id", "top10_viewer_seconds", "gini") == [
        ("1", 300 * sum(range(3, 13)), pytest.approx(11 / 36, abs=1e-12)),
        ("2", 0, None),
    ]
    assert only(hour["site_hour"], "top10_viewer_seconds") == [(300 * 75,)]


def test_scopes_are_apart(lake: Lake, tmp_path: Path) -> None:
    for minutes in (0, 5):
        lake.crawl(minutes, [stream("1")])
        lake.top(minutes, {"1": [stream("1", 90)]})
    hour = lake.compute(tmp_path)
    assert only(hour["site_hour"], "scope", "viewer_seconds") == [
        ('all_streams {"strategy":"languages"}', 30_000),
        ('top_streams {"games":1}', 27_000),
    ]


@pytest.mark.parametrize(
    "writes",
    [
        {"file_format": "csv", "compression": "none"},
        {"file_format": "csv", "compression": "gzip"},
        {"file_format": "csv", "compression": "zstd"},
        {"file_format": "parquet", "compression": "zstd"},
    ],
)
def test_every_format_of_the_lake_is_read_alike(lake: Lake, tmp_path: Path, writes: dict[str, str]) -> None:
    nasty = ['"', 'a "b", c', "back\\", '\\"', "'", "NULL", "=1+1", ""]
    lake.crawl(0, [], writes=writes)
    for minutes in (5, 10):
        rows = [stream(str(n), game_id=str(n), game_name=name) for n, name in enumerate(nasty)]
        lake.crawl(minutes, rows, writes=writes)
    names = dict(only(lake.compute(tmp_path)["games_hour"], "game_id", "game_name"))
    assert names == {str(n): name or None for n, name in enumerate(nasty)}


def test_the_same_snapshots_give_the_same_bytes(lake: Lake, tmp_path: Path) -> None:
    rows = [stream(str(n), n % 7, game_id=str(n % 5), language=f"l{n % 3}") for n in range(200)]
    for minutes in range(0, 30, 5):
        lake.crawl(minutes, rows[minutes:])

    def written(name: str, rows: pa.RecordBatchReader) -> bytes:
        write_table(rows, tmp_path / name, {})
        return (tmp_path / name).read_bytes()

    first = {name: written(name, rows.to_reader(50)) for name, rows in lake.compute(tmp_path).items()}
    period = lake.clock.period(NOON, NOON + timedelta(hours=1))
    files = lake.files(tmp_path, period.needed)["streams"]
    with open_engine(tmp_path, threads=2) as engine:
        engine.load(period, files[::-1])
        assert {table.name: written(table.name, rows) for table, rows in engine.compute()} == first
    assert set(first) == {table.name for table in TABLES.values() if table.period == "hour"}


@pytest.mark.parametrize("kind", ["hour", "day"])
def test_without_snapshots_there_are_no_rows(lake: Lake, tmp_path: Path, kind: str) -> None:
    tables = lake.compute(tmp_path, kind)
    assert {rows.num_rows for rows in tables.values()} == {0}
    assert all(rows.schema == TABLES[name].schema for name, rows in tables.items())


def test_a_table_that_is_not_as_the_schema_says(lake: Lake, tmp_path: Path) -> None:
    lake.crawl(0, [stream("1")])
    period = lake.clock.period(NOON, NOON + timedelta(hours=1))
    broken = tmp_path / "broken.csv"
    broken.write_text("a,b\n1,2\n")
    with open_engine(tmp_path) as engine, pytest.raises(TwitchDataError, match="is not as the schema says"):
        engine.load(period, [LocalTable("all_streams", broken)])


def test_a_parquet_without_a_column(lake: Lake, tmp_path: Path) -> None:
    lake.crawl(0, [stream("1")])
    period = lake.clock.period(NOON, NOON + timedelta(hours=1))
    broken = tmp_path / "broken.parquet"
    parquet.write_table(pa.table({"id": ["1"]}), broken)
    with open_engine(tmp_path) as engine, pytest.raises(TwitchDataError, match="is not as the schema says"):
        engine.load(period, [LocalTable("all_streams", broken)])


def test_a_number_that_is_too_large(lake: Lake, tmp_path: Path) -> None:
    for minutes in (0, 5):
        lake.crawl(minutes, [stream("1", 2**62)])
    with pytest.raises(TwitchDataError, match="presence cannot be computed"):
        lake.compute(tmp_path)


def test_bounds_of_memory_and_temporary_space(lake: Lake, tmp_path: Path) -> None:
    lake.crawl(0, [stream(f"{n:0100}") for n in range(20_000)])
    period = lake.clock.period(NOON, NOON + timedelta(hours=1))
    files = lake.files(tmp_path, period.needed)["streams"]
    with (
        open_engine(tmp_path, memory="1MB", temporary="0GB", threads=1) as engine,
        pytest.raises(TwitchConfigError, match="needs more than 1MB of memory and 0GB of temporary space"),
    ):
        engine.load(period, files)


@pytest.mark.parametrize("address", ["https://example.invalid/a.csv", "s3://bucket/a.csv"])
def test_only_files_of_this_machine_are_read(tmp_path: Path, address: str) -> None:
    with open_engine(tmp_path) as engine, pytest.raises(duckdb.Error, match="httpfs"):
        engine._connection.sql(f"SELECT * FROM read_csv('{address}')").fetchall()  # noqa: S608


def test_a_worker_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with (
        pytest.raises(TwitchConfigError, match=r"install airflow-provider-twitch\[metrics\]"),
        open_engine(tmp_path),
    ):
        pass
