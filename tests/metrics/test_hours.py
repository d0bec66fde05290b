# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import hashlib
import io
import json
import logging
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.metrics.lake import NOON, Lake, stream

from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.metrics.hours import Outcome, publish_hours
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.publisher import Publisher

KEYS = MetricsKeys("twitch")
TODAY = NOON.date()
DAYS = [TODAY - timedelta(days=1), TODAY]
ROWS = [stream("1", 100), stream("2", 5)]


def publish(lake: Lake) -> list[str]:
    """The hours that a run publishes."""
    return hours_of(publish_hours(lake.store, KEYS, DAYS, until=TODAY))


def hours_of(outcome: Outcome) -> list[str]:
    return [each.manifest.begin[11:13] for each in outcome.published]


def metrics(lake: Lake) -> dict[str, bytes]:
    return {key: body for key, body in lake.store.objects.items() if "/metrics/" in key}


def tables(lake: Lake) -> dict[str, bytes]:
    return {key: body for key, body in metrics(lake).items() if key.endswith(".parquet")}


def read(lake: Lake, table: str, hour: int) -> list[dict[str, Any]]:
    key = f"twitch/metrics/{table}/dt={TODAY}/{table}_{hour:02}.parquet"
    found: pa.Table = parquet.read_table(io.BytesIO(lake.store.objects[key]))
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def manifest_of(minutes: float) -> str:
    tick = NOON + timedelta(minutes=minutes)
    return f"twitch/manifests/twitch_all_streams/{tick:dt=%Y-%m-%d/hour=%H/%Y%m%dT%H%M%SZ}.json"


def test_publishes_the_hours_that_snapshots_touch_and_then_nothing() -> None:
    lake = Lake()
    for minutes in range(0, 125, 5):
        lake.crawl(minutes, ROWS)
    assert publish(lake) == ["12", "13", "14"]
    assert read(lake, "site_hour", 13)[0]["viewer_seconds"] == 105 * 3600
    before, calls = metrics(lake), len(lake.store.calls)
    assert publish(lake) == []
    assert metrics(lake) == before
    asked = lake.store.calls[calls:]
    assert not any(operation == "put" for operation, _ in asked)
    assert not any("/manifests/twitch_all_streams/" in key for operation, key in asked if operation == "get")


def test_a_manifest_describes_its_tables_and_what_they_were_computed_from() -> None:
    lake = Lake()
    for minutes in (-5, 0, 5):
        lake.crawl(minutes, ROWS)
    publish(lake)
    manifest = json.loads(lake.store.objects[f"twitch/metrics/manifests/dt={TODAY}/12.json"])
    entries = {each.key: each.etag for each in lake.store.entries("")}
    for each in manifest["objects"]:
        assert (each["bytes"], each["sha256"]) == (len(lake.store.objects[each["key"]]), entries[each["key"]])
        schema = parquet.read_schema(io.BytesIO(lake.store.objects[each["key"]]))
        assert schema.metadata[b"twitch.digest"].decode() == manifest["digest"]
    used = [manifest_of(minutes) for minutes in (-5, 0, 5)]
    assert manifest["inputs"] == [{"manifest": key, "etag": entries[key]} for key in used]
    (covered,) = manifest["scopes"].values()
    assert covered == {"samples": 2, "covered_seconds": 302, "missing_seconds": 3298}


def test_a_late_snapshot_reaches_the_hours_of_the_one_before_it() -> None:
    lake = Lake()
    for minutes in (0, 50, 70, 130, 190):
        lake.crawl(minutes, ROWS)
    assert publish(lake) == ["12", "13", "14", "15"]
    # The snapshot of 12:50 counts until 12:55 only; nothing of it reaches 13:00.
    lake.crawl(55, ROWS)
    assert publish(lake) == ["12", "13"]
    assert read(lake, "site_hour", 13)[0]["covered_seconds"] == 302 + 600


