# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from demo.worlds.moving import MovingWorld
from tests.testing.client import Client

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing import Simulator
from twitch_provider.testing.world import Filters, Searchable, World

AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


def make(seed: int = 3, **options: Any) -> MovingWorld:
    return MovingWorld(seed, **{"streams": 400, "starts_at": AT, **options})


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def rows(world: MovingWorld, seconds: float = 0) -> list[dict[str, Any]]:
    return [dict(stream.row) for stream in world.at(after(seconds)).streams]


def counts(world: MovingWorld, seconds: float) -> dict[str, int]:
    """Viewers by broadcaster; without their rows, which take long to make."""
    return {stream.keys.user_id: int(stream.score) for stream in world.at(after(seconds)).streams}


@pytest.fixture(scope="module")
def world() -> MovingWorld:
    return make(streams=5_000)


def test_is_a_world_that_can_be_searched(world: MovingWorld) -> None:
    assert isinstance(world, Searchable)
    served: World = world
    assert served.starts_at == AT
    assert served.about == (
        "a moving Twitch from seed 3: 5,000 live streams in 120 categories, 5% churn every 60 s"
    )


def test_an_instant_looks_the_same_however_the_world_was_stepped() -> None:
    stepped = make()
    for seconds in (0, 7.5, 61, 400, 90):
        stepped.at(after(seconds))
    assert rows(stepped, 301) == rows(make(), 301)


def test_a_second_that_has_passed_looks_as_it_did() -> None:
    world = make()
    before = rows(world)
    assert rows(world, 900) != before
    assert rows(world) == before


@pytest.mark.parametrize("other", [{"seed": 4}, {"starts_at": after(1)}])
def test_another_seed_or_start_is_another_world(other: dict[str, Any]) -> None:
    assert rows(make(), 60) != rows(make(**other), 60)


def test_a_moment_stands_still_when_the_world_goes_on() -> None:
    world = make()
    moment = world.at(AT)
    before = [dict(stream.row) for stream in moment.streams]
    world.at(after(600))
    assert [dict(stream.row) for stream in moment.streams] == before


def test_audiences_fall_off_steeply(world: MovingWorld) -> None:
    viewers = [row["viewer_count"] for row in rows(world)]
    assert viewers == sorted(viewers, reverse=True)
    assert 1 <= statistics.median(viewers) <= 2
    assert viewers[0] > 1_000
    assert viewers[-1] == 0


def test_languages_have_their_shares(world: MovingWorld) -> None:
    languages = Counter(row["language"] for row in rows(world))
    assert 0.41 < languages["en"] / 5_000 < 0.49
    assert languages.keys() >= {"es", "zh-hk"}


def test_each_stream_is_counted_once_a_minute_at_a_second_of_its_own() -> None:
    world = make(lifetime_hours=100_000)
    seen = [counts(world, second) for second in range(121)]
    changes = [[at % 60 for at in range(120) if seen[at][key] != seen[at + 1][key]] for key in seen[0]]
    moved = [found for found in changes if found]
    assert len(moved) > 60
    assert all(len(set(found)) == 1 and len(found) <= 2 for found in moved)
    assert len({found[0] for found in moved}) > 30


def test_all_can_be_counted_at_once() -> None:
    world = make(staggered=False, lifetime_hours=100_000)
    assert counts(world, 1) == counts(world, 59)
    assert counts(world, 59) != counts(world, 60)


def test_a_churn_of_all_replaces_all_viewers_by_as_many() -> None:
    world = make(churn=1, lifetime_hours=100_000)
    before, later = counts(world, 0), counts(world, 60)
    audiences = [key for key, count in before.items() if count > 10]
    assert len(audiences) > 10
    assert 0.8 < sum(later[key] for key in audiences) / sum(before[key] for key in audiences) < 1.2
    assert statistics.mean(later[key] != before[key] for key in audiences) > 0.7


def test_without_churn_no_count_ever_moves() -> None:
    world = make(churn=0)
    before, later = counts(world, 0), counts(world, 600)
    assert all(later[key] == count for key, count in before.items() if key in later)


def test_as_many_broadcasts_begin_as_end_and_they_begin_small() -> None:
    world = make(streams=2_000)
    before, later = rows(world), rows(world, 600)
    old = {row["id"] for row in before}
    born = [row for row in later if row["id"] not in old]
    assert len(before) == len(later) == 2_000
    # 2,000 streams of 9,000 seconds: 133 end in 600.
    assert 90 < len(born) < 180
    assert all(datetime.fromisoformat(row["started_at"]) > AT for row in born)
    assert sum(row["viewer_count"] for row in born) < sum(row["viewer_count"] for row in before) / 20


