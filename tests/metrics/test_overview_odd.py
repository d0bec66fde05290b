# SPDX-License-Identifier: Apache-2.0
"""Overviews of lakes in which something is missing, damaged or hostile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.metrics.lake import NOON, Lake
from tests.metrics.lake import stream as row_of
from tests.metrics.month import EVIL
from tests.metrics.test_overview import AT, DAY, HOUR, KEYS, MIDNIGHT, overview, rows_of

from twitch_provider.metrics.days import close_day
from twitch_provider.metrics.hours import publish_hours
from twitch_provider.metrics.overview.build import publish_overview

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")

HOURS = "twitch/metrics/{0}/dt=2026-11-23/{0}_{1}.parquet"
MANIFEST = "twitch/metrics/manifests/dt=2026-11-23/{}.json"
DIGEST = "twitch/metrics/overview/dt=2026-11-22/day.json.gz"


def stream(user: str, viewers: int = 100, **values: Any) -> dict[str, Any]:
    """A broadcast that has been on for days."""
    return row_of(user, viewers, **{"started_at": "2026-11-20T00:00:00Z"} | values)


def publish(lake: Lake) -> None:
    publish_hours(lake.store, KEYS, [(MIDNIGHT - DAY).date(), NOON.date()], until=NOON.date())


@pytest.fixture
def lake() -> Lake:
    """Three hours and a bit of one channel with 100 viewers."""
    lake = Lake()
    for minutes in range(-180, 25, 10):
        lake.crawl(minutes, [stream("1", 100), stream("2", 50, game_id="2", game_name="Go", language="de")])
    publish(lake)
    return lake


def scope_of(document: dict[str, Any]) -> dict[str, Any]:
    (scope,) = document["scopes"]
    return scope  # type: ignore[no-any-return]


def empty_tables(scope: dict[str, Any]) -> list[str]:
    return [name for name, each in scope.items() if isinstance(each, dict) and each.get("rows") == []]


def test_a_lake_without_snapshots_has_none() -> None:
    lake = Lake()
    assert publish_overview(lake.store, KEYS, AT, "1.0.0") is None
    assert lake.store.objects == {}


def test_snapshots_whose_hours_are_not_published_yet_show_their_health(lake: Lake) -> None:
    lake.store.objects = {key: body for key, body in lake.store.objects.items() if "/metrics/" not in key}
    scope = scope_of(overview(lake, AT))
    assert scope["now"] is None
    assert scope["health"]["last_snapshot_at"] == "2026-11-23T12:20:02Z"
    assert empty_tables(scope) == [
        *("snapshots", "games", "channels", "languages", "days", "hours", "heat_map"),
    ]
    assert (scope["movers"]["basis"], scope["concentration"], scope["detector"]) == (None, None, None)


def test_health_holds_a_snapshot_that_was_taken_while_the_run_waited(lake: Lake) -> None:
    # Its tick is 12:15; its hours were published after 12:20.
    scope = scope_of(overview(lake, NOON + timedelta(minutes=15)))
    health, snapshots = scope["health"], rows_of(scope["snapshots"])
    assert scope["now"]["snapshot_at"] == health["last_snapshot_at"] == "2026-11-23T12:20:02Z"
    assert health["rows"] == 2 * len(snapshots)
    covered = sum(each["seconds"] for each in snapshots)
    assert (health["today"]["covered_seconds"], health["today"]["counted"]) == (covered, len(snapshots))
    assert health["gaps"] == []


def test_one_snapshot() -> None:
    lake = Lake()
    lake.crawl(0, [stream("1", 100)])
    publish(lake)
    scope = scope_of(overview(lake, AT))
    assert scope["now"]["viewers"] == 100
    (game,) = rows_of(scope["games"])
    assert (game["viewer_seconds"], game["share"], game["growth"], game["peak_viewers"]) == (
        0,
        None,
        None,
        100,
    )
    assert (scope["movers"]["basis"], scope["heat_map"]["rows"]) == (None, [])
    assert scope["health"]["gaps"] == [["2026-11-23T12:10:02Z", "2026-11-23T12:27:00Z"]]
    assert scope["health"]["yesterday"] is None
    today = scope["health"]["today"]
    # Ticks of 12:00, which is there, and of 12:05, 12:10, 12:15 and 12:20, whose intervals are over.
    assert [today[name] for name in ("due", "missing", "counted", "missing_seconds")] == [
        5,
        4,
        1,
        17 * 60 - 2,
    ]
    assert today["missing_ticks"] == "12:05:00 12:10:00 12:15:00 12:20:00"


def test_a_scope_with_incomplete_snapshots_only_has_its_health() -> None:
    lake = Lake()
    for minutes in range(0, 25, 5):
        lake.crawl(minutes, [stream("1")], complete=False)
    lake.top(0, {"1": [stream("1", 7)]})
    publish(lake)
    with_viewers, without = overview(lake, AT)["scopes"]
    assert (with_viewers["dataset"], with_viewers["now"]["viewers"]) == ("top_streams", 7)
    assert (without["now"], without["health"]["incomplete_runs"]) == (None, 5)
    assert without["health"]["problems"][0] == {
        "run_after": "2026-11-23T12:20:00Z",
        "status": "incomplete",
        "reason": None,
    }
    assert without["health"]["gaps"] == [["2026-11-23T12:00:02Z", "2026-11-23T12:27:00Z"]]


@pytest.mark.parametrize("damage", ["missing", "changed", "claimed"])
def test_an_hour_that_is_not_as_its_manifest_says_is_left_out_with_a_sentence(
    lake: Lake, damage: str
) -> None:
    whole = scope_of(overview(lake, AT))
    table, manifest = HOURS.format("games_hour", 11), MANIFEST.format(11)
    if damage == "missing":
        del lake.store.objects[table]
    elif damage == "changed":
        lake.store.objects[table] += b"x"
    else:
        lake.store.objects[manifest] = b'{"being_written_by": "another run"}'
    document = overview(lake, AT + timedelta(minutes=1))
    (note,) = document["notes"]
    assert note.startswith("The hour of 2026-11-23T11:00:00Z is left out: ")
    assert f"{lake.store.uri(manifest)} " in note
    games, before = (rows_of(scope["games"])[0] for scope in (scope_of(document), whole))
    assert before["viewer_seconds"] - games["viewer_seconds"] == 100 * 3600
    assert len(scope_of(document)["hours"]["rows"]) == len(whole["hours"]["rows"]) - 1


@pytest.mark.parametrize("hour", [10, 11])
def test_an_hour_that_is_left_out_is_not_compared(lake: Lake, hour: int) -> None:
    assert scope_of(overview(lake, AT))["movers"]["hour"] == (NOON - HOUR).timestamp()
    lake.store.objects[HOURS.format("channels_hour", hour)] += b"x"
    assert scope_of(overview(lake, AT + timedelta(minutes=1)))["movers"]["basis"] is None


def test_an_hour_that_is_replaced_while_it_is_read_is_read_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, read = HOURS.format("languages_hour", 12), lake.store.get
    lake.crawl(25, [stream("1", 400)])

    def replaced(key: str) -> bytes | None:
        if key == table:
            monkeypatch.undo()
            publish(lake)
        return read(key)

    monkeypatch.setattr(lake.store, "get", replaced)
    document = overview(lake, AT)
    assert document["notes"] == []
    games = rows_of(scope_of(document)["games"])
    languages = rows_of(scope_of(document)["languages"])
    assert scope_of(document)["now"]["viewers"] == 400
    assert games[0]["viewer_seconds"] == languages[0]["viewer_seconds"] == 100 * (180 + 25) * 60


def test_the_newest_snapshot_may_have_expired(lake: Lake) -> None:
    (table,) = (key for key in lake.store.objects if key.endswith("streams_data_20261123T122000Z.csv"))
    del lake.store.objects[table]
    document = overview(lake, AT)
    (note,) = document["notes"]
    assert note.startswith(
        f"The channels of the newest snapshot are left out: {lake.store.uri(table)} does not"
    )
    assert [row["viewers"] for row in rows_of(scope_of(document)["channels"])] == [None, None]
    assert [row["viewers"] for row in rows_of(scope_of(document)["games"])] == [100, 50]


def test_a_manifest_of_another_version_is_a_note(lake: Lake) -> None:
    key = "twitch/manifests/twitch_all_streams/dt=2026-11-23/hour=12/20261123T122500Z.json"
    lake.store.objects[key] = b'{"dag_id": "twitch_all_streams"}'
    (note,) = overview(lake, AT)["notes"]
    assert note.startswith(f"{lake.store.uri(key)} is not a manifest of this version's")


def test_a_day_that_is_not_closed_has_no_row_and_its_hours_are_those_of_yesterday(lake: Lake) -> None:
    for minutes in range(-2 * 1440, -2 * 1440 + 25, 10):
        lake.crawl(minutes, [stream("1", 100)])
    for minutes in range(-1440, -1440 + 25, 10):
        lake.crawl(minutes, [stream("1", 100)])
    publish(lake)
    document = overview(lake, AT)
    assert scope_of(document)["days"]["rows"] == []
    days = [hour["hour"] // 86_400 for hour in rows_of(scope_of(document)["hours"])]
    today = int(MIDNIGHT.timestamp()) // 86_400
    assert days == [today - 1, *[today] * 4]
    for number in (2, 1):
        close_day(lake.store, KEYS, (MIDNIGHT - number * DAY).date(), until=NOON.date())
    scope = scope_of(overview(lake, AT + timedelta(minutes=1)))
    assert [row["day"] for row in rows_of(scope["days"])] == ["2026-11-21", "2026-11-22"]
    assert rows_of(scope["hours"])[0]["hour"] // 86_400 == today - 2
    assert rows_of(scope["games"])[0]["days"][-3:] == [None, 50, 50]


def test_a_day_that_is_closed_again_is_read_again(lake: Lake) -> None:
    def hours_watched() -> list[int | None]:
        lake.store.calls.clear()
        document = overview(lake, AT)
        watched: list[int | None] = rows_of(scope_of(document)["games"])[0]["days"]
        return watched[-1:]

    def tables_read() -> bool:
        return any("games_day" in key for _, key in lake.store.calls)

    lake.crawl(-1440, [stream("1", 100)])
    lake.crawl(-1430, [stream("1", 100)])
    close_day(lake.store, KEYS, (MIDNIGHT - DAY).date(), until=NOON.date())
    assert (hours_watched(), tables_read()) == ([33], True)
    assert (hours_watched(), tables_read()) == ([33], False)
    lake.crawl(-1420, [stream("1", 100)])
    close_day(lake.store, KEYS, (MIDNIGHT - DAY).date(), until=NOON.date())
    assert (hours_watched(), tables_read()) == ([50], True)
    for damaged in (b"", b"not gzip", lake.store.objects[DIGEST][:-9]):
        lake.store.objects[DIGEST] = damaged
        assert (hours_watched(), tables_read()) == ([50], True)


def test_a_closed_day_without_its_tables_is_left_out_with_a_sentence(lake: Lake) -> None:
    lake.crawl(-1440, [stream("1", 100)])
    lake.crawl(-1430, [stream("1", 100)])
    close_day(lake.store, KEYS, (MIDNIGHT - DAY).date(), until=NOON.date())
    del lake.store.objects["twitch/metrics/games_day/dt=2026-11-22/games_day.parquet"]
    document = overview(lake, AT)
    (note,) = document["notes"]
    assert note == (
        "The day of 2026-11-22T00:00:00Z is left out: its table games_day is not as "
        f"{lake.store.uri('twitch/metrics/manifests/dt=2026-11-22/day.json')} says."
    )
    assert scope_of(document)["days"]["rows"] == []


def test_an_older_run_leaves_what_a_newer_one_wrote(lake: Lake) -> None:
    overview(lake, AT)
    before = lake.store.objects["twitch/latest/overview.json"]
    assert publish_overview(lake.store, KEYS, AT - timedelta(minutes=5), "1.0.0")
    assert lake.store.objects["twitch/latest/overview.json"] == before


def test_a_try_that_read_older_hours_begins_anew(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def wakes_late(key: str, body: bytes, **named: Any) -> bool:
        if key == KEYS.overview:
            monkeypatch.undo()
            lake.crawl(25, [stream("1", 777)])
            publish(lake)
            publish_overview(lake.store, KEYS, AT, "1.0.0")
        return lake.store.replace(key, body, **named)

    monkeypatch.setattr(lake.store, "replace", wakes_late)
    assert scope_of(overview(lake, AT))["now"]["viewers"] == 777


def test_an_overview_as_of_the_end_of_a_day_is_of_that_day(lake: Lake) -> None:
    for minutes in range(720, 745, 5):
        lake.crawl(minutes, [stream("1", 999)])
    close_day(lake.store, KEYS, NOON.date(), until=(NOON + DAY).date())
    scope = scope_of(overview(lake, MIDNIGHT + DAY))
    assert scope["now"]["viewers"] == 150
    assert rows_of(scope["days"])[-1]["day"] == scope["health"]["yesterday"]["day"] == "2026-11-23"
    assert rows_of(scope["snapshots"])[-1]["at"] < (MIDNIGHT + DAY).timestamp()
    assert scope["health"]["last_snapshot_at"] == "2026-11-23T12:20:02Z"


def test_hostile_text_comes_through_as_text() -> None:
    lake = Lake()
    for minutes in (0, 5):
        lake.crawl(
            minutes,
            [
                stream(
                    str(number), 100 - number, title=text, game_id=str(number), game_name=text, user_name=text
                )
                for number, text in enumerate(EVIL)
            ],
        )
    publish(lake)
    scope = scope_of(overview(lake, AT))
    body = lake.store.objects["twitch/latest/overview.json"].decode()
    assert not any(each in body for each in "<>&\u2028\u2029")
    shown = [EVIL[number].replace("\u2028", " ").replace("\u2029", " ") for number in range(len(EVIL))]
    assert [row["user_name"] for row in rows_of(scope["channels"])] == shown
    assert [row["game_name"] for row in rows_of(scope["games"])] == shown
    assert [row["title"] for row in rows_of(scope["channels"])] == [
        text if len(text) <= 80 else f"{text[:79]}…" for text in shown
    ]


def test_health_counts_rows_rejects_and_ad_hoc_runs_of_24_hours() -> None:
    lake = Lake()
    for minutes in (-1450, -30, 0, 5):
        lake.crawl(minutes, [stream("1"), stream("2", viewer_count="many")])
        lake.crawl(minutes + 1, [stream("1")], adhoc=True)
    publish(lake)
    health = scope_of(overview(lake, AT))["health"]
    assert [health[name] for name in ("rows", "rejects", "adhoc_runs", "incomplete_runs")] == [3, 3, 3, 0]
    assert [health[name] for name in ("points_left", "token_requests", "requests")] == [780, 1, 2]


def test_it_reads_at_most_eight_objects_at_once_and_a_bounded_number_of_them(lake: Lake) -> None:
    overview(lake, AT)
    lake.store.calls.clear()
    overview(lake, AT + HOUR)
    reads = [key for operation, key in lake.store.calls if operation != "put"]
    assert len(reads) < 48 + 4 * 7 + 30 + 40