def test_a_snapshot_that_vanishes_is_taken_out_of_its_hour() -> None:
    lake = Lake()
    for minutes in (0, 5, 60):
        lake.crawl(minutes, ROWS)
    publish(lake)
    del lake.store.objects[manifest_of(60)]
    assert publish(lake) == ["12", "13"]
    assert read(lake, "site_hour", 13) == read(lake, "clock", 13) == []


def test_a_crawl_that_another_dag_could_not_finish_at_the_same_tick_is_not_read_instead() -> None:
    lake = Lake()
    for minutes in (0, 5):
        lake.crawl(minutes, ROWS)
    other = json.loads(lake.store.objects[manifest_of(0)]) | {"dag_id": "zzz", "complete": False}
    other["objects"][0]["key"] = "twitch/incomplete/all_streams/part.csv"
    key = manifest_of(0).replace("twitch_all_streams", "zzz")
    lake.store.objects[key] = json.dumps(other).encode()
    assert publish(lake) == ["12"]
    assert read(lake, "site_hour", 12)[0]["viewer_seconds"] == 105 * 300
    assert [row["status"] for row in read(lake, "clock", 12)] == ["counted", "incomplete", "counted"]
    manifest = json.loads(lake.store.objects[f"twitch/metrics/manifests/dt={TODAY}/12.json"])
    assert [each["manifest"] for each in manifest["inputs"]] == [manifest_of(0), manifest_of(5), key]


def test_a_late_snapshot_that_decides_a_gate_recomputes_the_hours_of_that_gate() -> None:
    lake = Lake()
    many = [stream(str(number), started_at="2026-11-23T00:00:00Z") for number in range(60)]
    for hour in range(11):
        lake.crawl(60 * hour - 11 * 60, many)
    lake.crawl(30, many[:20])
    publish(lake)
    assert [row["status"] for row in read(lake, "clock", 12)] == ["counted"]
    lake.crawl(-15, many)  # the twelfth before
    assert publish(lake) == ["11", "12"]
    assert [row["status"] for row in read(lake, "clock", 12)] == ["gated"]


def test_the_log_says_why_a_gate_closed(caplog: pytest.LogCaptureFixture) -> None:
    lake = Lake()
    many = [stream(str(number), started_at="2026-11-23T00:00:00Z") for number in range(60)]
    for number in range(12):
        lake.crawl(5 * number, many)
    lake.crawl(60, many[:20])
    publish(lake)
    assert f"{lake.store.uri(manifest_of(60))} does not count: It has 20 rows" in caplog.text


