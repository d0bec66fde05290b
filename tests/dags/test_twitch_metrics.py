# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
import os
import sys
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urljoin

import httpx
import pytest
from tests.dags.conftest import ERRORS, events_of, read_dag
from tests.metrics.lake import NOON, Lake, stream
from tests.metrics.watched import Weeks

from twitch_provider.metrics import latest_csv
from twitch_provider.pipelines import metrics

Run = Callable[..., dict[str, str]]
ROWS = [stream("1", 100), stream("2", 5)]
OVERVIEW = "twitch/latest/overview.json"
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
    assert run_metrics(tick(66)) == {"hours": "success", "overview": "success", "alert": "skipped"}
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
    assert run_metrics(tick(71)) == {"hours": "success", "overview": "success", "alert": "skipped"}
    (event,) = events_of("twitch_hour")[before + 1 :]
    assert [(each["hour"][11:13], each["again"]) for each in event["hours"]] == [("13", True)]
    (latest,) = bucket.find("latest/site_by_hour.csv")
    assert bucket.read(latest).count(b"2026-11-23T13:00:00Z") == 1


def test_a_run_that_finds_nothing_is_skipped_with_a_sentence_and_emits_no_event(
    run_metrics: Run, lake: Lake, bucket: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_metrics(tick(0)) == {"hours": "skipped", "overview": "skipped", "alert": "skipped"}
    lake.crawl(0, ROWS)
    assert run_metrics(tick(1)) == {"hours": "success", "overview": "success", "alert": "skipped"}
    there, events = bucket.objects(), len(events_of("twitch_hour"))
    assert run_metrics(tick(2)) == {"hours": "skipped", "overview": "success", "alert": "skipped"}
    after = bucket.objects()
    assert {key for key in after if after[key] != there.get(key)} == {OVERVIEW}
    assert (after.keys(), len(events_of("twitch_hour"))) == (there.keys(), events)
    assert json.loads(after[OVERVIEW])["run_after"] == "2026-11-23T12:02:00Z"
    printed = "".join(capfd.readouterr())
    assert "there are no snapshots of 2026-11-22 and 2026-11-23" in printed
    assert "Nothing to show: there are no snapshots of 2026-11-23 and the four days before." in printed
    assert "no snapshot of 2026-11-22 and 2026-11-23 is new or has changed" in printed


def test_a_run_after_one_that_died_before_it_wrote_the_csvs_writes_them(
    run_metrics: Run, lake: Lake, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any, **__: Any) -> None:
        raise RuntimeError("here")

    lake.crawl(0, ROWS)
    with monkeypatch.context() as patched:
        patched.setattr(latest_csv, "publish_latest", dies)
        assert run_metrics(tick(1))["hours"] == "failed"
    assert not bucket.find("latest/")
    assert run_metrics(tick(2))["hours"] == "skipped"
    (latest,) = bucket.find("latest/site_by_hour.csv")
    assert bucket.read(latest).count(b"2026-11-23T12:00:00Z") == 1


def test_a_try_after_one_that_died_emits_the_event_of_what_that_one_published(
    lake: Lake, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any, **__: Any) -> None:
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
    assert run_metrics(tick(1)) == {
        "hours": "failed",
        "overview": "upstream_failed",
        "alert": "skipped",
    }
    assert ERRORS == [
        "Metrics need DuckDB, which is not installed here: install airflow-provider-twitch[metrics]."
    ]


def test_snapshots_that_have_stopped_are_told_once_and_a_run_that_is_repeated_tells_the_same(
    run_metrics: Run, lake: Lake, bucket: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    before = len(events_of("twitch_alerts"))
    lake.crawl(0, ROWS)
    assert run_metrics(tick(4)) == {"hours": "success", "overview": "success", "alert": "skipped"}
    assert "There is nothing to tell." in "".join(capfd.readouterr())
    assert run_metrics(tick(19)) == {"hours": "skipped", "overview": "success", "alert": "success"}
    assert run_metrics(tick(34)) == {"hours": "skipped", "overview": "success", "alert": "skipped"}
    lake.crawl(50, ROWS)
    assert run_metrics(tick(51)) == {"hours": "success", "overview": "success", "alert": "success"}
    missed, again = events_of("twitch_alerts")[before:]
    assert (missed["run_after"], missed["all_clears"]) == ("2026-11-23T12:19:00Z", [])
    assert [each["kind"] for each in missed["alerts"]] == ["missed"]
    assert missed["alerts"][0]["text"].startswith(
        "No snapshot of all_streams counts since 2026-11-23T12:00:02Z"
    )
    assert (again["alerts"], [each["kind"] for each in again["all_clears"]]) == ([], ["missed"])

    # The same run once more: it is cleared, or died before its event.
    assert run_metrics(tick(19))["alert"] == "success"
    assert events_of("twitch_alerts")[-1] == missed


def test_snapshots_that_have_stopped_are_told_where_no_hour_can_be_computed(
    run_metrics: Run, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(events_of("twitch_alerts"))
    lake.crawl(0, ROWS)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert run_metrics(tick(19)) == {"hours": "failed", "overview": "upstream_failed", "alert": "success"}
    (missed,) = events_of("twitch_alerts")[before:]
    assert [each["kind"] for each in missed["alerts"]] == ["missed"]


def test_the_disk_of_the_logs_is_told_when_it_is_nearly_full(
    run_metrics: Run, lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path))
    before, looked_at = len(events_of("twitch_alerts")), list[str]()

    def statvfs(folder: str) -> Any:
        looked_at.append(folder)
        return SimpleNamespace(
            f_blocks=100, f_bfree=9, f_bavail=9, f_frsize=10**9, f_files=0, f_ffree=0, f_favail=0, f_fsid=1
        )

    monkeypatch.setattr("twitch_provider.metrics.disk.os", SimpleNamespace(statvfs=statvfs))
    lake.crawl(0, ROWS)
    assert run_metrics(tick(4))["alert"] == "success"
    assert run_metrics(tick(5))["alert"] == "skipped"
    (event,) = events_of("twitch_alerts")[before:]
    (told,) = event["alerts"]
    assert (told["kind"], told["percent"], looked_at) == ("disk", 91, [str(tmp_path)] * 2)

    monkeypatch.setattr("twitch_provider.metrics.disk.os", os)
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path / "missing"))
    assert run_metrics(tick(6))["alert"] == "skipped"


