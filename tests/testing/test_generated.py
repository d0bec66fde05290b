# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing.generated import GeneratedWorld

AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


def rows(world: GeneratedWorld, now: datetime = AT) -> list[dict[str, Any]]:
    return [dict(stream.row) for stream in world.at(now).streams]


@pytest.fixture(scope="module")
def world() -> GeneratedWorld:
    return GeneratedWorld(3)


@pytest.fixture(scope="module")
def live(world: GeneratedWorld) -> list[dict[str, Any]]:
    return rows(world)


def test_is_the_same_for_the_same_seed_and_instant() -> None:
    travelled = GeneratedWorld(5, streams=200)
    travelled.at(AT - timedelta(days=3))
    travelled.at(AT + timedelta(days=3))
    assert rows(travelled) == rows(GeneratedWorld(5, streams=200))


def test_differs_for_another_seed() -> None:
    assert rows(GeneratedWorld(5, streams=50)) != rows(GeneratedWorld(6, streams=50))


def test_has_as_many_streams_and_games_as_asked(world: GeneratedWorld, live: list[dict[str, Any]]) -> None:
    assert len(live) == len({row["id"] for row in live}) == len({row["user_id"] for row in live}) == 6_000
    assert len({row["user_login"] for row in live}) == 6_000
    games = world.at(AT).games
    assert len(games) == len({game.row["name"] for game in games}) == 120


def test_viewers_fall_off_like_zipf(live: list[dict[str, Any]]) -> None:
    counts = [row["viewer_count"] for row in live]
    assert 25_000 < counts[0] < 130_000
    assert 500 < counts[99] < 5_000
    assert 5 < counts[-1] < 40


def test_languages_have_their_shares(live: list[dict[str, Any]]) -> None:
    languages = Counter(row["language"] for row in live)
    assert 0.41 < languages["en"] / 6_000 < 0.49
    assert languages.keys() >= {"es", "ru", "ja", "ar", "other", "zh-hk"}


def test_the_biggest_category_has_its_share(live: list[dict[str, Any]]) -> None:
    [(_, biggest)] = Counter(row["game_id"] for row in live).most_common(1)
    assert 0.10 < biggest / 6_000 < 0.20


def test_counts_move_within_a_minute_and_hold_between(world: GeneratedWorld) -> None:
    assert rows(world, AT) == rows(world, AT + timedelta(seconds=59))
    before = {row["id"]: row["viewer_count"] for row in rows(world)}
    after = {row["id"]: row["viewer_count"] for row in rows(world, AT + timedelta(seconds=60))}
    ratios = [after[key] / count for key, count in before.items() if key in after and count > 100]
    assert 0.8 < min(ratios) < 0.97
    assert 1.03 < max(ratios) < 1.4


def test_streams_come_and_go(world: GeneratedWorld) -> None:
    before = {row["id"] for row in rows(world)}
    after = {row["id"] for row in rows(world, AT + timedelta(minutes=5))}
    assert len(before) == len(after)
    assert 0.01 < len(before - after) / len(before) < 0.12


def test_no_stream_starts_in_the_future_and_some_run_for_years(live: list[dict[str, Any]]) -> None:
    starts = [datetime.fromisoformat(row["started_at"]) for row in live]
    assert max(starts) <= AT
    assert any(AT - start > timedelta(days=60) for start in starts)


def test_no_two_streams_share_a_place(world: GeneratedWorld) -> None:
    scores = [stream.score for stream in world.at(AT).streams]
    assert len(set(scores)) == len(scores)


def test_titles_have_what_breaks_a_careless_csv(live: list[dict[str, Any]]) -> None:
    titles = "\x00".join(row["title"] for row in live)
    for needle in (
        ",",
        '"',
        "\n",
        "\x00=",
        "\N{ZERO WIDTH JOINER}",
        "&amp;",
        "\u0301",
        "\x07",
        "ม",
        "م",
        "Г",
    ):
        assert needle in titles, ascii(needle)
    assert unicodedata.normalize("NFC", titles) != titles


def test_some_rows_are_odd_as_the_real_ones_are(live: list[dict[str, Any]]) -> None:
    assert any(row["tags"] is None for row in live)
    assert any(row["tag_ids"] is None for row in live)
    assert any(row["title"] == "" for row in live)
    assert any(row["game_id"] == row["game_name"] == "" for row in live)
    assert any(row["type"] == "" for row in live)


def test_odd_rows_can_be_switched_off() -> None:
    live = rows(GeneratedWorld(3, streams=2_000, oddities=False))
    assert all(row["tags"] is not None and row["title"] and row["game_id"] and row["type"] for row in live)


@pytest.mark.parametrize("size", [{"streams": 0}, {"streams": 2**20 + 1}, {"games": 0}, {"games": 10_000}])
def test_refuses_a_size_out_of_range(size: dict[str, Any]) -> None:
    with pytest.raises(TwitchParameterError, match=f"{next(iter(size))} must be between 1 and"):
        GeneratedWorld(**size)


def test_ended_streams_are_listed_for_3_to_15_minutes_more() -> None:
    plain, lagging = GeneratedWorld(5, streams=400), GeneratedWorld(5, streams=400, lists_ended=True)
    last: dict[str, int] = {}
    listed: dict[str, int] = {}
    for minute in range(60):
        now = AT + timedelta(minutes=minute)
        live, seen = rows(plain, now), rows(lagging, now)
        last |= {row["id"]: minute for row in live}
        ended = [row for row in seen if row not in live]
        assert (
            len(seen) == len(live) + len(ended) == len({stream.score for stream in lagging.at(now).streams})
        )
        listed |= {row["id"]: minute - last[row["id"]] for row in ended if row["id"] in last}
    lags = [lag for key, lag in listed.items() if last[key] < 44]
    assert len(lags) > 50
    assert 3 <= min(lags) < 5 < 13 < max(lags) <= 15
