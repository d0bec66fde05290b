# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchResponseError
from twitch_provider.helix.messages import Page, Request, Response, Sleep


@pytest.mark.parametrize(
    ("seconds", "level"), [(0.1, logging.DEBUG), (1.0, logging.INFO), (60.0, logging.INFO)]
)
def test_a_short_wait_is_logged_at_debug(seconds: float, level: int) -> None:
    assert Sleep(seconds, "waiting for a point of the rate limit").level == level


def test_a_request_is_shown_by_endpoint_and_its_first_parameters() -> None:
    few = Request("GET", "https://x/users", (("login", "a"), ("login", "b")), endpoint="users")
    many = Request("GET", "https://x/users", tuple(("id", str(n)) for n in range(100)), endpoint="users")
    assert str(few) == "users(login=a, login=b)"
    assert str(many) == "users(id=0, id=1, id=2, id=3, id=4, … 95 more)"


def test_nothing_secret_is_in_a_requests_repr() -> None:
    headers = {"Authorization": "Bearer hush"}
    request = Request(
        "POST", "https://x/token", headers=headers, body=b"client_secret=hush", secrets=("hush",)
    )
    assert "hush" not in repr(request)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff", b"[" * 100_000], ids=["empty", "html", "no UTF-8", "deep"]
)
def test_a_body_that_is_not_json_is_a_value_error(answers: Any, body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Response(200, {}, body, answers.received).json()


@pytest.mark.parametrize(
    ("date", "answered_at"),
    [
        ("Wed, 17 Jul 2024 12:00:05 GMT", "2024-07-17T12:00:05+00:00"),
        ("Wed, 17 Jul 2024 12:00:05 -0000", "2024-07-17T12:00:05+00:00"),
        ("Wed, 17 Jul 2024 14:00:05 +0200", "2024-07-17T12:00:05+00:00"),
        ("no date", "2026-11-23T16:35:07+00:00"),
    ],
)
def test_the_date_header_says_when_twitch_answered(answers: Any, date: str, answered_at: str) -> None:
    response = Response(200, {"date": date}, b"{}", answers.received)
    assert response.answered_at.isoformat() == answered_at


def test_the_rows_of_a_page_are_objects_or_an_error(answers: Any) -> None:
    page = Page("streams", (), answers.received, b"", rows=[], _new_rows=[{"id": "1"}], cursor=None)
    assert page.new_rows == [{"id": "1"}]
    page._new_rows.append("2")
    with pytest.raises(TwitchResponseError, match=r"^streams: a row must be an object, not str"):
        _ = page.new_rows
