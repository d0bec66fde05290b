# SPDX-License-Identifier: Apache-2.0
"""A lake is copied object by object to another bucket, and the DAGs run on there: ``docs/operations.md``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.metrics.lake import NOON, Lake, stream

from twitch_provider.testing import Simulator

Run = Callable[..., dict[str, str]]
OLD, NEW = "lake", "lake-elsewhere"
DAY = NOON.date().isoformat()
#: Of the day that is closed before the move.
CLOSING = NOON + timedelta(hours=12, minutes=20)

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


@pytest.fixture
def new(bucket: Any) -> Iterator[dict[str, bytes]]:
    """The other bucket; filled by reading it."""
    bucket.client.create_bucket(Bucket=NEW)
    yield {}
    for key in _keys(bucket, NEW):
        bucket.client.delete_object(Bucket=NEW, Key=key)
    bucket.client.delete_bucket(Bucket=NEW)


def _keys(bucket: Any, name: str, containing: str = "") -> list[str]:
    listed = bucket.client.list_objects_v2(Bucket=name).get("Contents", [])
    return [entry["Key"] for entry in listed if containing in entry["Key"]]


def _read(bucket: Any, key: str) -> bytes:
    body: bytes = bucket.client.get_object(Bucket=NEW, Key=key)["Body"].read()
    return body


def _move(bucket: Any) -> None:
    """Copy every object with its metadata, in parts: another entity tag, as under another KMS key.

    Nothing is left in the old bucket, so whatever still led there would fail.
    """
    for key in _keys(bucket, OLD):
        found = bucket.client.get_object(Bucket=OLD, Key=key)
        where = {"Bucket": NEW, "Key": key}
        kept = {name: found[name] for name in ("Metadata", "ContentType")}
        upload = bucket.client.create_multipart_upload(**where, **kept)["UploadId"]
        part = bucket.client.upload_part(
            **where, UploadId=upload, PartNumber=1, Body=found["Body"].read() or b""
        )
        bucket.client.complete_multipart_upload(
            **where, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        )
        assert bucket.client.head_object(**where)["ETag"] != found["ETag"]
        bucket.client.delete_object(Bucket=OLD, Key=key)


def test_runs_go_on_in_the_other_bucket_with_no_gap_and_no_duplicate(
    run_dag: Run,
    run_all_streams: Run,
    bucket: Any,
    new: Any,
    connect: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last = datetime.now(UTC).replace(second=0, microsecond=0)
    ticks = [last - timedelta(minutes=minutes) for minutes in (10, 5, 0)]
    runs = (run_dag, run_all_streams)
    with Simulator(streams=300) as twitch:
        connect(twitch)
        for run_after in ticks[:2]:
            assert {state for run in runs for state in run(run_after).values()} == {"success"}
            twitch.advance(300)
        _move(bucket)
        monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", NEW)
        assert {state for run in runs for state in run(ticks[2]).values()} == {"success"}
    for dag_id in ("twitch_top_games", "twitch_all_streams"):
        manifests = [json.loads(_read(bucket, key)) for key in _keys(bucket, NEW, f"/manifests/{dag_id}/")]
        assert [each["run_after"] for each in manifests] == [f"{tick:%Y-%m-%dT%H:%M:%SZ}" for tick in ticks]
        assert [each["previous"] and each["previous"]["gap_seconds"] for each in manifests] == [
            None,
            300,
            300,
        ]
        assert all(each["complete"] for each in manifests)
    # The crawl compares itself with the snapshot that was moved.
    assert manifests[2]["crawl"]["second_look"] is None
    (latest,) = _keys(bucket, NEW, "latest/top_streams.csv")
    found = bucket.client.head_object(Bucket=NEW, Key=latest)
    assert found["Metadata"]["run-after"] == f"{last:%Y-%m-%dT%H:%M:%SZ}"
    assert _keys(bucket, OLD) == []


def test_metrics_go_on_and_those_of_a_closed_day_stay(
    run_metrics: Run,
    run_daily: Run,
    lake: Lake,
    bucket: Any,
    new: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [stream("1", 100), stream("2", 5)]
    for minutes in (0, 5, 60, 65):
        lake.crawl(minutes, rows)
    assert run_metrics(NOON + timedelta(minutes=66))["hours"] == "success"
    assert run_daily(CLOSING)["close[6]"] == "success"
    before = bucket.objects()
    _move(bucket)
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", NEW)

    states = run_daily(CLOSING)
    assert {states["close[6]"], states["report[6]"]} <= {"skipped", "success"}
    after = {key: _read(bucket, key) for key in _keys(bucket, NEW)}
    changed = {key for key in before if after.get(key) != before[key]}
    # What goes by entity tags is written again; no table, no compacted day and no report is.
    assert {key.split("/")[2] for key in changed} <= {"index", "manifests", "overview"}
    assert states["close[6]"] == "skipped"

    # A day that is computed again from what was moved has the same tables, to the byte.
    for key in _keys(bucket, NEW, f"metrics/manifests/dt={DAY}/"):
        bucket.client.delete_object(Bucket=NEW, Key=key)
    assert run_daily(CLOSING)["close[6]"] == "success"
    tables = [key for key in before if "/metrics/" in key and key.endswith(".parquet") and DAY in key]
    assert len(tables) > 5
    assert {key: _read(bucket, key) for key in tables} == {key: before[key] for key in tables}
