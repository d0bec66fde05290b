# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.dags.conftest import ERRORS, events_of, read_dag
from tests.metrics.lake import NOON, Lake, stream

from twitch_provider.metrics import latest_csv
from twitch_provider.pipelines import metrics

Run = Callable[..., dict[str, str]]
ROWS = [stream("1", 100), stream("2", 5)]
SCOPE = 'all_streams {"strategy":"languages"}'

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


def tick(minutes: float) -> Any:
    return NOON + timedelta(minutes=minutes)


def test_publishes_the_hours_that_changed_and_says_so_in_its_event(
    run_metrics: Run, lake: Lake, bucket: Any
) -> None:
    before = len(events_of("twitch_hour"))
    for minutes in (50, 55, 60, 65):
        lake.crawl(minutes, ROWS)
    assert run_metrics(tick(66)) == {"hours": "success"}
    (event,) = events_of("twitch_hour")[before:]
    (newest,) = bucket.find("metrics/manifests/dt=2026-11-23/13.json")
    covered = {"samples": 2, "covered_seconds": 302, "missing_seconds": 3298}
    first, second = event["hours"]
    assert second == {
        "hour": "2026-11-23T13:00:00Z",
        "scopes": [SCOPE],
        "coverage": {SCOPE: covered},
        "manifest": f"s3://lake/{newest}",
        "again": False,
    }
    assert {name: event[name] for name in second} == second
    assert (first["hour"], first["again"]) == ("2026-11-23T12:00:00Z", False)
    for each in json.loads(bucket.read(newest))["objects"]:
        assert len(bucket.read(each["key"])) == each["bytes"]

    lake.crawl(70, ROWS)
    assert run_metrics(tick(71)) == {"hours": "success"}
    (event,) = events_of("twitch_hour")[before + 1 :]
    assert [(each["hour"][11:13], each["again"]) for each in event["hours"]] == [("13", True)]
    (latest,) = bucket.find("latest/site_by_hour.csv")
    assert bucket.read(latest).count(b"2026-11-23T13:00:00Z") == 1


def test_a_run_that_finds_nothing_is_skipped_with_a_sentence_and_emits_no_event(
    run_metrics: Run, lake: Lake, bucket: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_metrics(tick(0)) == {"hours": "skipped"}
    lake.crawl(0, ROWS)
    assert run_metrics(tick(1)) == {"hours": "success"}
    there, events = bucket.objects(), len(events_of("twitch_hour"))
    assert run_metrics(tick(2)) == {"hours": "skipped"}
    assert (bucket.objects(), len(events_of("twitch_hour"))) == (there, events)
    printed = "".join(capfd.readouterr())
    assert "there are no snapshots of 2026-11-22 and 2026-11-23" in printed
    assert "no snapshot of 2026-11-22 and 2026-11-23 is new or has changed" in printed


def test_a_run_after_one_that_died_before_it_wrote_the_csvs_writes_them(
    run_metrics: Run, lake: Lake, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> None:
        raise RuntimeError("here")

    lake.crawl(0, ROWS)
    with monkeypatch.context() as patched:
        patched.setattr(latest_csv, "publish_latest", dies)
        assert run_metrics(tick(1)) == {"hours": "failed"}
    assert not bucket.find("latest/")
    assert run_metrics(tick(2)) == {"hours": "skipped"}
    (latest,) = bucket.find("latest/site_by_hour.csv")
    assert bucket.read(latest).count(b"2026-11-23T12:00:00Z") == 1


def test_a_try_after_one_that_died_emits_the_event_of_what_that_one_published(
    lake: Lake, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> None:
        raise RuntimeError("here")

    def context(try_number: int) -> dict[str, Any]:
        run = SimpleNamespace(dag_id="twitch_metrics", run_id="a", run_after=tick(1), logical_date=tick(1))
        params = {"bucket": None, "prefix": None}
        return {"dag_run": run, "ti": SimpleNamespace(try_number=try_number), "params": params}

    lake.crawl(0, ROWS)
    with monkeypatch.context() as patched:
        patched.setattr(latest_csv, "publish_latest", dies)
        with pytest.raises(RuntimeError):
            metrics.publish_hours(context(1))
    event = metrics.publish_hours(context(2))
    assert (event["hour"], event["again"]) == ("2026-11-23T12:00:00Z", False)


def test_a_worker_without_the_extra_fails_with_one_sentence(
    run_metrics: Run, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.crawl(0, ROWS)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert run_metrics(tick(1)) == {"hours": "failed"}
    assert ERRORS == [
        "Metrics need DuckDB, which is not installed here: install airflow-provider-twitch[metrics]."
    ]


def test_either_asset_or_the_clock_starts_it(airflow_database: None) -> None:
    dag = read_dag("twitch_metrics")
    assert dag.timetable.can_be_scheduled
    condition = dag.timetable.asset_condition
    assert type(condition).__name__.endswith("Any")
    assert {asset.name for asset in condition.objects} == {"twitch_top_streams", "twitch_all_streams"}
    assert dag.max_active_runs == 1
