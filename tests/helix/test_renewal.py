# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchAuthError, TwitchServerError
from twitch_provider.helix.messages import Call, Send, Sleep
from twitch_provider.helix.renewal import POLL, get_token, longest_wait
from twitch_provider.helix.token import AppToken


def test_takes_the_token_that_is_held_and_asks_nobody(signed_in: Any) -> None:
    signed_in.tokens.done.clear()
    token, new = signed_in.play(get_token(signed_in.session), []).result
    assert (token.value, new) == ("token-0", False)
    assert signed_in.tokens.done == []


def test_takes_the_token_that_another_process_left(twitch: Any) -> None:
    twitch.tokens.cached = AppToken("left-there")
    token, new = twitch.play(get_token(twitch.session), []).result
    assert (token.value, new) == ("left-there", False)
    assert twitch.tokens.done == ["claim", "recall", "release"]


def test_fetches_one_under_claim_and_lock_and_shares_it(twitch: Any, answers: Any) -> None:
    played = twitch.play(get_token(twitch.session), [answers.token])
    token, new = played.result
    assert (token.value, new) == ("token-1", True)
    assert token.expires_at == answers.received + timedelta(seconds=5011271)
    assert twitch.tokens.done == ["claim", "recall", "lock", "recall", "keep", "unlock", "release"]
    assert twitch.session.stats["tokens"] == 1


def test_waits_for_a_conversation_of_this_process(twitch: Any) -> None:
    steps = get_token(twitch.session)
    twitch.tokens.busy = 1
    assert next(steps) == Sleep(POLL, "another conversation or process is fetching the app token")
    twitch.tokens.token = AppToken("of the other one")
    with pytest.raises(StopIteration) as done:
        next(steps)
    assert done.value.value == (AppToken("of the other one"), False)


def test_waits_for_another_process_and_takes_what_it_left(twitch: Any) -> None:
    twitch.tokens.locked = 2
    steps = get_token(twitch.session)
    slept: list[Sleep] = []

    def play() -> None:
        step = next(steps)
        while True:
            if isinstance(step, Sleep):
                slept.append(step)
                twitch.tokens.cached = AppToken("of the other process")
            step = steps.send(step.function() if isinstance(step, Call) else None)

    with pytest.raises(StopIteration) as done:
        play()
    assert done.value.value == (AppToken("of the other process"), False)
    assert len(slept) == 2
    assert twitch.tokens.done[-2:] == ["unlock", "release"]


@pytest.mark.parametrize("stuck", ["busy", "locked"])
def test_does_not_wait_endlessly_for_a_fetch_that_is_stuck(twitch: Any, answers: Any, stuck: str) -> None:
    setattr(twitch.tokens, stuck, 1_000_000)
    played = twitch.play(get_token(twitch.session), [answers.token])
    assert played.result == (AppToken("token-1", played.result[0].expires_at), True)
    assert sum(played.slept) == pytest.approx(longest_wait(twitch.session), abs=2 * POLL)
    assert twitch.tokens.token is not None


@pytest.mark.parametrize("failure", ["refused", "down"])
def test_releases_claim_and_lock_when_the_fetch_fails(twitch: Any, answers: Any, failure: str) -> None:
    replies = [answers.error(403)] if failure == "refused" else [answers.error(503)] * 4
    with pytest.raises(TwitchAuthError if failure == "refused" else TwitchServerError):
        twitch.play(get_token(twitch.session), replies)
    assert twitch.tokens.done[-2:] == ["unlock", "release"]


def test_releases_claim_and_lock_when_the_driver_stops(twitch: Any) -> None:
    steps = get_token(twitch.session)
    step = next(steps)
    while not isinstance(step, Send):
        step = steps.send(step.function() if isinstance(step, Call) else None)
    steps.close()
    assert twitch.tokens.done[-2:] == ["unlock", "release"]


@pytest.mark.parametrize("expires_in", [None, True, "soon", 1e300, float("nan")])
def test_an_invalid_lifetime_is_ignored(twitch: Any, answers: Any, expires_in: Any) -> None:
    reply = answers.ok({"access_token": "abc", "expires_in": expires_in})
    token, _ = twitch.play(get_token(twitch.session), [reply]).result
    assert token == AppToken("abc", None)


def test_the_credentials_travel_in_the_body_alone(twitch: Any, answers: Any) -> None:
    (request,) = twitch.play(get_token(twitch.session), [answers.token]).sent
    assert (request.method, request.url) == ("POST", "https://id.twitch.tv/oauth2/token")
    assert request.params == ()
    assert request.body == b"client_id=client-id&client_secret=client-secret&grant_type=client_credentials"