def test_a_spike_of_what_is_watched_is_told(
    run_metrics: Run, lake: Lake, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_TWITCH_WATCH_LIST", "game:Game 3, channel:login1")
    weeks = Weeks()
    weeks.multiply("3", 4, NOON, NOON + timedelta(hours=1))
    weeks.publish(until=tick(15))
    for key, body in weeks.store.objects.items():
        bucket.client.put_object(Bucket="lake", Key=key, Body=body)
    before = len(events_of("twitch_alerts"))
    # The hours of yesterday and today are not computed anew here: their snapshots are not in the lake.
    monkeypatch.setattr("twitch_provider.pipelines.metrics.publish_hours", lambda _: {"manifest": ""})
    lake.crawl(10, ROWS)
    assert run_metrics(tick(15))["alert"] == "success"
    (event,) = events_of("twitch_alerts")[before:]
    (alert,) = event["alerts"]
    assert (alert["kind"], alert["name"], alert["scope"]) == ("rise", "Game 3", SCOPE)
    assert bucket.find("metrics/watch_channels/dt=2026-11-23/")
    assert bucket.find("metrics/detectors/dt=2026-11-23/")


def test_a_watch_list_that_is_not_valid_fails_with_one_sentence(
    run_metrics: Run, lake: Lake, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_TWITCH_WATCH_LIST", "monstercat")
    assert run_metrics(tick(4)) == {"hours": "skipped", "overview": "skipped", "alert": "failed"}
    assert "consist of site, game:ID, game:NAME and channel:LOGIN, not 'monstercat'" in "".join(
        capfd.readouterr()
    )


def test_either_asset_or_the_clock_starts_it(airflow_database: None) -> None:
    dag = read_dag("twitch_metrics")
    assert dag.timetable.can_be_scheduled
    condition = dag.timetable.asset_condition
    assert type(condition).__name__.endswith("Any")
    assert {asset.name for asset in condition.objects} == {"twitch_top_streams", "twitch_all_streams"}
    assert dag.max_active_runs == 1


@pytest.mark.usefixtures("airflow_of_the_dags")
async def test_airflow_has_the_overview_for_a_page_that_cannot_read_the_bucket(
    run_metrics: Run, lake: Lake, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import create_app, get_auth_manager, purge_cached_app
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    # Later than the runs of the other tests, since the page asks for the newest one.
    lake.crawl(600, ROWS)
    run_metrics(tick(601))
    monkeypatch.setenv("AIRFLOW__TWITCH__OVERVIEW_XCOM", "twitch_metrics")
    lake.crawl(605, ROWS)
    assert run_metrics(tick(606)) == {"hours": "success", "overview": "success", "alert": "skipped"}
    overview = bucket.read(OVERVIEW)

    # As the page asks: where the plugin says, in Airflow's own API.
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of the tests, of 64 bytes or more" * 2)
    purge_cached_app()
    transport = httpx.ASGITransport(app=create_app(apps="core"))
    user = SimpleAuthManagerUser(username="somebody", role="viewer")
    cookies = {"_token": get_auth_manager().generate_jwt(user)}
    async with httpx.AsyncClient(transport=transport, base_url="http://airflow", cookies=cookies) as browser:
        page = "http://airflow/twitch/overview.json"
        where = (await browser.get(page)).json()["xcom"]
        (newest,) = (await browser.get(urljoin(page, where["newest"]))).json()["task_instances"]
        run_id = quote(newest["dag_run_id"], safe="")
        entry = (await browser.get(urljoin(page, where["entry"].replace("{run_id}", run_id)))).json()
    assert gzip.decompress(b64decode(entry["value"].strip('"'))) == overview
