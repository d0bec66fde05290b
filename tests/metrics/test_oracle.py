# SPDX-License-Identifier: Apache-2.0
"""The package's tables equal those of :mod:`.oracle` on the same snapshots."""

from __future__ import annotations

import ast
import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from tests.lake.conftest import RECORDED
from tests.metrics.conftest import NOON
from tests.metrics.lake import Lake
from tests.metrics.lake import stream as live
from tests.metrics.oracle import Oracle
from tests.metrics.oracle_clock import Row, Seen
from tests.metrics.oracle_clock import hours as every_hour
from tests.metrics.world import Random, World, compare, instant, stream
from tests.page import dashboard

from twitch_provider.metrics.days import close_day
from twitch_provider.metrics.hours import publish_hours
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.overview.build import overview
from twitch_provider.metrics.tables import TABLES

duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")

DAY = NOON.replace(hour=0)
MIDNIGHT = DAY + timedelta(days=1)
#: Tables of an hour have the statements of those of a day, with another column.
TODAY = [("day", DAY)]
HOUR = [("hour", NOON), *TODAY]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def statuses(world: World) -> list[str]:
    return [tick.status for ticks in Oracle(world.lake).clock.values() for tick in ticks]


def seconds(world: World) -> list[int]:
    return [tick.seconds for ticks in Oracle(world.lake).clock.values() for tick in ticks]


def expected(world: World, name: str, *columns: str, begin: datetime = NOON) -> list[tuple[Any, ...]]:
    """What the oracle says of some columns, by key."""
    rows = Oracle(world.lake).table(name, begin)
    rows.sort(key=lambda row: [row[column] for column in TABLES[name].key])
    return [tuple(row[column] for column in columns) for row in rows]


def test_a_thousand_viewers_for_four_hours_are_four_thousand_hours(world: World) -> None:
    for number in range(49):
        world.see(5 * number, [stream("1", 1000)])
    world.check([*TODAY, ("hour", NOON + timedelta(hours=4))])
    for name in ("site_day", "games_day", "languages_day", "channels_day"):
        assert expected(world, name, "viewer_seconds", begin=DAY) == [(4_000 * 3600,)]


def test_midnight(world: World) -> None:
    for minutes in (710, 718, 722):
        world.see(minutes, [stream("1", minutes, game_id=str(minutes))])
    world.check([*TODAY, ("hour", MIDNIGHT - timedelta(hours=1)), ("hour", MIDNIGHT), ("day", MIDNIGHT)])
    day = [(day,) for day in ((8 * 60 * 710 + 118 * 718), 122 * 718)]
    assert [
        *expected(world, "site_day", "viewer_seconds", begin=DAY),
        *expected(world, "site_day", "viewer_seconds", begin=MIDNIGHT),
    ] == day


def test_a_gap_is_not_filled_and_time_is_capped_by_the_interval_of_the_snapshot(world: World) -> None:
    for minutes, interval in ((0, 300), (5, 600), (30, 300), (45, None), (59, 60), (64, 300)):
        world.see(minutes, [stream("1")], interval_seconds=interval)
    world.check([*HOUR, ("hour", NOON + timedelta(hours=1))])
    assert seconds(world) == [300, 1200, 600, 600, 120, 0]


def test_a_broadcast_that_flaps_and_an_id_that_comes_back(world: World) -> None:
    others = [stream("2", 5)]
    for minutes in (0, 10, 15, 50):
        world.see(minutes, [stream("1", minutes), *others])
        world.see(minutes + 3, others)
    world.check(TODAY)
    assert expected(world, "channels_hour", "user_id", "airtime_seconds") == [("1", 4 * 180), ("2", 1860)]


