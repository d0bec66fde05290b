# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.world import rfc3339


@pytest.fixture
def channel(client: Any) -> str:
    """A channel with several pages of videos and clips."""
    for stream in client.data("streams?first=100"):
        user_id: str = stream["user_id"]
        if all(
            len(client.data(f"{query}={user_id}&first=100")) == 100
            for query in ("videos?user_id", "clips?broadcaster_id")
        ):
            return user_id
    raise AssertionError("the world has no such channel")


@pytest.fixture
def game(client: Any) -> str:
    game: str = client.data("games/top?first=1")[0]["id"]
    return game


@pytest.mark.parametrize(
    "endpoint",
    [
        "videos",
        "videos?id=1&user_id=1",
        "videos?user_id=1&game_id=1",
        "videos?" + "&".join(f"id={number}" for number in range(101)),
        "videos?user_id=1&period=year",
        "videos?user_id=1&sort=newest",
        "videos?user_id=1&type=premiere",
        "videos?user_id=1&first=101",
        "videos?user_id=1&after=nonsense",
        "videos?user_id=1&language=en",
        "videos?id=1&first=5",
        "clips",
        "clips?id=1&game_id=1",
        "clips?broadcaster_id=1&first=0",
        "clips?broadcaster_id=1&is_featured=yes",
        "clips?broadcaster_id=1&started_at=yesterday",
        "clips?broadcaster_id=1&started_at=2026-11-23T16:35:00",
        "clips?broadcaster_id=1&ended_at=2026-11-23T16:35:00Z",
    ],
)
def test_refuses_a_bad_parameter(client: Any, endpoint: str) -> None:
    answer = client.get(endpoint)
    assert (answer.status, answer.payload["error"]) == (400, "Bad Request")


def test_a_games_videos_have_one_page(client: Any, game: str) -> None:
    cursor = client.get(f"videos?game_id={game}&first=5").payload["pagination"]["cursor"]
    assert client.get(f"videos?game_id={game}&after={cursor}").status == 400


@pytest.mark.parametrize("endpoint", ["videos?game_id=1", "clips?game_id=1", "videos?id=1&id=nonsense"])
def test_an_unknown_game_or_video_is_not_found(client: Any, endpoint: str) -> None:
    assert client.get(endpoint).payload["status"] == 404


@pytest.mark.parametrize("endpoint", ["videos?user_id=1", "clips?broadcaster_id=1", "clips?id=1&id=x-1-x"])
def test_an_unknown_channel_has_nothing(client: Any, endpoint: str) -> None:
    assert client.data(endpoint) == []


@pytest.mark.parametrize("query", ["videos?user_id", "clips?broadcaster_id"])
def test_a_channels_list_comes_in_pages_each_row_once(client: Any, channel: str, query: str) -> None:
    pages = list(client.pages(f"{query}={channel}&first=100"))
    rows = [row for page in pages for row in page.payload["data"]]
    assert len(pages) >= 2
    assert len({row["id"] for row in rows}) == len(rows) > 100
    assert pages[-1].payload["pagination"] == {}
    assert rows == client.rows(f"{query}={channel}&first=7")


def test_videos_are_sorted_as_requested(client: Any, channel: str) -> None:
    latest = [row["created_at"] for row in client.rows(f"videos?user_id={channel}&first=100")]
    assert latest == sorted(latest, reverse=True)
    for order in ("views", "trending"):
        rows = client.rows(f"videos?user_id={channel}&first=100&sort={order}")
        counts = [row["view_count"] for row in rows]
        assert counts == sorted(counts, reverse=True)
        assert len(counts) == len(latest)


@pytest.mark.parametrize("kind", ["archive", "highlight", "upload"])
def test_videos_are_filtered_by_type(client: Any, channel: str, kind: str) -> None:
    rows = client.rows(f"videos?user_id={channel}&first=100")
    wanted = client.rows(f"videos?user_id={channel}&first=100&type={kind}")
    assert wanted == [row for row in rows if row["type"] == kind] != []
    assert {row["stream_id"] is None for row in wanted} == {kind != "archive"}