def test_no_channel_is_live_twice_and_no_two_share_a_score(world: MovingWorld) -> None:
    streams = list(world.at(AT).streams)
    assert len({stream.keys.user_id for stream in streams}) == 5_000
    assert len({stream.row["id"] for stream in streams}) == 5_000
    assert len({stream.score for stream in streams}) == 5_000


def test_a_stream_keeps_its_tie_break() -> None:
    world = make(lifetime_hours=100_000)
    before = {stream.keys.user_id: stream.score % 1 for stream in world.at(AT).streams}
    later = {stream.keys.user_id: stream.score % 1 for stream in world.at(after(300)).streams}
    assert later == pytest.approx(before)


def test_odd_rows_can_be_switched_off() -> None:
    assert any(row["tags"] is None for row in rows(make(streams=2_000)))
    plain = rows(make(streams=2_000, oddities=False))
    assert all(row["tags"] is not None and row["title"] and row["game_id"] and row["type"] for row in plain)


FILTERS = {
    "a language": Filters(languages=frozenset({"en"})),
    "languages, one unknown": Filters(languages=frozenset({"es", "zh-hk", "xx"})),
    "only an unknown language": Filters(languages=frozenset({"xx"})),
    "games": Filters(game_ids=frozenset({"500000", "507919"})),
    "an unknown game": Filters(game_ids=frozenset({"1"})),
    "live only": Filters(live_only=True),
    "all kinds": Filters(languages=frozenset({"en"}), game_ids=frozenset({"500000"}), live_only=True),
    "nothing": Filters(),
}


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS.keys())
def test_filters_admit_what_a_scan_admits(world: MovingWorld, filters: Filters) -> None:
    moment = world.at(after(30))
    assert list(moment.select(filters)) == [stream for stream in moment.streams if filters.admit(stream.keys)]


def test_finds_live_broadcasters_by_id_and_login(world: MovingWorld) -> None:
    moment = world.at(after(30))
    one, two, three = moment.streams[0], moment.streams[40], moment.streams[4_999]
    filters = Filters(
        user_ids=frozenset({one.keys.user_id, three.keys.user_id, "no number", "1"}),
        user_logins=frozenset({two.keys.user_login, three.keys.user_login, "nobody"}),
    )
    assert list(moment.select(filters)) == [one, two, three]


def test_a_broadcaster_whose_stream_ended_is_not_found_but_known() -> None:
    world = make()
    before, later = world.at(AT), world.at(after(1_800))
    live = {stream.keys.user_id for stream in later.streams}
    gone = next(stream.keys for stream in before.streams if stream.keys.user_id not in live)
    assert list(later.select(Filters(user_ids=frozenset({gone.user_id})))) == []
    [channel] = world.channels(after(1_800), [gone.user_id], [])
    assert (channel.login, channel.language) == (gone.user_login, gone.language)
    assert channel in world.named(after(1_800), gone.user_login[:4])


def test_a_channel_shows_what_its_stream_shows(world: MovingWorld) -> None:
    row = world.at(AT).streams[2].row
    [channel] = world.channels(AT, [], [row["user_login"]])
    assert (channel.user_id, channel.title, channel.game_id) == (row["user_id"], row["title"], row["game_id"])


def test_games_are_ranked_by_their_viewers(world: MovingWorld) -> None:
    games = world.at(AT).games
    viewers: Counter[str] = Counter()
    for row in rows(world):
        viewers[row["game_id"]] += row["viewer_count"]
    assert len(games) == 120
    assert [game.score for game in games] == sorted({game.score for game in games}, reverse=True)
    assert all(int(game.score) == viewers[game.row["id"]] for game in games)


def test_knows_who_was_live_throughout() -> None:
    world = make(streams=100, lifetime_hours=0.05)
    seen = [{row["id"]: row["user_id"] for row in rows(world, second)} for second in range(60)]
    for first, last in ((0, 0), (0, 59), (20.9, 40.2), (59, 59)):
        window = seen[int(first) : int(last) + 1]
        always = set(window[0]).intersection(*window)
        assert world.live_throughout(after(first), after(last)) == always
        assert world.users_live_throughout(after(first), after(last)) == {window[0][key] for key in always}
    assert 0 < len(world.live_throughout(AT, after(59))) < 95


def test_who_was_live_does_not_depend_on_when_it_is_asked() -> None:
    asked_early, asked_late = make(lifetime_hours=0.05), make(lifetime_hours=0.05)
    asked_late.at(after(300))
    assert asked_early.live_throughout(after(5), after(60)) == asked_late.live_throughout(after(5), after(60))


