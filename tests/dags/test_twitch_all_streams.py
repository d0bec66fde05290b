# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.dags.conftest import read_dag

from twitch_provider.testing import Simulator

Run = Callable[..., dict[str, str]]
SUCCESS = {"crawl": "success"}

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


def tick(minutes_ago: int = 0) -> datetime:
    """A tick that is recent enough to ask Twitch, if it is not too many minutes ago."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)


def manifest(bucket: Any) -> Any:
    return json.loads(bucket.read(bucket.find("/manifests/")[-1]))


def assert_described(bucket: Any) -> None:
    for entry in manifest(bucket)["objects"]:
        body = bucket.read(entry["key"])
        assert (len(body), hashlib.sha256(body).hexdigest()) == (entry["bytes"], entry["sha256"])


def test_publishes_every_live_stream(run_all_streams: Run, bucket: Any, connect: Any) -> None:
    run_after = tick()
    # Its time stands still: every minute some broadcasts end, and the crawl may be in another than the check.
    with Simulator(streams=1500, clock=lambda: 0.0) as twitch:
        connect(twitch)
        assert run_all_streams(run_after) == SUCCESS
        assert twitch.counters.tokens_minted == 1
        live = {stream.keys.user_id for stream in twitch.twitch.world.at(twitch.now).streams}
        odd = {
            stream.keys.user_id
            for stream in twitch.twitch.world.at(twitch.now).streams
            if stream.keys.type != "live"
        }
    where, at = f"{run_after:dt=%Y-%m-%d/hour=%H}", f"{run_after:%Y%m%dT%H%M%SZ}"
    data = f"twitch/all_streams/{where}/streams_data_{at}.csv.gz"
    assert {key for key in bucket.find() if "/rejects/" not in key} == {
        data,
        f"twitch/raw/all_streams/{where}/pages_{at}.jsonl.gz",
        f"twitch/manifests/twitch_all_streams/{where}/{at}.json",
    }
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(bucket.read(data)).decode(), newline="")))
    assert {row["user_id"] for row in rows} == live - odd
    assert manifest(bucket)["complete"] is True
    assert_described(bucket)


def test_params_choose_the_form(run_all_streams: Run, bucket: Any, connect: Any) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        params = {
            "file_format": "parquet",
            "compression": "zstd",
            "strategy": "checkpoints",
            "prefix": "mine",
        }
        assert run_all_streams(tick(), **params) == SUCCESS
    (key,) = bucket.find("/all_streams/dt=")[:1]
    assert key.startswith("mine/adhoc/all_streams/")
    assert key.endswith(".parquet")
    assert {key.rpartition("/adhoc/")[0] for key in bucket.find()} == {"mine"}
    described = manifest(bucket)
    assert described["crawl"]["strategy"] == "checkpoints"
    assert (described["adhoc"], described["scope"]) == (
        True,
        {
            "asks": {"strategy": "checkpoints"},
            "writes": {"file_format": "parquet", "compression": "zstd"},
        },
    )
    assert_described(bucket)


def test_what_to_do_with_a_loss_and_where_to_write_leaves_a_run_in_the_record(
    run_all_streams: Run, bucket: Any, connect: Any
) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        form = {"file_format": "csv", "compression": "gzip", "strategy": "languages"}
        assert run_all_streams(tick(), **form, on_incomplete="fail", bucket="lake", prefix="mine") == SUCCESS
    assert bucket.find("mine/all_streams/")
    assert manifest(bucket)["adhoc"] is False


def test_a_second_tick_goes_by_the_first(run_all_streams: Run, bucket: Any, connect: Any) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        last = tick()
        assert run_all_streams(last - timedelta(minutes=5)) == SUCCESS
        twitch.advance(300)
        assert run_all_streams(last) == SUCCESS
        assert twitch.counters.tokens_minted == 1
    described = manifest(bucket)
    assert described["previous"]["gap_seconds"] == 300
    assert described["crawl"]["ended"] > 0
    assert described["crawl"]["completeness"] > 0.99


def test_what_lost_a_part_lies_apart_or_fails(
    run_all_streams: Run, bucket: Any, connect: Any, naps: list[float]
) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        twitch.fault("error_503", endpoint="streams", times=None, start=20)
        assert run_all_streams(tick(), on_incomplete="fail") == {"crawl": "failed"}
        assert [key.split("/")[1:4] for key in bucket.find()] == [["incomplete", "raw", "all_streams"]]
        assert run_all_streams(tick(), on_incomplete="keep") == {"crawl": "failed"}, "no page at all came"
        twitch.clear_faults()
        twitch.fault("error_503", endpoint="streams", times=None, start=20)
        assert run_all_streams(tick(), on_incomplete="keep") == SUCCESS
    assert [key.split("/")[1] for key in bucket.find("streams_data")] == ["incomplete"]
    assert manifest(bucket)["complete"] is False
    assert_described(bucket)


def test_a_run_too_late_without_raw_pages_fails(run_all_streams: Run, bucket: Any, connect: Any) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        assert run_all_streams(tick(minutes_ago=60)) == {"crawl": "failed"}
        assert not twitch.counters.requests
    assert bucket.find() == []


def test_a_restart_and_a_store_that_refuses_may_meet_the_same_run(airflow_database: None) -> None:
    (task,) = read_dag("twitch_all_streams").tasks
    assert (task.retries, bool(task.retry_exponential_backoff)) == (3, True)


def test_both_dags_share_one_client_id(run_dag: Run, run_all_streams: Run, bucket: Any, connect: Any) -> None:
    with Simulator(streams=1500, limit=200) as twitch:
        connect(twitch)
        run_after = tick()
        assert run_all_streams(run_after) == SUCCESS
        assert set(run_dag(run_after).values()) == {"success"}
        assert (twitch.counters.rate_limited, twitch.counters.tokens_minted) == (0, 1)
