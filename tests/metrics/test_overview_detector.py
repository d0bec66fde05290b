# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.metrics.analyst import make_lake
from tests.metrics.lake import NOON, Lake, stream

from twitch_provider.metrics.detectors import detectors_of
from twitch_provider.metrics.hours import publish_hours
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.overview.build import publish_overview
from twitch_provider.metrics.overview.schema import json_schema
from twitch_provider.metrics.watch import WatchList

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")

KEYS = MetricsKeys("twitch")
TODAY = NOON.date()


def detectors(lake: Lake, at: datetime) -> list[Any]:
    """What the overview as of an instant says of the detectors, scope by scope."""
    publish_overview(lake.store, KEYS, at, "1.0.0")
    document = json.loads(lake.store.objects["twitch/latest/overview.json"])
    Draft202012Validator(json_schema()).validate(document)
    return [scope["detector"] for scope in document["scopes"]]


def test_the_detector_of_each_scope_is_that_of_the_day_and_null_without_a_watch_list() -> None:
    lake, at = make_lake(), NOON + timedelta(minutes=190)
    assert detectors(lake, at) == [None, None]
    lake.crawl(-1440, [stream("1")])
    publish_hours(lake.store, KEYS, [TODAY - timedelta(days=1)], until=TODAY)
    detectors_of(lake.store, KEYS, TODAY, WatchList(("site", "game:1")))
    assert detectors(lake, at + timedelta(minutes=5))[0] == {
        "state": "learning",
        "days": 0,
        "budget_per_series_month": 1.0,
        "achieved_per_series_month": None,
        "series": 2,
    }


def test_a_lake_on_its_first_day_says_that_it_has_begun_to_learn() -> None:
    lake, at = make_lake(), NOON + timedelta(minutes=190)
    detectors_of(lake.store, KEYS, TODAY, WatchList(("site",)))
    assert [(each["state"], each["days"]) for each in detectors(lake, at)] == [("learning", 0)] * 2
