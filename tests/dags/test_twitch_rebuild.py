# SPDX-License-Identifier: Apache-2.0
"""Snapshots are built again from ``raw/``: ``docs/operations.md``."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.dags.conftest import ERRORS
from tests.metrics.lake import NOON, Lake, stream

from twitch_provider.testing import Simulator

Run = Callable[..., dict[str, str]]
DAY = NOON.date().isoformat()
CLOSING = NOON + timedelta(hours=12, minutes=20)
BUILT = {"days": "success", "rebuild[0]": "success"}

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


def lose(bucket: Any, *, but: tuple[str, ...]) -> None:
    """Delete every object but those of some folders."""
    for key in bucket.find():
        if not key.removeprefix("twitch/").startswith(but):
            bucket.client.delete_object(Bucket="lake", Key=key)


def without_time(objects: dict[str, bytes]) -> dict[str, Any]:
    """Objects by key, a manifest without the instant at which it was written."""
    return {
        key: {**json.loads(body), "published_at": None} if "/manifests/" in key else body
        for key, body in objects.items()
    }


def forget_runs() -> None:
    """Make the database that of a new Airflow: no run of any DAG."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        session.query(DagRun).delete()


def test_all_that_two_dags_published_is_built_from_raw_by_an_airflow_that_knows_no_run(
    run_dag: Run, run_all_streams: Run, run_rebuild: Run, bucket: Any, connect: Any
) -> None:
    last = datetime.now(UTC).replace(second=0, microsecond=0)
    ticks = [last - timedelta(minutes=minutes) for minutes in (5, 0)]
    with Simulator(streams=300) as twitch:
        connect(twitch)
        for run_after in ticks:
            for run in (run_dag, run_all_streams):
                assert set(run(run_after).values()) == {"success"}
            twitch.advance(300)
        before, asked = bucket.objects(), twitch.counters.requests.copy()
        lose(bucket, but=("raw/",))
        forget_runs()
        days = {"first_day": f"{ticks[0]:%Y-%m-%d}", "last_day": f"{last:%Y-%m-%d}"}
        for dataset in ("top_games", "all_streams"):
            assert set(run_rebuild(last, dataset=dataset, **days).values()) == {"success"}
        assert twitch.counters.requests == asked
    expected = {key: body for key, body in before.items() if "/latest/" not in key}
    assert without_time(bucket.objects()) == without_time(expected)

    # A second run finds that nothing is missing; neither writes anything nor needs Twitch.
    there = bucket.objects()
    assert set(run_rebuild(last, dataset="top_games", **days).values()) == {"success"}
    assert bucket.objects() == there


def test_a_clear_of_a_run_in_the_history_builds_the_same_and_asks_nothing(
    run_all_streams: Run, bucket: Any, connect: Any
) -> None:
    last = datetime.now(UTC).replace(second=0, microsecond=0)
    with Simulator(streams=300) as twitch:
        connect(twitch)
        assert run_all_streams(last) == {"crawl": "success"}
        before, asked = bucket.objects(), twitch.counters.requests.copy()
        lose(bucket, but=("raw/",))
        assert run_all_streams(last) == {"crawl": "success"}  # dag.test clears the run that it finds
        assert twitch.counters.requests == asked
    assert without_time(bucket.objects()) == without_time(before)


def test_a_new_run_of_a_past_tick_is_not_filled_with_what_is_live_now(
    run_dag: Run, run_rebuild: Run, lake: Lake, bucket: Any, connect: Any
) -> None:
    lake.top(0, {"1": [stream("1")]})
    lose(bucket, but=("raw/",))
    with Simulator(streams=300) as twitch:
        connect(twitch)
        # Triggered by hand it has another name, and so what lies there is not its own.
        assert run_dag(NOON)["extract"] == "failed"
        assert "belongs to task extract of run 'scheduled__20261123T120000Z'" in ERRORS[0]
        # Where nothing lies, Twitch cannot be asked about the past.
        assert run_dag(NOON + timedelta(minutes=5))["extract"] == "failed"
        assert "Twitch cannot be asked about the past" in ERRORS[0]
        assert not twitch.counters.requests
    assert [key.split("/")[1] for key in bucket.find()] == ["raw"]
    assert run_rebuild(CLOSING, first_day=DAY) == BUILT
    assert bucket.find("/manifests/twitch_top_games/dt=2026-11-23/hour=12/20261123T120000Z.json")


