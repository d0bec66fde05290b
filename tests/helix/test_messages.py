# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchResponseError
from twitch_provider.helix.messages import Page, Request, Response, Sleep


@pytest.mark.parametrize(
    ("seconds", "level"), [(0.1, logging.DEBUG), (1.0, logging.INFO), (10.0, logging.WARNING)]
)
def test_a_short_wait_is_logged_at_debug_and_a_long_one_as_a_warning(seconds: float, level: int) -> None:
    assert Sleep(seconds, "waiting for a point of the rate limit").level == level


def test_a_request_is_shown_by_endpoint_and_parameters_and_long_lists_by_their_length() -> None:
    few = Request("GET", "https://x/users", (("login", "a"), ("login", "b")), endpoint="users")
    many = Request(
        "GET", "https://x/users", (*[("id", str(n)) for n in range(98)], ("login", "a")), endpoint="users"
    )
    assert str(few) == "users(login=a, login=b)"
    assert str(many) == "users(98 of id, login=a)"


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
    ("date", "instant"),
    [
        ("Wed, 17 Jul 2024 12:00:05 GMT", datetime(2024, 7, 17, 12, 0, 5, tzinfo=UTC)),
        ("Wed, 17 Jul 2024 12:00:05 -0000", datetime(2024, 7, 17, 12, 0, 5, tzinfo=UTC)),
        ("Wed, 17 Jul 2024 14:00:05 +0200", datetime(2024, 7, 17, 12, 0, 5, tzinfo=UTC)),
        ("no date", None),
    ],
)
def test_the_date_header_is_an_instant_or_none(answers: Any, date: str, instant: datetime | None) -> None:
    assert Response(200, {"date": date}, b"{}", answers.received).date == instant


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("https://api.twitch.tv/helix/streams", False),
        ("http://127.0.0.1:8080/mock/streams", True),
        ("http://[::1]/streams", True),
        ("http://localhost/streams", True),
    ],
)
def test_a_request_says_whether_it_stays_on_this_machine(url: str, loopback: bool) -> None:
    assert Request("GET", url).loopback is loopback


def test_the_rows_of_a_page_are_objects_or_an_error(answers: Any) -> None:
    page = Page("streams", (), answers.received, b"", rows=[], _new_rows=[{"id": "1"}], cursor=None)
    assert page.new_rows == [{"id": "1"}]
    page._new_rows.append("2")
    with pytest.raises(TwitchResponseError, match=r"^streams: a row must be an object, not str"):
        _ = page.new_rows


def test_a_page_has_its_body_as_text() -> None:
    at = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
    page = Page("streams", (), at, "{“é”}".encode(), [], [], None)
    assert page.text == "{“é”}"
