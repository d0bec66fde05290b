# SPDX-License-Identifier: Apache-2.0
"""The report of a closed day, as it lies in the lake."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from tests.metrics.lake import NOON, Lake, stream

from twitch_provider.metrics.days import close_day
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.pipelines import report
from twitch_provider.pipelines.report import publish_report

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")

KEYS = MetricsKeys("twitch")
DAY = NOON.date()
NEXT = DAY + timedelta(days=1)
REPORT = "twitch/reports/dt=2026-11-23/twitch_2026-11-23.html"


def closed(*minutes: int) -> Lake:
    """A lake of a day that is closed."""
    lake = Lake()
    for each in minutes:
        lake.crawl(each, [stream("1", 100 + each), stream("2", 7)])
    close_day(lake.store, KEYS, DAY, until=NEXT)
    return lake


def overview(lake: Lake) -> dict[str, Any]:
    """What the report shows."""
    found = re.search(r'id="overview">(.*?)</script>', lake.store.objects[REPORT].decode())
    assert found
    document: dict[str, Any] = json.loads(found[1])
    return document


def test_shows_the_day_as_of_its_end() -> None:
    lake = closed(0, 5)
    assert publish_report(lake.store, KEYS, DAY) == REPORT
    document = overview(lake)
    (scope,) = document["scopes"]
    assert document["run_after"] == "2026-11-24T00:00:00Z"
    assert scope["now"]["snapshot_at"] == "2026-11-23T12:05:02Z"
    assert scope["health"]["yesterday"]["day"] == "2026-11-23"
    assert [row[0] for row in scope["days"]["rows"]] == ["2026-11-23"]
    assert b"<title>Twitch, 2026-11-23</title>" in lake.store.objects[REPORT]


def test_is_written_once_for_each_closing_and_again_where_it_is_missing() -> None:
    lake = closed(0, 5, 12 * 60)  # the first of the next day says how long the last one counts
    publish_report(lake.store, KEYS, DAY)
    body = lake.store.objects[REPORT]
    assert publish_report(lake.store, KEYS, DAY) is None
    lake.store.delete([REPORT])
    lake.crawl(12 * 60 + 5, [stream("3", 9)])
    assert publish_report(lake.store, KEYS, DAY) == REPORT
    assert lake.store.objects[REPORT] == body

    lake.crawl(10, [stream("1", 300)])
    close_day(lake.store, KEYS, DAY, until=NEXT)
    assert publish_report(lake.store, KEYS, DAY) == REPORT
    assert overview(lake)["scopes"][0]["now"]["viewers"] == 300


def test_a_report_is_left_to_the_run_that_has_replaced_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = closed(0, 5)
    made = report.make_report

    def overtaken(*arguments: Any) -> bytes | None:
        lake.store.put(REPORT, b"newer", content_type=report.MEDIA_TYPE)
        return made(*arguments)

    monkeypatch.setattr(report, "make_report", overtaken)
    assert publish_report(lake.store, KEYS, DAY) == REPORT
    assert lake.store.objects[REPORT] == b"newer"


@pytest.mark.parametrize("day", [DAY - timedelta(days=1), NEXT])
def test_a_day_that_is_not_closed_has_none(day: date) -> None:
    lake = closed(0)
    assert publish_report(lake.store, KEYS, day) is None
    assert not [key for key in lake.store.objects if "reports/" in key]