def test_has_no_instants_before_its_start(world: MovingWorld) -> None:
    with pytest.raises(TwitchParameterError, match="starts at 2026-11-23T16:35:00Z, after"):
        world.at(after(-1))
    with pytest.raises(TwitchParameterError, match="after 2026-11-23T16:34:00Z"):
        world.live_throughout(after(-60), AT)


def test_the_end_of_a_window_comes_last(world: MovingWorld) -> None:
    with pytest.raises(TwitchParameterError, match="end must not be before start"):
        world.live_throughout(after(60), after(59))


@pytest.mark.parametrize(
    "bad",
    [
        {"streams": 0},
        {"streams": 2**20 + 1},
        {"games": 0},
        {"churn": -0.1},
        {"churn": 1.1},
        {"churn": float("nan")},
        {"refresh_seconds": 0},
        {"lifetime_hours": 0},
        {"category_hours": -1},
    ],
)
def test_refuses_a_number_out_of_range(bad: dict[str, Any]) -> None:
    with pytest.raises(TwitchParameterError, match=f"{next(iter(bad))} must be between"):
        make(**bad)


def test_refuses_a_start_without_a_time_zone() -> None:
    with pytest.raises(TwitchParameterError, match="must have a time zone"):
        make(starts_at=AT.replace(tzinfo=None))


def read(world: MovingWorld, *, seconds_a_page: float) -> tuple[list[str], set[str]]:
    """Read all streams by one cursor; the broadcasters in order of arrival, and those live throughout."""
    clock = [0.0]
    client = Client(Simulator(world, limit=100_000, clock=lambda: clock[0]))
    users: list[str] = []
    for page in client.pages("streams?first=100"):
        users += [row["user_id"] for row in page.payload["data"]]
        last = client.simulator.now
        clock[0] += seconds_a_page
    return users, world.users_live_throughout(AT, last)


def test_one_cursor_misses_some_streams_and_sees_others_twice() -> None:
    users, live = read(make(7, streams=1_000, churn=0.3), seconds_a_page=5)
    assert 0 < len(live - set(users)) < 0.2 * len(live)
    assert len(users) > len(set(users))


def test_a_world_that_does_not_change_is_read_whole() -> None:
    users, live = read(make(7, streams=1_000, churn=0, lifetime_hours=100_000), seconds_a_page=5)
    assert set(users) == live
    assert len(users) == len(live) == 1_000


def test_ended_streams_are_listed_for_3_to_15_minutes_more() -> None:
    plain, lagging = (make(lists_ended=lists_ended, lifetime_hours=0.5) for lists_ended in (False, True))
    last: dict[str, int] = {}
    listed: dict[str, int] = {}
    for second in range(0, 2_400, 20):
        live, seen = rows(plain, second), rows(lagging, second)
        last |= {row["id"]: second for row in live}
        ended = [row for row in seen if row not in live]
        assert [row for row in seen if row not in ended] == live
        listed |= {row["id"]: second - last[row["id"]] for row in ended if row["id"] in last}
    lags = [lag for key, lag in listed.items() if last[key] < 1_400]
    assert len(lags) > 100
    assert 170 <= min(lags) < 300 < 780 < max(lags) <= 910


def test_a_stream_that_ended_is_found_as_long_as_it_is_listed() -> None:
    world = make(lists_ended=True)
    before = {row["id"] for row in rows(make(), 600)}
    moment = world.at(after(600))
    ended = next(stream for stream in moment.streams if stream.row["id"] not in before)
    assert ended.row["id"] not in world.live_throughout(after(600), after(600))
    found = moment.select(
        Filters(user_ids=frozenset({ended.keys.user_id}), languages=frozenset({ended.keys.language}))
    )
    assert list(found) == [ended]


def test_broadcasts_switch_categories_and_nothing_else_changes() -> None:
    plain, switching = make(), make(category_hours=0.5)
    assert rows(switching) == rows(plain)
    before = {row["id"]: row for row in rows(plain, 600)}
    later = {row["id"]: row for row in rows(switching, 600)}
    games = ("game_id", "game_name")
    for key, row in before.items():
        assert row | dict.fromkeys(games) == later[key] | dict.fromkeys(games)
    switched = [key for key, row in before.items() if row["game_id"] != later[key]["game_id"]]
    # 400 streams of 1,800 seconds in a category: 133 leave it in 600, some for the same.
    assert 60 < len(switched) < 160
    row = later[switched[0]]
    [channel] = switching.channels(after(600), [row["user_id"]], [])
    assert channel.game_id == row["game_id"]
    [game] = [game.row for game in switching.at(after(600)).games if game.row["id"] == row["game_id"]]
    assert game["name"] == row["game_name"]