def test_a_crawl_that_lost_a_part_is_built_as_what_it_was(
    run_all_streams: Run, run_rebuild: Run, bucket: Any, connect: Any, naps: list[float]
) -> None:
    last = datetime.now(UTC).replace(second=0, microsecond=0)
    with Simulator(streams=300) as twitch:
        connect(twitch)
        twitch.fault("error_503", endpoint="streams", times=None, start=20)
        assert run_all_streams(last) == {"crawl": "success"}
    before = bucket.objects()
    lose(bucket, but=("incomplete/raw/",))
    assert run_rebuild(last, dataset="all_streams") == BUILT
    assert without_time(bucket.objects()) == without_time(before)
    assert b'"complete":false' in bucket.read(bucket.find("/manifests/")[0]).replace(b" ", b"")


def test_metrics_of_what_was_rebuilt_are_those_that_were_lost(
    run_daily: Run, run_rebuild: Run, lake: Lake, bucket: Any
) -> None:
    for minutes in (0, 5, 60, 65):
        lake.crawl(minutes, [stream("1", 100), stream("2", 5)])
    run_daily(CLOSING, first_day=DAY, last_day=DAY)
    before = bucket.objects()
    lose(bucket, but=("raw/",))
    assert run_rebuild(CLOSING, dataset="all_streams", first_day=DAY) == BUILT
    run_daily(CLOSING, first_day=DAY, last_day=DAY)
    after = bucket.objects()
    tables = {key for key in before if key.endswith((".parquet", ".csv"))}
    assert len(tables) > 10
    assert {key: after.get(key) for key in tables} == {key: before[key] for key in tables}


def test_what_cannot_be_rebuilt_is_named_and_the_rest_is_built(
    run_rebuild: Run, lake: Lake, bucket: Any
) -> None:
    for minutes in (0, 5, 10):
        lake.crawl(minutes, [stream("1")])
    lose(bucket, but=("raw/",))
    damaged = bucket.find("120500Z.jsonl.gz")[0]
    bucket.client.put_object(Bucket="lake", Key=damaged, Body=b"no gzip")
    states = run_rebuild(CLOSING, dataset="all_streams", first_day=DAY)
    assert states["rebuild[0]"] == "failed"
    assert (
        f"1 raw objects of {DAY} cannot be rebuilt: No snapshot can be made of s3://lake/{damaged}"
        in ERRORS[0]
    )
    assert len(bucket.find("/manifests/")) == 2


def test_a_table_of_another_size_or_every_table_is_built_again(
    run_rebuild: Run, lake: Lake, bucket: Any
) -> None:
    lake.crawl(0, [stream("1")])
    (table,) = bucket.find("/all_streams/dt=2026-11-23/hour=12/streams_data_")
    body = bucket.read(table)
    bucket.client.put_object(Bucket="lake", Key=table, Body=body[:-5])
    assert run_rebuild(CLOSING, dataset="all_streams", first_day=DAY) == BUILT
    assert bucket.read(table) == body
    same_size = bytes(len(body))
    bucket.client.put_object(Bucket="lake", Key=table, Body=same_size)
    assert run_rebuild(CLOSING, dataset="all_streams", first_day=DAY) == BUILT
    assert bucket.read(table) == same_size  # sizes are compared, not bytes
    assert run_rebuild(CLOSING, dataset="all_streams", first_day=DAY, every=True) == BUILT
    assert bucket.read(table) == body


def test_days_are_in_order_and_one_without_raw_objects_is_skipped(run_rebuild: Run) -> None:
    assert run_rebuild(CLOSING, first_day="2026-11-22", last_day="2026-11-23") == {
        "days": "success",
        "rebuild[0]": "skipped",
        "rebuild[1]": "skipped",
    }
    assert run_rebuild(CLOSING, first_day="2026-11-24", last_day="2026-11-23")["days"] == "failed"
    assert ERRORS == ["first_day must not be after last_day: 2026-11-24 and 2026-11-23"]
