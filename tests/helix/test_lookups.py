# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from twitch_provider.exceptions import (
    TwitchDataError,
    TwitchNotFoundError,
    TwitchResponseError,
    TwitchServerError,
)
from twitch_provider.helix.lookups import follower_count, game_ids, require_games


def test_the_follower_count_is_the_total_of_the_answer(signed_in: Any, answers: Any) -> None:
    played = signed_in.play(
        follower_count(signed_in.session, "7"), [answers.ok({"total": 8, "data": [], "pagination": {}})]
    )
    assert played.result == 8
    (request,) = played.sent
    assert (request.endpoint, dict(request.params)) == (
        "channels/followers",
        {"broadcaster_id": "7", "first": "1"},
    )


def test_a_follower_count_may_be_0(signed_in: Any, answers: Any) -> None:
    steps = follower_count(signed_in.session, "7")
    assert signed_in.play(steps, [answers.ok({"total": 0, "data": []})]).result == 0


@pytest.mark.parametrize("body", [{"data": []}, {"data": [], "total": None}, {"data": [], "total": "8"}])
def test_a_missing_total_is_an_error(signed_in: Any, answers: Any, body: dict[str, Any]) -> None:
    with pytest.raises(TwitchDataError, match=r"^channels/followers: no total for broadcaster 7"):
        signed_in.play(follower_count(signed_in.session, "7"), [answers.ok(body)])


def test_an_error_of_its_request_is_raised(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchServerError, match=r"^channels/followers\(broadcaster_id=7, first=1\): "):
        signed_in.play(follower_count(signed_in.session, "7"), [answers.error(500)] * 4)


def test_games_that_twitch_knows_pass(signed_in: Any, answers: Any) -> None:
    played = signed_in.play(require_games(signed_in.session, ["2", "1", "2"]), [answers.page("1", "2")])
    assert [request.params for request in played.sent] == [(("id", "1"), ("id", "2"))]


def test_requiring_no_games_sends_nothing(signed_in: Any) -> None:
    assert signed_in.play(require_games(signed_in.session, []), []).sent == []


def test_more_than_a_hundred_games_take_several_requests(signed_in: Any, answers: Any) -> None:
    wanted = sorted(map(str, range(150)))
    replies = [answers.page(*wanted[:100]), answers.page(*wanted[100:])]
    assert len(signed_in.play(require_games(signed_in.session, wanted), replies).sent) == 2


def test_a_game_that_is_not_an_object_is_an_error(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchResponseError, match="games: a row must be an object, not NoneType"):
        signed_in.play(require_games(signed_in.session, ["1"]), [answers.ok({"data": [None]})])


def test_games_that_twitch_does_not_know_are_named(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchNotFoundError, match=r"^Twitch does not know these games: 3, 4; ") as caught:
        signed_in.play(require_games(signed_in.session, ["4", "1", "3"]), [answers.page("1")])
    assert (caught.value.status, caught.value.endpoint, caught.value.fatal) == (404, "games", True)


@pytest.mark.parametrize("malformed", [["1"], {"id": "1"}, 1, None])
def test_an_id_that_is_not_text_is_not_a_known_game(signed_in: Any, answers: Any, malformed: Any) -> None:
    rows = {"data": [{"id": malformed}, {"id": "2"}]}
    with pytest.raises(TwitchNotFoundError, match=r"^Twitch does not know these games: 1; "):
        signed_in.play(require_games(signed_in.session, ["1", "2"]), [answers.ok(rows)])


def test_ids_of_games_come_in_the_order_of_the_names(signed_in: Any, answers: Any) -> None:
    rows = {"data": [{"id": "7", "name": "Chess"}, {"id": "8", "name": "Art"}]}
    played = signed_in.play(game_ids(signed_in.session, ["art", "Chess"]), [answers.ok(rows)])
    assert played.result == ["8", "7"]
    assert [request.params for request in played.sent] == [(("name", "art"), ("name", "Chess"))]


def test_names_of_games_that_twitch_does_not_know_are_named(signed_in: Any, answers: Any) -> None:
    rows = {"data": [{"id": "7", "name": "Chess"}, {"id": None, "name": "Art"}]}
    sentence = "^Twitch does not know these categories: Just Talking, Art; TwitchHook.search_categories finds"
    with pytest.raises(TwitchNotFoundError, match=sentence) as caught:
        signed_in.play(game_ids(signed_in.session, ["Just Talking", "Chess", "Art"]), [answers.ok(rows)])
    assert list(caught.value.unknown) == ["Just Talking", "Art"]
