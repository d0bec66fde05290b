# SPDX-License-Identifier: Apache-2.0
"""The overview of small lakes, against :mod:`.oracle_overview`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.metrics.lake import NOON, Lake
from tests.metrics.oracle_clock import Row
from tests.metrics.oracle_overview import OverviewOracle
from tests.metrics.test_oracle import raw, seen_in
from tests.metrics.world import Random

from twitch_provider.metrics.days import close_day
from twitch_provider.metrics.hours import publish_hours
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.overview.build import publish_overview
from twitch_provider.metrics.overview.schema import OF_A_DAY, SNAPSHOT_TABLES, TABLES, json_schema

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")

KEYS = MetricsKeys("twitch")
MIDNIGHT = NOON.replace(hour=0)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
AT = NOON + timedelta(minutes=27)

#: Hours of days before today that have snapshots, for each basis of movers.
HISTORIES = {
    "weeks": {14: [11, 12], 7: [10, 11], 1: [0, 11, 12, 23]},
    "yesterday": {2: [13], 1: [11, 12, 13]},
    "the hour before": {1: [13, 14]},
    "newest": {2: [20]},
}


def overview(lake: Lake, at: datetime) -> dict[str, Any]:
    """Publish the overview as of an instant, and return it as it lies there."""
    publish_overview(lake.store, KEYS, at, "1.0.0")
    document: dict[str, Any] = json.loads(lake.store.objects["twitch/latest/overview.json"])
    Draft202012Validator(json_schema()).validate(document)
    return document


def rows_of(table: dict[str, Any]) -> list[Row]:
    """Rows of a table by column."""
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def only(name: str, rows: Iterable[Row]) -> list[Row]:
    """Rows with the columns of a table."""
    return [{column.name: row[column.name] for column in TABLES[name]} for row in rows]


def make_lake(seed: int, history: dict[int, list[int]]) -> tuple[Lake, set[datetime]]:
    """A lake drawn at random whose newest snapshot is of twenty minutes past noon, and its closed days."""
    lake, drawn = Lake(), Random(seed)
    draw = drawn.draw
    hours = [-24 * day + hour - 12 for day, of_day in history.items() for hour in of_day]
    today = [10, 11] if history in (HISTORIES["weeks"], HISTORIES["the hour before"]) else [11]
    hours += [] if history is HISTORIES["newest"] else [hour - 12 for hour in today]
    ticks = [60 * hour + minute for hour in hours for minute in range(0, 60, draw.choice([5, 10]))]
    for minutes in sorted([*ticks, 0, 5, 15, 20]):
        rows = [raw(row) for row in drawn.step(NOON + timedelta(minutes=minutes))]
        sure = minutes in {0, 20} or draw.random() > 0.1
        lake.crawl(
            minutes,
            rows,
            after=draw.choice([2, 2, 61]),
            complete=sure,
            adhoc=draw.random() < 0.05 and not sure,
        )
        if draw.random() < 0.8 or minutes in {0, 20}:
            listed = draw.sample(["1", "NA", "é", "Z"], 3)
            games = {game: [row for row in rows if row["game_id"] == game] for game in listed}
            lake.top(minutes, games, capped=draw.choice([(), listed[:1]]))
    closed = set()
    for number in history:
        if number > 1 or draw.random() < 0.5:
            close_day(lake.store, KEYS, (MIDNIGHT - number * DAY).date(), until=NOON.date())
            closed.add(MIDNIGHT - number * DAY)
    publish_hours(lake.store, KEYS, [(MIDNIGHT - DAY).date(), NOON.date()], until=NOON.date())
    return lake, closed


@pytest.mark.parametrize(("seed", "name"), list(enumerate(HISTORIES)))
def test_every_number_is_that_of_the_oracle(seed: int, name: str) -> None:
    lake, closed = make_lake(seed, HISTORIES[name])
    document, seen = overview(lake, AT), seen_in(lake)
    assert document["notes"] == []
    assert len(document["scopes"]) == 2
    for scope in document["scopes"]:
        oracle = OverviewOracle(seen, scope["scope"], AT, closed)
        assert scope["now"] == oracle.now
        for table in ("snapshots", "hours", "days", "games", "channels", "languages", "heat_map"):
            assert rows_of(scope[table]) == only(table, getattr(oracle, table)()), table
        snapshot = oracle.snapshot
        for key, table in SNAPSHOT_TABLES.items():
            snapshot[key] = only(table, snapshot[key])
            scope["snapshot"][key] = rows_of(scope["snapshot"][key])
        assert scope["snapshot"] == snapshot
        assert scope["concentration"] == oracle.concentration()
        hour, usual = oracle.usual()
        assert scope["movers"]["hour"] == (hour and hour.timestamp())
        assert scope["movers"]["basis"].startswith("Average viewers" if hour else "Viewers in the newest")
        assert len(usual) == (2 if name == "weeks" else 1)
        for kind, key in (("games", "game_id"), ("channels", "user_id"), ("languages", "language")):
            found = scope["movers"][kind]
            for side, rows in zip(("gaining", "losing"), oracle.movers(kind, key), strict=True):
                made = [
                    {column: row[column] for column in row if column != "name"}
                    for row in rows_of(found[side])
                ]
                assert made == rows, (kind, side)
        health = scope["health"]
        assert health["gaps"] == oracle.gaps()
        for number, day in enumerate(("today", "yesterday")):
            expected = oracle.of_day(number)
            found = health[day] and {column: health[day][column] for column in OF_A_DAY}
            if expected is not None:
                expected["missing_ticks"] = " ".join(expected["missing_ticks"].split()[-48:])
            assert found == (expected and {column: expected[column] for column in OF_A_DAY})
