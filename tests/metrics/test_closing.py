# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import io
import json
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from tests.metrics.lake import NOON, Lake, stream

from twitch_provider.metrics.days import close_day
from twitch_provider.metrics.history import midnight
from twitch_provider.metrics.keys import MetricsKeys

KEYS = MetricsKeys("twitch")
TODAY = NOON.date()
LATER = TODAY + timedelta(days=3)
DAY = 24 * 60


def close(lake: Lake, day: date = TODAY, until: date = LATER) -> list[bool]:
    """Close a day; whether each that is published had been."""
    return [each.again for each in close_day(lake.store, KEYS, day, until=until).published]


def published(lake: Lake) -> dict[str, bytes]:
    below = ("twitch/metrics/", "twitch/compacted/")
    objects = lake.store.objects.items()
    return {key: body for key, body in objects if key.startswith(below) and "/index/" not in key}


def read(lake: Lake, table: str, day: date = TODAY) -> list[dict[str, Any]]:
    body = lake.store.objects[f"twitch/metrics/{table}/dt={day}/{table}.parquet"]
    rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(body)).to_pylist()
    return rows


def three_days() -> Lake:
    """A channel that reconnects over midnight, another one that switches, and the top games."""
    lake = Lake()
    for day in (-1, 0, 1):
        for minutes in (-720, -715, 0, 5, 10, 710, 715):
            at = day * DAY + minutes
            rows = [
                stream("1", 100 + minutes % 7, id=f"b{at > 700}", started_at="2026-11-22T00:00:00Z"),
                stream("2", 5, game_id=str(minutes % 2), started_at="2026-11-21T00:00:00Z", tags=["a", "b"]),
            ]
            lake.crawl(at, rows)
            lake.top(at, {"1": rows[:1], "2": []})
    return lake


def test_the_tables_of_a_day_are_those_of_its_snapshots(tmp_path: Path) -> None:
    """Whether they come from compacted files or one by one."""
    lake = three_days()
    assert close(lake) == [False]
    direct = lake.compute(tmp_path, "day", midnight(TODAY))
    for name, rows in direct.items():
        assert read(lake, name) == rows.to_pylist(), name
    (report,) = [row for row in read(lake, "completeness") if row["dataset"] == "all_streams"]
    assert (report["due"], report["counted"], report["missing"]) == (288, 7, 281)
    assert close(lake) == []


def test_a_day_has_its_snapshots_in_one_table_for_each_dataset() -> None:
    lake = three_days()
    close(lake)
    for dataset in ("all_streams", "top_streams"):
        body = lake.store.objects[f"twitch/compacted/{dataset}/dt={TODAY}/{dataset}.parquet"]
        rows = parquet.read_table(io.BytesIO(body)).to_pylist()
        order = [(row["user_id"], row["run_after"]) for row in rows]
        assert order == sorted(order)
        assert {row["run_after"][:10] for row in rows} == {str(TODAY)}
        assert len(order) == (7 if dataset == "top_streams" else 14)
    manifest = json.loads(lake.store.objects[f"twitch/metrics/manifests/dt={TODAY}/day.json"])
    assert {each["key"] for each in manifest["objects"]} >= {
        key for key in lake.store.objects if "/compacted/" in key
    }


def test_days_are_closed_in_any_order() -> None:
    found = []
    days = [TODAY + timedelta(days=number) for number in (-1, 0, 1)]
    for order in list(permutations(days))[::4]:
        lake = three_days()
        for day in order:
            assert close(lake, day) == [False]
        found.append(published(lake))
    assert found[0] == found[1]


def test_a_day_is_closed_again_where_its_snapshots_differ() -> None:
    lake = Lake()
    rows = [stream("1", 100, started_at="2026-11-23T00:00:00Z")]
    for minutes in (0, 5, 715):
        lake.crawl(minutes, rows)
    assert close(lake, until=TODAY + timedelta(days=1)) == [False]
    assert read(lake, "site_day")[0]["covered_seconds"] == 300 + 600
    lake.crawl(2 * DAY, rows)  # the next one that counts: the newest of the day is no longer open
    assert close(lake) == [True]
    assert read(lake, "site_day")[0]["covered_seconds"] == 300 + 600 + 298
    lake.crawl(720, rows)  # of the next day
    lake.crawl(10, rows)
    assert close(lake) == [True]
    assert close(lake) == []


