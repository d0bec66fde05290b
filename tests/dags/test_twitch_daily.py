# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.dags.conftest import ERRORS, events_of
from tests.metrics.lake import NOON, Lake, stream

Run = Callable[..., dict[str, str]]
ROWS = [stream("1", 100, started_at="2026-11-20T00:00:00Z")]
#: Twenty minutes after the end of the day.
CLOSING = NOON + timedelta(hours=12, minutes=20)
SCOPE = 'all_streams {"strategy":"languages"}'

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


def test_closes_yesterday_and_again_what_has_changed_of_seven_days(
    run_daily: Run, lake: Lake, bucket: Any
) -> None:
    before = len(events_of("twitch_day"))
    for minutes in (0, 5, 12 * 60, 12 * 60 + 5):
        lake.crawl(minutes, ROWS)
    closed = {f"{task}[{number}]": "skipped" for number in range(7) for task in ("close", "report")}
    closed |= {"days": "success"}
    assert run_daily(CLOSING) == closed | {"close[6]": "success", "report[6]": "success"}
    (event,) = events_of("twitch_day")[before:]
    (manifest,) = bucket.find("metrics/manifests/dt=2026-11-23/day.json")
    assert event == {
        "day": "2026-11-23",
        "scopes": [SCOPE],
        "coverage": {SCOPE: {"samples": 2, "covered_seconds": 900, "missing_seconds": 85_500}},
        "manifest": f"s3://lake/{manifest}",
        "again": False,
    }
    assert bucket.find("metrics/sessions/dt=2026-11-23/sessions.parquet")
    assert bucket.find("metrics/site_hour/dt=2026-11-23/site_hour_12.parquet")

    (report,) = bucket.find("reports/")
    assert report == "twitch/reports/dt=2026-11-23/twitch_2026-11-23.html"
    assert bucket.client.head_object(Bucket="lake", Key=report)["ContentType"] == "text/html; charset=utf-8"

    there = bucket.objects()
    assert run_daily(CLOSING) == closed
    assert bucket.objects() == there
    assert len(events_of("twitch_day")) == before + 1

    lake.crawl(10, ROWS)  # it came late
    states = run_daily(CLOSING + timedelta(days=3))
    assert (states["close[3]"], states["report[3]"]) == ("success", "success")
    assert [
        event["again"] for event in events_of("twitch_day")[before + 1 :] if event["day"] == "2026-11-23"
    ] == [True]


def test_closes_a_range_of_past_days_by_params(run_daily: Run, lake: Lake, bucket: Any) -> None:
    for day in (0, 1, 2):
        for minutes in (0, 5):
            lake.crawl(minutes - day * 24 * 60, ROWS)
    later = CLOSING + timedelta(days=40)
    states = run_daily(later, first_day="2026-11-21", last_day="2026-11-22")
    assert set(states) == {"days", "close[0]", "close[1]", "report[0]", "report[1]"}
    assert set(states.values()) == {"success"}
    days = [key.split("dt=")[1][:10] for key in bucket.find("metrics/site_day/")]
    assert days == ["2026-11-21", "2026-11-22"]


def test_a_day_that_is_not_over_is_not_closed(run_daily: Run, bucket: Any) -> None:
    states = run_daily(CLOSING, first_day="2026-11-24", last_day="2026-11-24")
    assert states["days"] == "failed"
    (error,) = ERRORS
    assert "must be days that are over" in error


def test_a_report_that_a_try_did_not_write_is_written_by_the_next_run(
    run_daily: Run, lake: Lake, bucket: Any
) -> None:
    lake.crawl(0, ROWS)
    lake.crawl(5, ROWS)
    run_daily(CLOSING)
    (report,) = bucket.find("reports/")
    body = bucket.read(report)
    bucket.client.delete_object(Bucket="lake", Key=report)
    states = run_daily(CLOSING)
    assert (states["close[6]"], states["report[6]"]) == ("skipped", "success")
    assert bucket.read(report) == body
