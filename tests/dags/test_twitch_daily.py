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
    closed = {f"close[{number}]": "skipped" for number in range(7)} | {"days": "success"}
    assert run_daily(CLOSING) == closed | {"close[6]": "success"}
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

    there = bucket.objects()
    assert run_daily(CLOSING) == closed
    assert bucket.objects() == there
    assert len(events_of("twitch_day")) == before + 1

    lake.crawl(10, ROWS)  # it came late
    assert run_daily(CLOSING + timedelta(days=3))["close[3]"] == "success"
    assert [
        event["again"] for event in events_of("twitch_day")[before + 1 :] if event["day"] == "2026-11-23"
    ] == [True]


def test_closes_a_range_of_past_days_by_params(run_daily: Run, lake: Lake, bucket: Any) -> None:
    for day in (0, 1, 2):
        for minutes in (0, 5):
            lake.crawl(minutes - day * 24 * 60, ROWS)
    later = CLOSING + timedelta(days=40)
    states = run_daily(later, first_day="2026-11-21", last_day="2026-11-22")
    assert states == {"days": "success", "close[0]": "success", "close[1]": "success"}
    days = [key.split("dt=")[1][:10] for key in bucket.find("metrics/site_day/")]
    assert days == ["2026-11-21", "2026-11-22"]


def test_a_day_that_is_not_over_is_not_closed(run_daily: Run, bucket: Any) -> None:
    states = run_daily(CLOSING, first_day="2026-11-24", last_day="2026-11-24")
    assert states["days"] == "failed"
    (error,) = ERRORS
    assert "must be days that are over" in error
