# SPDX-License-Identifier: Apache-2.0
"""Logins, and which channels a sensor waits for."""

from __future__ import annotations

from typing import Any

import pytest

from twitch_provider.exceptions import TwitchNotFoundError, TwitchParameterError
from twitch_provider.triggers.channels import Names, logins_of, require_known, wait_rule


def test_logins_are_lower_case_once_each_and_in_order() -> None:
    assert logins_of([" Monstercat", "nasa", "MONSTERCAT", "a_1"]) == ["monstercat", "nasa", "a_1"]
    assert logins_of("NASA") == ["nasa"]


@pytest.mark.parametrize(
    "value", ["", [], (), None, 7, [7], "a b", "a,b", ["a", ""], b"nasa", {"nasa": 1}, "é", "a" * 26, "nasa/"]
)
def test_refuses_an_invalid_login(value: Any) -> None:
    with pytest.raises(TwitchParameterError, match="user_logins must") as caught:
        logins_of(value)
    assert caught.value.parameter == "user_logins"


def test_rows_are_found_by_login_in_any_case() -> None:
    assert Names().by_login([{"user_login": "Ann", "id": "1"}]) == {"ann": {"user_login": "Ann", "id": "1"}}


@pytest.mark.parametrize("blank", ["", " ", None])
def test_a_row_without_a_login_is_found_by_the_id_that_it_had(blank: Any) -> None:
    names, row = Names(), {"user_login": blank, "user_id": "1"}
    assert names.to_look_up(["ann", "bob"], [row, {"user_login": "bob", "user_id": "2"}]) == ["ann"]
    names.by_login([{"user_login": "Ann", "user_id": "1"}])
    assert names.to_look_up(["ann", "bob"], [row]) == []
    assert names.by_login([row]) == {"ann": row}


def test_a_row_without_a_login_is_found_by_the_id_of_a_user() -> None:
    names, row = Names(), {"user_login": "", "user_id": "1"}
    names.learn([{"id": "1", "login": "Ann"}, {"id": "2", "login": "bob"}], [row])
    assert names.by_login([row]) == {"ann": row}


@pytest.mark.parametrize("row", [{"user_id": "7", "user_login": ""}, {"user_login": None}, {}])
def test_a_row_that_belongs_to_nobody_is_logged_and_looked_up_once(
    row: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    names = Names()
    assert names.to_look_up(["none"], [row]) == ["none"]
    names.learn([{"id": "1", "login": "none"}], [row])
    assert "Ignoring a live stream without user_login" in caplog.text
    assert names.to_look_up(["none"], [row]) == []
    assert names.by_login([row]) == {}


@pytest.mark.parametrize(
    ("wait_for", "live", "over"),
    [
        ("any", [False, False], False),
        ("any", [True, False], True),
        ("all", [True, False], False),
        ("all", [True, True], True),
    ],
)
def test_waits_for_any_or_all_channels(wait_for: str, live: list[bool], over: bool) -> None:
    assert wait_rule(wait_for)(live) is over


def test_refuses_another_rule() -> None:
    with pytest.raises(TwitchParameterError, match="wait_for must be any or all, not 'some'"):
        wait_rule("some")


def test_names_channels_that_twitch_does_not_know() -> None:
    require_known(["ann"], [{"login": "Ann"}])
    with pytest.raises(TwitchNotFoundError, match="no channel ben, cid: misspelt") as caught:
        require_known(["ann", "ben", "cid"], [{"login": "ann"}])
    assert (caught.value.fatal, caught.value.status, caught.value.endpoint) == (True, 404, "users")
