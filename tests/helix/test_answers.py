# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from twitch_provider.exceptions import (
    TwitchAPIError,
    TwitchConnectionError,
    TwitchRequestError,
    TwitchResponseError,
    TwitchServerError,
)
from twitch_provider.helix.answers import (
    Validation,
    read_page,
    read_response,
    read_token,
    read_validation,
)
from twitch_provider.helix.messages import Request

ASKED = Request("GET", "https://api.twitch.tv/helix/streams", (("first", "100"),), endpoint="streams")
VALIDATE = Request("GET", "https://id.twitch.tv/oauth2/validate", endpoint="oauth2/validate")
TOKEN = Request("POST", "https://id.twitch.tv/oauth2/token", endpoint="oauth2/token")


@pytest.mark.parametrize(
    "body",
    [b"", b"Bad Gateway", b"\xff\xfe", b"[" * 100_000, [], "down", {}, {"message": None}, {"message": 7}],
    ids=["empty", "text", "no UTF-8", "nested", "list", "string", "no message", "null", "number"],
)
def test_an_error_without_a_message_shows_its_status(answers: Any, body: Any) -> None:
    with pytest.raises(TwitchServerError) as caught:
        read_response(ASKED, answers.ok(body, 502))
    assert str(caught.value).startswith("streams(first=100): Twitch answered 502; try later")
    assert (caught.value.status, caught.value.detail) == (502, "")


def test_twitchs_message_is_one_short_line(answers: Any) -> None:
    message = "Malformed\n\tquery   params. " + "x" * 500
    with pytest.raises(TwitchRequestError) as caught:
        read_response(ASKED, answers.error(400, message))
    assert caught.value.detail == ("Malformed query params. " + "x" * 500)[:200] + "…"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "TwitchRequestError"), (408, "TwitchServerError"), (425, "TwitchServerError")]
)
def test_some_4xx_are_transient(answers: Any, status: int, kind: str) -> None:
    with pytest.raises(TwitchAPIError) as caught:
        read_response(ASKED, answers.error(status))
    assert type(caught.value).__name__ == kind


@pytest.mark.parametrize(
    ("detail", "advice"),
    [
        ("The login 'Name_7' does not exist", "correct the request: login='name_7'"),
        ("Malformed query params.", "correct the request: login='räuber'"),
        ("", "correct the request: login='räuber'"),
        ("of 100 logins", "correct the request: login='räuber'"),
    ],
)
def test_a_400_names_which_of_many_values_may_be_wrong(answers: Any, detail: str, advice: str) -> None:
    logins = tuple(("login", f"name_{number}") for number in range(99))
    request = Request(
        "GET", "https://api.twitch.tv/helix/users", (*logins, ("login", "räuber")), endpoint="users"
    )
    with pytest.raises(TwitchRequestError) as caught:
        read_response(request, answers.error(400, detail))
    assert str(caught.value).startswith("users(100 of login): Twitch answered 400")
    assert str(caught.value).endswith(advice)


def test_a_400_to_many_values_of_the_usual_form_says_how_many_may_be_wrong(answers: Any) -> None:
    ids = tuple(("id", str(number)) for number in range(60))
    request = Request(
        "GET", "https://x/games", (*ids, ("name", "a"), ("name", "b"), ("igdb_id", "7")), endpoint="games"
    )
    with pytest.raises(
        TwitchRequestError, match=r"any of its 60 values of id and 2 values of name may be wrong$"
    ):
        read_response(request, answers.error(400, "bad"))


def test_a_missing_answer_names_the_host_without_the_login_of_its_url(answers: Any) -> None:
    request = Request("GET", "https://user:word@proxy.example:8080/helix/streams", endpoint="streams")
    with pytest.raises(TwitchConnectionError) as caught:
        read_response(request, answers.failure("the connection broke"))
    assert "no answer from proxy.example:8080: the connection broke" in str(caught.value)
    assert "word" not in str(caught.value)


@pytest.mark.parametrize("total", [None, "8", 8.5, True])
def test_a_total_that_is_not_a_number_is_none(answers: Any, total: Any) -> None:
    assert read_page(ASKED, answers.ok({"data": [], "total": total})).total is None


@pytest.mark.parametrize("cursor", [7, ["c"], {"c": 1}, True])
def test_a_cursor_that_is_not_text_is_an_error_and_not_the_end(answers: Any, cursor: Any) -> None:
    with pytest.raises(TwitchResponseError, match=r"the cursor must be text, not "):
        read_page(ASKED, answers.ok({"data": [], "pagination": {"cursor": cursor}}))


def test_a_token_expires_in_seconds_from_its_receipt(answers: Any) -> None:
    token = read_token(TOKEN, answers.ok({"access_token": "t", "expires_in": 5011271}))
    assert token.expires_at == answers.received + timedelta(seconds=5011271)


@pytest.mark.parametrize(
    "expires_in", ["null", '"5011271"', "true", "1e300", "-1e300", "NaN", "9" * 40, "[5]"]
)
def test_an_invalid_expires_in_is_ignored(answers: Any, expires_in: str) -> None:
    body = f'{{"access_token": "t", "expires_in": {expires_in}}}'.encode()
    token = read_token(TOKEN, answers.ok(body))
    assert (token.value, token.expires_at) == ("t", None)


@pytest.mark.parametrize("expires_in", [None, "5011271", [5]])
def test_a_validation_may_leave_out_the_expiry(answers: Any, expires_in: Any) -> None:
    body = {"client_id": "client-id", "scopes": None, "expires_in": expires_in}
    assert read_validation(VALIDATE, answers.ok(body)) == Validation("client-id", None)


@pytest.mark.parametrize("body", [{}, {"client_id": None}, {"client_id": 7}, [], b"OK"])
def test_a_validation_without_a_client_id_is_an_error(answers: Any, body: Any) -> None:
    with pytest.raises(TwitchResponseError, match=r"^oauth2/validate: "):
        read_validation(VALIDATE, answers.ok(body))
