# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from twitch_provider.exceptions import TwitchDataError, TwitchNotFoundError, TwitchServerError
from twitch_provider.helix import queries
from twitch_provider.helix.lookups import follower_count, read, require_games
from twitch_provider.helix.messages import Send


def test_reads_a_list_to_its_end(signed_in: Any, answers: Any) -> None:
    replies = [answers.error(503), answers.page("1", "2", cursor="a"), answers.page("2", "3")]
    pages = signed_in.play(read(signed_in.session, queries.streams()), replies).result
    assert [[row["id"] for row in page.fresh] for page in pages] == [["1", "2"], ["3"]]


def test_a_reading_that_its_driver_gives_up_leaves_no_point_under_way(signed_in: Any) -> None:
    steps = read(signed_in.session, queries.streams())
    assert isinstance(next(steps), Send)
    assert signed_in.session.limiter.in_flight == 1
    steps.close()
    assert signed_in.session.limiter.in_flight == 0


def test_the_follower_count_is_helix_s_total(signed_in: Any, answers: Any) -> None:
    played = signed_in.play(
        follower_count(signed_in.session, "7"), [answers.ok({"total": 8, "data": [], "pagination": {}})]
    )
    assert played.result == 8
    (request,) = played.sent
    assert (request.endpoint, dict(request.params)) == (
        "channels/followers",
        {"broadcaster_id": "7", "first": "1"},
    )


def test_nobody_follows_is_an_answer_too(signed_in: Any, answers: Any) -> None:
    steps = follower_count(signed_in.session, "7")
    assert signed_in.play(steps, [answers.ok({"total": 0, "data": []})]).result == 0


@pytest.mark.parametrize("body", [{"data": []}, {"data": [], "total": None}, {"data": [], "total": "8"}])
def test_a_count_that_twitch_does_not_say_is_an_error(
    signed_in: Any, answers: Any, body: dict[str, Any]
) -> None:
    with pytest.raises(TwitchDataError, match=r"^channels/followers: no total for broadcaster 7"):
        signed_in.play(follower_count(signed_in.session, "7"), [answers.ok(body)])


def test_an_error_of_the_walk_is_the_lookups_too(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchServerError, match=r"channels/followers\(.*\(page 1, 0 rows read so far\)"):
        signed_in.play(follower_count(signed_in.session, "7"), [answers.error(500)] * 4)


def test_games_that_twitch_knows_pass(signed_in: Any, answers: Any) -> None:
    played = signed_in.play(require_games(signed_in.session, ["2", "1", "2"]), [answers.page("1", "2")])
    assert [request.params for request in played.sent] == [(("id", "1"), ("id", "2"))]


def test_no_games_are_not_asked_for(signed_in: Any) -> None:
    assert signed_in.play(require_games(signed_in.session, []), []).sent == []


def test_more_than_a_hundred_games_take_several_requests(signed_in: Any, answers: Any) -> None:
    wanted = sorted(map(str, range(150)))
    replies = [answers.page(*wanted[:100]), answers.page(*wanted[100:])]
    assert len(signed_in.play(require_games(signed_in.session, wanted), replies).sent) == 2


def test_games_that_twitch_does_not_know_are_named(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchNotFoundError, match=r"^Twitch knows no game 3, 4; search_categories") as caught:
        signed_in.play(require_games(signed_in.session, ["4", "1", "3"]), [answers.page("1")])
    assert (caught.value.status, caught.value.endpoint, caught.value.fatal) == (404, "games", True)