def test_a_broadcast_that_switches_its_category_and_back(world: World) -> None:
    plays = ["A", "A", "B", "", "", "A"]
    for number, game in enumerate(plays):
        world.see(5 * number, [stream("1", number, game_id=game, title=str(number // 2))])
    world.check(TODAY)
    names = "segment", "game_id", "samples", "viewer_seconds"
    assert [tuple(row[name] for name in names) for row in Oracle(world.lake).table("segments", DAY)] == [
        (1, "A", 2, 300),
        (2, "B", 1, 600),
        (3, "", 2, 300 * 7),
        (4, "A", 1, 0),
    ]


def test_a_category_that_is_carried_over_midnight(world: World) -> None:
    for minutes, other in ((718, "B"), (722, "A"), (727, "B")):
        rows = [stream("1", game_id="A"), stream("2", game_id=other, title=other)]
        world.see(minutes, [*rows, stream("3")] if minutes == 718 else rows)
    world.check([*TODAY, ("day", MIDNIGHT)])
    rows = Oracle(world.lake).table("segments", MIDNIGHT)
    names = "id", "segment", "game_id", "samples", "airtime_seconds"
    assert sorted(tuple(row[name] for name in names) for row in rows) == [
        ("b1", 1, "A", 2, 122 + 300),
        ("b2", 1, "B", 0, 122),
        ("b2", 2, "A", 1, 300),
        ("b2", 3, "B", 1, 0),
        ("b3", 1, "1", 0, 122),
    ]


def test_one_snapshot(world: World) -> None:
    world.see(5, [stream("1")])
    world.check(TODAY)
    assert expected(world, "site_hour", "samples", "covered_seconds", "peak_viewers") == [(1, 0, 100)]


def test_an_empty_snapshot(world: World) -> None:
    world.see(0, [stream("1")])
    world.see(5, [])
    world.see(10, [stream("1")])
    world.check(TODAY)
    assert expected(world, "channels_hour", "airtime_seconds", "covered_seconds") == [(300, 600)]


def test_no_snapshot_in_the_period(world: World) -> None:
    world.see(0, [stream("1")])
    world.check(
        [
            ("hour", NOON + timedelta(hours=3)),
            ("day", DAY + timedelta(days=3)),
            ("day", DAY - timedelta(days=1)),
        ]
    )
    # Nothing but the report, which says that all ticks are missing.
    assert expected(world, "completeness", "due", "missing", begin=DAY + timedelta(days=3)) == [(288, 288)]


def test_what_does_not_count(world: World) -> None:
    for minutes in range(0, 65, 5):
        world.see(minutes, [stream(str(user), minutes) for user in range(60)])
    world.see(65, [stream("1")])
    world.see(70, [stream("1"), stream("1")], duplicate_keys=1)
    world.see(75, [stream(str(user), 9) for user in range(60)], complete=False)
    world.see(80, [stream(str(user), 9, user_login="" if user < 31 else "x") for user in range(60)])
    world.see(85, [stream(str(user), 9, game_id="" if user < 30 else "x") for user in range(60)])
    world.see(90, [stream(str(user)) for user in range(30)], schema_version=2)
    world.see(95, [stream(str(user)) for user in range(30)])
    world.check([("hour", NOON + timedelta(hours=1)), ("day", DAY)])
    assert statuses(world)[12:] == [
        *("counted", "gated", "gated", "incomplete", "gated", "counted", "gated", "counted")
    ]


def test_the_gate_of_rows_looks_at_the_ticks_of_24_hours(world: World) -> None:
    for minutes in range(-1440, -1380, 5):
        world.see(minutes, [stream(str(user)) for user in range(60)])
    world.see(0, [stream("1")])
    world.see(55, [stream("1")])
    world.check(TODAY)
    assert statuses(world)[12:] == ["gated", "counted"]


def test_late_and_doubled_instants(world: World) -> None:
    world.see(0, [stream("1")], after=60)
    world.see(5, [stream("1")], after=61)
    world.see(10, [stream("1", 7)], after=0)
    world.see(9, [stream("1", 8)], after=60)
    world.see(8, [stream("1", 9)], after=120, complete=False)
    world.see(15, [stream("1")])
    world.check(TODAY)
    assert expected(world, "clock", "status", "late") == [
        *(("counted", False), ("counted", True)),
        *(("incomplete", True), ("counted", False), ("doubled", False), ("counted", False)),
    ]


def test_an_instant_earlier_than_that_of_the_tick_before(world: World) -> None:
    world.see(0, [stream("1", 1)], after=400)
    world.see(5, [stream("1", 2)])
    world.see(10, [stream("1", 3)])
    world.check(TODAY)
    assert seconds(world) == [98, 202, 0]


def test_two_scopes(world: World) -> None:
    for minutes in (0, 5, 10):
        world.see(minutes, [stream("1")])
        world.see(minutes + 1, [stream("1", 7)], asks={"languages": ["ja"]})
        world.see(
            minutes + 2, [stream("2", 9)], dataset="top_streams", games={"1": (1, True), "2": (2, False)}
        )
    world.check(TODAY)
    assert expected(world, "site_hour", "viewer_seconds", "capped_samples") == [
        *((7 * 600, 0), (100 * 600, 0), (9 * 600, 3))
    ]


def test_a_game_counts_in_top_games_while_it_is_listed(world: World) -> None:
    listed = [{"1": (3, False), "2": (1, True)}, {"2": (2, False)}, {"1": (2, True), "3": (1, False)}, {}]
    for number, games in enumerate(listed):
        rows = [stream("1"), stream("2", game_id="2"), stream("3", game_id="NA")]
        world.see(5 * number, rows, dataset="top_streams", games=games)
    world.check(TODAY)
    assert expected(world, "games_hour", "game_id", "covered_seconds", "twitch_rank", "capped_samples") == [
        *(("1", 600, 2, 1), ("2", 600, 1, 1), ("NA", 0, None, 0))
    ]


def test_names_that_change_ids_with_zeros_and_a_game_called_na(world: World) -> None:
    for number, text in enumerate(["Old", "New", ""]):
        world.see(
            5 * number,
            [
                stream("007", game_id="07", game_name=text, user_login=text, user_name="NA"),
                stream("7", game_id="7", game_name="NA", user_login="", language="", tags=["NA", "null"]),
                stream("8", game_id="NA", game_name="", language="NA", title="NaN"),
            ],
        )
    world.check(TODAY)
    assert expected(world, "games_hour", "game_id", "game_name") == [("07", "New"), ("7", "NA"), ("NA", None)]
    assert expected(world, "channels_hour", "user_id", "user_login") == [
        *(("007", "New"), ("7", None), ("8", "login8"))
    ]


def test_two_broadcasts_of_one_channel(world: World) -> None:
    for minutes in (0, 5):
        world.see(minutes, [stream("1", 60), stream("1", 50, id="other", game_id="2"), stream("2", 99)])
    world.check(TODAY)
    assert expected(world, "site_hour", "airtime_seconds", "unique_channels", "broadcasts") == [(900, 2, 3)]
    assert expected(world, "channels_hour", "peak_viewers") == [(110,), (99,)]


def test_new_streams(world: World) -> None:
    def began(user: str, minutes: float) -> Row:
        return stream(user, started_at=NOON + timedelta(minutes=minutes, seconds=2))

    world.see(-5, [began("1", -20), began("2", -6)])
    world.see(0, [began("1", -20), began("3", -5), began("4", -4), stream("5", started_at=None)])
    world.see(5, [began("2", -6), began("3", -5), began("4", -4), began("6", 4)], complete=False)
    world.see(10, [began("2", -6), began("4", -4), began("6", 4)])
    world.check([*HOUR, ("hour", NOON - timedelta(hours=1))])
    assert expected(world, "channels_hour", "user_id", "new_streams") == [
        *(("1", 0), ("2", 0), ("3", 0), ("4", 1), ("5", 0), ("6", 1))
    ]


@pytest.mark.parametrize(("gap", "sessions"), [(900, 1), (901, 2)])
def test_reconnects(world: World, gap: int, sessions: int) -> None:
    # The first broadcast is last seen at minute 5, and counts until minute 10.
    end = NOON + timedelta(minutes=10, seconds=2)
    again: Row = {"id": "a", "started_at": end + timedelta(seconds=gap)}
    unknown: Row = {"id": "unknown", "started_at": None}
    for minutes in range(0, 50, 5):
        rows = [stream("2")]
        rows += [stream("1")] if minutes <= 5 else []
        rows += [stream("1", **again)] if minutes in {30, 35} else []
        rows += [stream("1", **unknown)] if minutes == 45 else []
        world.see(minutes, rows)
    world.check(TODAY)
    rows = [row for row in Oracle(world.lake).table("sessions", DAY) if row["user_id"] == "1"]
    assert len({row["session_id"] for row in rows}) == sessions


@pytest.mark.parametrize(("second", "session"), [(0, "b1"), (-1, "c")])
def test_a_session_looks_48_hours_back(world: World, second: int, session: str) -> None:
    day = DAY + timedelta(days=2)
    world.see(-720, [stream("1")], after=second)
    for minutes in range(-715, 2170, 720):
        world.see(minutes, [stream("1", id="c", started_at=DAY)])
    world.check([("day", day)])
    assert [row["session_id"] for row in Oracle(world.lake).table("sessions", day)] == [session]


def test_lakes_drawn_at_random(world: World) -> None:
    for seed in range(6):
        Random(seed).fill(world, f"dataset{seed}", 30)
    assert world.check([("hour", MIDNIGHT), *TODAY, ("day", MIDNIGHT)]) > 10_000


# Through the package's own publishing.


def seen_in(lake: Lake) -> list[Seen]:
    """Read the published tables of a lake, without the package's readers."""
    made = []
    for snapshot in lake.snapshots:
        games = None if snapshot.games is None else published(lake, snapshot.games.key)
        streams = [
            row
            | {
                "viewer_count": int(row["viewer_count"]),
                "started_at": datetime.fromisoformat(row["started_at"]),
                "tags": json.loads(row["tags"]),
            }
            for row in published(lake, snapshot.table.key)
        ]
        listed = (
            None
            if games is None
            else {row["id"]: (int(row["rank"]), row["capped"] == "true") for row in games}
        )
        made.append(Seen(snapshot, streams, listed))
    return made


def published(lake: Lake, key: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(lake.store.objects[key].decode(), newline="")))


def test_ad_hoc_runs_do_not_exist(tmp_path: Path) -> None:
    lakes = Lake(), Lake()
    for lake in lakes:
        for minutes in (0, 5):
            lake.crawl(minutes, [live("1")])
    lakes[0].crawl(3, [live("1", 900)], adhoc=True)
    oracle = Oracle(seen_in(lakes[1]))
    for kind, begin in HOUR:
        for name, rows in lakes[0].compute(tmp_path, kind, begin).items():
            compare(name, rows.to_pylist(), oracle.table(name, begin))


def raw(row: Row) -> Row:
    """A row as Get Streams sends it."""
    return live(row["user_id"], **{**row, "started_at": instant(row["started_at"] or NOON)})


def compare_published(lake: Lake, keys: MetricsKeys, days: list[datetime]) -> int:
    """Compare all tables that are published of some days."""
    oracle, cells = Oracle(seen_in(lake)), 0
    periods = {"day": days, "hour": list(every_hour(days[0], days[-1] + timedelta(days=1)))}
    for name, table in TABLES.items():
        for begin in periods[table.period]:
            body = lake.store.objects.get(keys.table(table, begin))
            rows = [] if body is None else parquet.read_table(io.BytesIO(body)).to_pylist()
            cells += compare(name, rows, oracle.table(name, begin))
    return cells


@pytest.mark.parametrize("seed", [0])
def test_hours_and_days_published_in_any_order_from_snapshots_in_any_order(seed: int) -> None:
    lake, drawn = Lake(), Random(seed)
    draw, keys, until = drawn.draw, MetricsKeys("twitch"), MIDNIGHT.date()
    ticks = [690 + 5 * number for number in range(12) if draw.random() > 0.2]
    worlds = [(minutes, list(map(raw, drawn.step(NOON + timedelta(minutes=minutes))))) for minutes in ticks]
    for minutes, rows in draw.sample(worlds, len(worlds)):
        after = draw.choice([2, 2, 61, 302])
        lake.crawl(minutes, rows, after=after, complete=draw.random() > 0.1, adhoc=draw.random() < 0.1)
        if draw.random() < 0.5:
            games = {"1": [row for row in rows if row["game_id"] == "1"], "NA": []}
            lake.top(minutes, games, capped=draw.choice([(), "1"]))
        if draw.random() < 0.2:
            again = draw.choice(ticks)
            stamp = f"{NOON + timedelta(minutes=again):%Y%m%dT%H%M%SZ}"
            lake.store.objects = {key: body for key, body in lake.store.objects.items() if stamp not in key}
            if draw.random() < 0.5:
                lake.crawl(again, rows)
        if draw.random() < 0.2:
            close_day(lake.store, keys, draw.choice([DAY, MIDNIGHT]).date(), until=until)
        if draw.random() < 0.2:
            publish_hours(lake.store, keys, [DAY.date(), until], until=until)
    publish_hours(lake.store, keys, [DAY.date(), until], until=until)
    for day in draw.sample([DAY, MIDNIGHT], 2):
        close_day(lake.store, keys, day.date(), until=until)
    assert compare_published(lake, keys, [DAY, MIDNIGHT]) > 1000


@pytest.fixture
def capture() -> dict[str, list[Row]]:
    """The streams of the seed capture by game, in the order of its games."""
    if not RECORDED.is_dir():
        pytest.skip(f"no real capture: {RECORDED} is absent")
    with (RECORDED / "seed" / "games_data.csv").open(newline="") as file:
        games: dict[str, list[Row]] = {row["id"]: [] for row in csv.DictReader(file)}
    with (RECORDED / "seed" / "streams_data.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            read = {
                "viewer_count": int(row["viewer_count"]),
                "is_mature": row["is_mature"] == "True",
                "tags": ast.literal_eval(row["tags"] or "None"),
                "tag_ids": ast.literal_eval(row["tag_ids"]),
            }
            games[row["game_id"]].append(row | read)
    return games


def test_the_seed_capture(capture: dict[str, list[Row]], tmp_path: Path) -> None:
    lake = Lake()
    for minutes in (0, 5):
        lake.top(minutes, capture)
    oracle, tables = Oracle(seen_in(lake)), lake.compute(tmp_path)
    for name, table in tables.items():
        compare(name, table.to_pylist(), oracle.table(name, NOON))
    site, games, languages = (
        tables[f"{name}_snapshot"].to_pylist()[:rows]
        for name, rows in (("site", 1), ("games", 20), ("languages", 16))
    )
    assert [(row["viewers"], row["streams"]) for row in site] == [(701_497, 392)]
    assert len(tables["languages_snapshot"]) == 2 * 16
    first = next(row for row in games if row["rank"] == 1)
    assert (first["game_name"], round(first["viewers"] / 701_497, 4)) == ("Counter-Strike", 0.1747)
    most = sorted(languages, key=lambda row: -row["streams"])[:4]
    assert [(row["language"], row["streams"]) for row in most] == [
        *(("en", 133), ("ja", 53), ("ru", 47), ("de", 31))
    ]
    rows = published(lake, lake.snapshots[0].table.key)
    assert sum(row["is_mature"] == "true" for row in rows) == 73
    publish_hours(lake.store, keys := MetricsKeys("twitch"), [NOON.date()], until=NOON.date())
    document = overview(lake.store, keys, NOON + timedelta(minutes=15), "1.0.0")
    assert document
    (scope,) = document["scopes"]
    assert dashboard.without_names(scope) == json.loads(dashboard.FILE.read_text())
