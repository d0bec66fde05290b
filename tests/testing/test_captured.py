# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.testing import CapturedWorld, Simulator

NOON = datetime(2024, 7, 17, 12, tzinfo=UTC)


def row(name: str, viewers: Any, game: str = "1", **more: Any) -> dict[str, Any]:
    return {
        "id": f"stream-{name}",
        "user_id": f"user-{name}",
        "user_login": name,
        "user_name": name.title(),
        "game_id": game,
        "game_name": f"Game {game}",
        "type": "live",
        "title": f"title of {name}",
        "viewer_count": viewers,
        "started_at": "2024-07-17T11:00:00Z",
        "language": "en",
        "tags": ["English"],
        **more,
    }


@pytest.fixture
def serve(make_client: Callable[..., Any]) -> Callable[..., Any]:
    def serve(*streams: dict[str, Any], **options: Any) -> Any:
        return make_client(CapturedWorld(streams, **options), at=None)

    return serve


def names(client: Any, endpoint: str) -> list[str]:
    return [row["user_login"] for row in client.data(endpoint)]


def test_rows_are_served_exactly_as_given(serve: Callable[..., Any]) -> None:
    recorded = [row("a", 3, ended_at="x", peaks=[1, 2]), row("b", 2, tags=None)]
    assert serve(*recorded).data("streams") == recorded


def test_equals_stay_in_the_given_order(serve: Callable[..., Any]) -> None:
    client = serve(row("a", 5), row("b", 9), row("c", 5), row("d", 5))
    assert names(client, "streams") == ["b", "a", "c", "d"]


def test_a_row_without_a_number_stays_beside_its_neighbour(serve: Callable[..., Any]) -> None:
    client = serve(row("a", [98, 1]), row("b", 9), row("c", None), row("d", True), row("e", 3))
    assert names(client, "streams") == ["a", "b", "c", "d", "e"]


def test_a_captured_list_was_cut_off_so_its_last_page_has_a_cursor(serve: Callable[..., Any]) -> None:
    client = serve(row("a", 5), row("b", 4), row("c", 3, game="2"))
    pages = list(client.pages("streams?first=100&game_id=1"))
    assert [len(page.payload["data"]) for page in pages] == [2, 0]
    assert pages[-1].payload["pagination"] == {}


def test_a_game_without_captured_rows_is_empty(serve: Callable[..., Any]) -> None:
    assert serve(row("a", 5)).get("streams?game_id=9").payload == {"data": [], "pagination": {}}


def test_games_are_derived_from_the_streams_by_viewers(serve: Callable[..., Any]) -> None:
    rows = [row("a", [1], "3"), row("b", 5, "1"), row("c", 4, "2"), row("d", 4, "2"), row("e", 1, "")]
    games = serve(*rows).data("games/top")
    assert [game["id"] for game in games] == ["2", "1", "3"]
    assert games[0] == {
        "id": "2",
        "name": "Game 2",
        "box_art_url": "https://static-cdn.jtvnw.net/ttv-boxart/2-{width}x{height}.jpg",
        "igdb_id": "",
    }


def test_given_games_come_in_the_given_order(serve: Callable[..., Any]) -> None:
    games = [{"id": "7", "name": "Seven", "box_art_url": ""}, {"id": "1", "name": "One", "box_art_url": ""}]
    client = serve(row("a", 5, "1"), row("b", 4, "2"), games=games)
    assert client.data("games/top") == games
    assert client.data("games?id=2")[0]["name"] == "Game 2"


def test_starts_five_minutes_after_its_latest_stream(serve: Callable[..., Any]) -> None:
    client = serve(row("a", 5, started_at="2024-07-17T11:55:00Z"), row("b", 4, started_at="x"))
    assert client.simulator.now == NOON
    assert client.get("streams").headers["Date"] == "Wed, 17 Jul 2024 12:00:00 GMT"


def test_starts_when_it_was_taken_if_that_is_known(serve: Callable[..., Any]) -> None:
    assert serve(row("a", 5), taken_at=NOON - timedelta(hours=1)).simulator.now.hour == 11


def test_needs_an_instant() -> None:
    with pytest.raises(ValueError, match="no stream has a started_at"):
        CapturedWorld([row("a", 5, started_at="")])


def test_knows_the_channels_that_are_live(serve: Callable[..., Any]) -> None:
    client = serve(row("a", 5), row("b", 4, tags=None))
    assert [user["login"] for user in client.data("users?id=user-a&login=b&login=c")] == ["a", "b"]
    assert client.data("channels?broadcaster_id=user-b")[0]["tags"] == []
    assert client.data("users?id=nobody") == []


def test_needs_a_time_zone() -> None:
    with pytest.raises(TwitchConfigError, match="must have a time zone"):
        Simulator(CapturedWorld([row("a", 5)], taken_at=NOON.replace(tzinfo=None)))