def test_videos_are_filtered_by_period(client: Any, channel: str) -> None:
    since = rfc3339(client.simulator.now - timedelta(days=30))
    rows = client.rows(f"videos?user_id={channel}&first=100")
    assert client.rows(f"videos?user_id={channel}&first=100&period=month") == [
        row for row in rows if row["created_at"] >= since
    ]
    assert all(row["created_at"] <= rfc3339(client.simulator.now) for row in rows)


def test_videos_and_clips_of_a_game_are_those_of_its_channels(client: Any, game: str) -> None:
    live = {row["user_id"] for row in client.rows(f"streams?first=100&game_id={game}")}
    videos = client.data(f"videos?game_id={game}&first=100")
    assert {row["user_id"] for row in videos} <= live
    assert {row["language"] for row in client.data(f"videos?game_id={game}&first=100&language=en")} == {"en"}
    clips = client.data(f"clips?game_id={game}&first=100")
    assert {row["broadcaster_id"] for row in clips} <= live
    assert {row["game_id"] for row in clips} == {game}


def test_a_games_clips_end_at_a_thousand(client: Any, game: str) -> None:
    assert len(client.rows(f"clips?game_id={game}&first=100")) == 1_000


def test_videos_and_clips_are_found_by_their_ids(client: Any, channel: str) -> None:
    first, second = client.data(f"videos?user_id={channel}&first=2")
    answer = client.get(f"videos?id={second['id']}&id={first['id']}&id=1&id={second['id']}")
    assert answer.payload == {"data": [second, first], "pagination": {}}
    first, second = client.data(f"clips?broadcaster_id={channel}&first=2")
    # An answer by ids has no pagination.
    assert client.get(f"clips?id={second['id']}&id={first['id']}").payload == {"data": [second, first]}


def test_clips_come_by_views_within_their_window(client: Any, channel: str) -> None:
    rows = client.rows(f"clips?broadcaster_id={channel}&first=100")
    assert [row["view_count"] for row in rows] == sorted((row["view_count"] for row in rows), reverse=True)
    days = sorted(row["created_at"][:10] for row in rows)
    start, end = f"{days[20]}T00:00:00Z", f"{days[40]}T00:00:00Z"
    window = f"clips?broadcaster_id={channel}&first=100&started_at={start}"
    assert client.data(f"{window}&ended_at={end}") == [
        row for row in rows if start <= row["created_at"] <= end
    ]
    a_week_later = rfc3339(datetime.fromisoformat(start) + timedelta(days=7))
    assert client.data(window) == [row for row in rows if start <= row["created_at"] <= a_week_later]


def test_clips_are_filtered_by_whether_they_are_featured(client: Any, channel: str) -> None:
    rows = client.rows(f"clips?broadcaster_id={channel}&first=100")
    for text, flag in (("true", True), ("false", False)):
        featured = client.rows(f"clips?broadcaster_id={channel}&first=100&is_featured={text}")
        assert featured == [row for row in rows if row["is_featured"] is flag] != []


def test_a_clips_video_is_there_or_not_named(client: Any, game: str) -> None:
    rows = client.rows(f"clips?game_id={game}&first=100")
    assert {row["vod_offset"] is None for row in rows if not row["video_id"]} == {True}
    named = {row["video_id"] for row in rows[:200] if row["video_id"]}
    found = [client.data(f"videos?id={video_id}")[0] for video_id in named]
    assert {row["id"] for row in found} == named != set()


def test_videos_change_with_the_worlds_time(make_client: Callable[..., Any]) -> None:
    client = make_client(GeneratedWorld(7, streams=50))
    user_id = max(
        (row["user_id"] for row in client.data("streams?first=50")),
        key=lambda each: len(client.rows(f"videos?user_id={each}&first=100")),
    )
    before = client.rows(f"videos?user_id={user_id}&first=100")
    client.simulator.advance(20 * 86_400)
    after = client.rows(f"videos?user_id={user_id}&first=100")
    known = {row["id"] for row in before}
    assert [row for row in after if row["id"] in known] == [row for row in before if row in after]
    assert len(after) == len(before)
    assert after[0]["created_at"] > before[0]["created_at"]
