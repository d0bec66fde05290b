# SPDX-License-Identifier: Apache-2.0
"""The newest metrics as CSV at fixed keys."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from tests.metrics.lake import NOON, Lake, stream

from twitch_provider.metrics.hours import publish_hours
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.latest_csv import publish_latest

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")

KEYS = MetricsKeys("twitch")
TODAY = NOON.date()
TICK = NOON + timedelta(hours=2)


@pytest.fixture
def lake() -> Lake:
    lake = Lake()
    publish(lake, 0, 60, 100)
    return lake


def publish(lake: Lake, first: int, last: int, viewers: int) -> None:
    """Publish snapshots every five minutes, and the hours."""
    for minutes in range(first, last + 5, 5):
        lake.crawl(
            minutes, [stream("1", viewers), stream("007", 10, game_id="2", game_name='Go, "the" game')]
        )
    publish_hours(lake.store, KEYS, [TODAY - timedelta(days=1), TODAY], until=TODAY)


def read(lake: Lake, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(lake.store.objects[f"twitch/latest/{name}.csv"].decode())))


def test_hours_games_and_channels_of_today(lake: Lake) -> None:
    publish(lake, 65, 120, 200)
    publish_latest(lake.store, KEYS, TICK)
    noon, one, two = read(lake, "site_by_hour")
    assert (noon["hour"], noon["growth"], one["coverage"]) == ("2026-11-23T12:00:00Z", "", "1")
    assert float(one["growth"]) == pytest.approx(float(one["average_viewers"]) / 110 - 1)
    assert (two["peak_viewers"], two["peak_at"]) == ("210", "2026-11-23T14:00:02Z")
    games = read(lake, "games_by_hour")
    assert [(row["game_id"], row["game_name"], row["rank"]) for row in games[-2:]] == [
        ("1", "Chess", "1"),
        ("2", 'Go, "the" game', "2"),
    ]
    first, second = read(lake, "channels_today")
    assert (first["user_login"], first["day"], first["rank"]) == ("login1", "2026-11-23", "1")
    assert (first["peak_viewers"], first["peak_at"]) == ("200", "2026-11-23T13:05:02Z")
    assert (second["user_id"], float(second["hours_watched"])) == ("007", 20)


def test_each_object_of_an_hour_is_fetched_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []
    get = lake.store.get

    def counting(key: str) -> bytes | None:
        fetched.append(key)
        return get(key)

    monkeypatch.setattr(lake.store, "get", counting)
    publish_latest(lake.store, KEYS, TICK)
    tables = [
        f"twitch/metrics/{name}/dt=2026-11-23/" for name in ("channels_hour", "games_hour", "site_hour")
    ]
    folders = ["twitch/metrics/manifests/dt=2026-11-23/", *tables]
    hours = [key for key in fetched if key.startswith("twitch/metrics/")]
    assert sorted(hours) == sorted(key for key in lake.store.objects if key.startswith(tuple(folders)))


def test_a_lake_without_hours_has_headers_only(lake: Lake) -> None:
    publish_latest(lake.store, KEYS, TICK + timedelta(days=7))
    for name in ("site_by_hour", "games_by_hour", "channels_today"):
        assert read(lake, name) == []
        assert lake.store.objects[f"twitch/latest/{name}.csv"].startswith(b"scope,dataset,")


def test_an_older_run_leaves_what_a_newer_one_wrote(lake: Lake) -> None:
    publish_latest(lake.store, KEYS, TICK)
    before = dict(lake.store.objects)
    publish(lake, 65, 120, 200)
    publish_latest(lake.store, KEYS, TICK - timedelta(minutes=5))
    assert read(lake, "site_by_hour") == list(
        csv.DictReader(io.StringIO(before["twitch/latest/site_by_hour.csv"].decode()))
    )


def test_a_try_that_read_older_hours_begins_anew(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def wakes_late(key: str, body: bytes, **named: Any) -> bool:
        monkeypatch.undo()
        publish(lake, 65, 120, 200)
        publish_latest(lake.store, KEYS, TICK)
        return lake.store.replace(key, body, **named)

    monkeypatch.setattr(lake.store, "replace", wakes_late)
    publish_latest(lake.store, KEYS, TICK)
    assert len(read(lake, "site_by_hour")) == 3


def test_hours_that_are_as_no_manifest_says_are_never_in_a_csv(
    lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    publish(lake, 65, 120, 200)
    publish_latest(lake.store, KEYS, TICK)
    before = dict(lake.store.objects)
    # A try is at work on 13:00: it has written a table, and its claim lies in the place of the manifest.
    table = f"twitch/metrics/site_hour/dt={TODAY}/site_hour_13.parquet"
    manifest = f"twitch/metrics/manifests/dt={TODAY}/13.json"
    lake.store.objects[table] = before[f"twitch/metrics/site_hour/dt={TODAY}/site_hour_12.parquet"]
    lake.store.objects[manifest] = b'{"being_written_by": "0"}'
    publish_latest(lake.store, KEYS, TICK + timedelta(minutes=5))
    assert [row["hour"][11:13] for row in read(lake, "site_by_hour")] == ["12", "14"]
    # It has written another table than its manifest says.
    lake.store.objects[manifest] = before[manifest] + b" "
    publish_latest(lake.store, KEYS, TICK + timedelta(minutes=10))
    assert [row["hour"][11:13] for row in read(lake, "site_by_hour")] == ["12", "14"]
    assert "latest/site_by_hour.csv stays as it is" in caplog.text
    lake.store.objects |= before
    publish_latest(lake.store, KEYS, TICK + timedelta(minutes=15))
    assert [row["hour"][11:13] for row in read(lake, "site_by_hour")] == ["12", "13", "14"]


def test_csvs_of_the_same_hours_are_not_made_again(lake: Lake) -> None:
    publish_latest(lake.store, KEYS, TICK)
    calls = len(lake.store.calls)
    publish_latest(lake.store, KEYS, TICK + timedelta(minutes=5))
    assert {operation for operation, _ in lake.store.calls[calls:]} == {"stat", "list"}


def test_the_option_escapes_formulas_in_the_files_that_people_open_and_nowhere_else(lake: Lake) -> None:
    publish(lake, 65, 120, 200)
    lake.crawl(125, [stream("1", 9, game_id="3", game_name="=1+1")])
    publish_hours(lake.store, KEYS, [TODAY], until=TODAY)
    publish_latest(lake.store, KEYS, TICK)
    before = dict(lake.store.objects)
    assert "=1+1" in {row["game_name"] for row in read(lake, "games_by_hour")}
    publish_latest(lake.store, KEYS, TICK, formulas=False)
    assert "'=1+1" in {row["game_name"] for row in read(lake, "games_by_hour")}
    changed = {key for key, body in lake.store.objects.items() if before.get(key) != body}
    assert changed == {"twitch/latest/games_by_hour.csv"}
    publish_latest(lake.store, KEYS, TICK)
    assert lake.store.objects == before