def test_equal_snapshots_give_equal_bytes_in_whatever_order_they_come() -> None:
    ticks = [*range(-15, 70, 5)]
    found = []
    for seed in range(2):
        lake, order = Lake(), ticks[:]
        random.Random(seed).shuffle(order)  # noqa: S311 - the same in every run
        for number, minutes in enumerate(order):
            lake.crawl(minutes, [stream("1", 100 + minutes), stream(str(minutes % 7), 5)])
            if number % 9 == 5 + seed:
                publish(lake)
        publish(lake)
        found.append(tables(lake))
    assert found[0] == found[1]


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_an_hour_without_one_of_its_tables_stays_as_it_was(
    damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    lake = Lake()
    for minutes in (0, 5, 60, 65):
        lake.crawl(minutes, ROWS)
    publish(lake)
    before = {key: body for key, body in metrics(lake).items() if "_12.parquet" in key or "12.json" in key}
    lake.crawl(10, ROWS)
    lake.crawl(70, ROWS)
    (table,) = (key for key in lake.store.objects if key.endswith("/streams_data_20261123T120500Z.csv"))
    if damage == "missing":
        del lake.store.objects[table]
    else:
        lake.store.objects[table] += b"x"
    caplog.clear()
    assert publish(lake) == ["13"]
    assert {key: metrics(lake)[key] for key in before} == before
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert line.startswith(f"The hour of 2026-11-23T12:00:00Z is not computed: {lake.store.uri(table)} ")
    assert line.endswith("What was published stays.")


@pytest.mark.parametrize("kind", ["fewer", "of another tick"])
def test_an_hour_is_not_computed_from_other_rows_than_a_manifest_says(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    lake = Lake()
    for minutes in (0, 5, 10):
        lake.crawl(minutes, ROWS)
    manifest = json.loads(lake.store.objects[manifest_of(5)])
    table = manifest["objects"][0]
    if kind == "fewer":
        body = b"".join(lake.store.objects[table["key"]].splitlines(keepends=True)[:-1])
    else:
        body = lake.store.objects[table["key"].replace("120500Z", "121000Z")]
    lake.store.objects[table["key"]] = body
    table["sha256"] = hashlib.sha256(body).hexdigest()
    lake.store.objects[manifest_of(5)] = json.dumps(manifest).encode()
    assert publish(lake) == []
    rows = 1 if kind == "fewer" else 0
    assert f"{table['key']} has {rows} rows of its tick, not the 2 of " in caplog.text


def test_a_disk_that_is_full_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    lake = Lake()
    lake.crawl(0, ROWS)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(TwitchConfigError, match="bytes needs more disk space than this worker has left"):
        publish(lake)


def test_a_table_of_metrics_that_was_deleted_is_written_again() -> None:
    lake = Lake()
    lake.crawl(0, ROWS)
    publish(lake)
    before = metrics(lake)
    del lake.store.objects[f"twitch/metrics/games_hour/dt={TODAY}/games_hour_12.parquet"]
    assert publish(lake) == ["12"]
    assert metrics(lake) == before


def test_a_manifest_of_another_version_is_one_sentence_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lake = Lake()
    lake.crawl(0, ROWS)
    lake.store.objects[manifest_of(5)] = b'{"dag_id": "twitch_all_streams"}'
    assert publish(lake) == ["12"]
    sentence = f"{lake.store.uri(manifest_of(5))} is not a manifest of this version's"
    assert caplog.text.count(sentence) == 1


def test_a_manifest_that_is_published_again_with_the_same_rows_rewrites_no_table() -> None:
    lake = Lake()
    lake.crawl(0, ROWS)
    publish(lake)
    before = tables(lake)
    body = json.loads(lake.store.objects[manifest_of(0)])
    lake.store.objects[manifest_of(0)] = json.dumps(body | {"published_at": "2026-11-24T00:00:00Z"}).encode()
    puts = len([call for call in lake.store.calls if call[0] == "put"])
    assert publish(lake) == []
    assert tables(lake) == before
    assert len([call for call in lake.store.calls if call[0] == "put"]) == puts + 2  # the manifest, the index


def test_the_snapshot_before_is_looked_for_two_days_back_whatever_a_run_looks_at() -> None:
    found = []
    for days in (DAYS, [TODAY]):
        lake = Lake()
        for minutes in (-72 * 60, -70 * 60, 0):
            lake.crawl(minutes, [stream("1", id=f"b{minutes}", started_at="2026-11-23T11:00:00Z")])
        publish_hours(lake.store, KEYS, days, until=TODAY)
        found.append({key: body for key, body in tables(lake).items() if "_12." in key})
    assert found[0] == found[1] != {}


def test_a_try_after_one_that_died_tells_what_its_run_has_published_and_other_runs_do_not() -> None:
    lake = Lake()

    def run(run_id: str, *, retry: bool) -> list[tuple[str, bool]]:
        publisher = Publisher("twitch_metrics", run_id, retry=retry)
        outcome = publish_hours(lake.store, KEYS, DAYS, until=TODAY, publisher=publisher)
        return [(each.manifest.begin[11:13], each.again) for each in outcome.published]

    lake.crawl(0, ROWS)
    lake.crawl(5, ROWS)
    assert run("first é", retry=False) == [("12", False)]
    before = metrics(lake)
    assert run("first é", retry=True) == [("12", False)]
    assert run("second", retry=True) == run("second", retry=False) == []
    assert metrics(lake) == before

    lake.crawl(10, ROWS)
    lake.crawl(65, ROWS)
    assert run("second", retry=False) == [("12", True), ("13", False)]
    assert run("second", retry=True) == [("12", True), ("13", False)]
    assert run("first é", retry=True) == []