def test_a_day_without_snapshots_is_reported_and_one_before_the_first_is_not() -> None:
    lake = Lake()
    rows = [stream("1")]
    for day in (0, 2):
        lake.crawl(day * DAY, rows)
        lake.crawl(day * DAY + 5, rows)
    assert close(lake, TODAY + timedelta(days=1)) == [False]
    (report,) = read(lake, "completeness", TODAY + timedelta(days=1))
    assert (report["due"], report["missing"], report["covered_seconds"]) == (288, 288, 0)
    assert close(lake, TODAY - timedelta(days=1)) == []
    assert close(Lake()) == []


@pytest.mark.parametrize("expired", ["/manifests/", "/all_streams/dt="])
def test_a_day_whose_snapshots_have_expired_stays_as_it_was_closed(
    expired: str, caplog: pytest.LogCaptureFixture
) -> None:
    lake = three_days()
    close(lake)
    before = published(lake)
    for key in [key for key in lake.store.objects if expired in key and key not in before]:
        if f"dt={TODAY}" in key:
            del lake.store.objects[key]
    lake.crawl(15 + DAY, [stream("1")])
    lake.crawl(-7 - 720, [stream("1")])
    caplog.clear()
    assert close(lake) == []
    assert {key: published(lake)[key] for key in before} == before
    assert "What was published stays." in caplog.text


def test_a_manifest_that_cannot_be_read_is_named_by_that_of_the_day(caplog: pytest.LogCaptureFixture) -> None:
    lake = three_days()
    key = f"twitch/manifests/old/dt={TODAY}/hour=00/20261123T000000Z.json"
    lake.store.objects[key] = b"{}"
    close(lake)
    manifest = json.loads(lake.store.objects[f"twitch/metrics/manifests/dt={TODAY}/day.json"])
    assert manifest["refused"] == [key]
    assert caplog.text.count(f"{lake.store.uri(key)} is not a manifest of this version's") == 1


def test_a_snapshot_of_unknown_columns_does_not_keep_the_day_open() -> None:
    lake = Lake()
    for minutes in (0, 5, 10):
        lake.crawl(minutes, [stream("1")])
    key = f"twitch/manifests/twitch_all_streams/dt={TODAY}/hour=12/20261123T120500Z.json"
    manifest = json.loads(lake.store.objects[key]) | {"schema_version": 99}
    table = manifest["objects"][0]
    body = lake.store.objects[table["key"]].replace(b"viewer_count", b"watching")
    lake.store.objects[table["key"]] = body
    table["sha256"] = hashlib.sha256(body).hexdigest()
    lake.store.objects[key] = json.dumps(manifest).encode()
    assert close(lake) == [False]
    (report,) = read(lake, "completeness")
    assert (report["counted"], report["gated"], report["covered_seconds"]) == (2, 1, 600)
    compacted = lake.store.objects[f"twitch/compacted/all_streams/dt={TODAY}/all_streams.parquet"]
    assert parquet.read_table(io.BytesIO(compacted)).num_rows == 2


def test_a_snapshot_that_does_not_count_is_compacted_as_it_was_published_last() -> None:
    lake = Lake()
    lake.crawl(0, [stream("1", title="first")])
    lake.crawl(1, [stream("1", title="old")], after=-58)  # at the same instant
    assert close(lake) == [False]
    key = f"twitch/manifests/twitch_all_streams/dt={TODAY}/hour=12/20261123T120100Z.json"
    manifest = json.loads(lake.store.objects[key])
    table = manifest["objects"][0]
    body = lake.store.objects[table["key"]].replace(b"old", b"new")
    lake.store.objects[table["key"]] = body
    table["sha256"] = hashlib.sha256(body).hexdigest()
    lake.store.objects[key] = json.dumps(manifest).encode()
    assert close(lake) == [True]
    assert [row["doubled"] for row in read(lake, "completeness")] == [1]
    compacted = lake.store.objects[f"twitch/compacted/all_streams/dt={TODAY}/all_streams.parquet"]
    assert parquet.read_table(io.BytesIO(compacted))["title"].to_pylist() == ["first", "new"]


def test_a_copy_of_a_manifest_counts_no_row_twice() -> None:
    lake = Lake()
    for minutes in (0, 5):
        lake.crawl(minutes, [stream("1", 100)])
    key = f"twitch/manifests/twitch_all_streams/dt={TODAY}/hour=12/20261123T120000Z.json"
    lake.store.objects[key.replace("twitch_all_streams", "copy")] = lake.store.objects[key]
    assert close(lake) == [False]
    assert read(lake, "site_day")[0]["viewer_seconds"] == 100 * 300
    (report,) = read(lake, "completeness")
    assert (report["counted"], report["doubled"]) == (2, 1)
