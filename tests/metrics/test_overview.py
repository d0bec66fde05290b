# SPDX-License-Identifier: Apache-2.0
"""The overview of small lakes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.metrics.analyst import make_lake
from tests.metrics.lake import NOON, Lake

from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.overview.build import publish_overview
from twitch_provider.metrics.overview.schema import json_schema

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")

KEYS = MetricsKeys("twitch")
TODAY = NOON.date()


def overview(lake: Lake, at: datetime) -> dict[str, Any]:
    """Publish the overview as of an instant, and return it as it lies there."""
    publish_overview(lake.store, KEYS, at, "1.0.0")
    document: dict[str, Any] = json.loads(lake.store.objects["twitch/latest/overview.json"])
    Draft202012Validator(json_schema()).validate(document)
    return document


def table(scope: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Rows of a table by column."""
    return [dict(zip(scope[name]["columns"], row, strict=True)) for row in scope[name]["rows"]]


def test_two_scopes_the_one_with_most_viewers_first() -> None:
    document = overview(make_lake(), NOON + timedelta(minutes=190))
    assert [scope["dataset"] for scope in document["scopes"]] == ["all_streams", "top_streams"]
    first, second = document["scopes"]
    assert (first["now"]["viewers"], first["now"]["capped"]) == (400, False)
    assert (second["now"]["snapshot_at"], second["now"]["capped"]) == ("2026-11-23T13:00:02Z", True)
    assert first["asks"] == {"strategy": "languages"}
