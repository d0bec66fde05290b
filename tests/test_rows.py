# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from twitch_provider.rows import instant_text, is_live, parse_instant, text_of


@pytest.mark.parametrize(
    ("row", "live"),
    [({"type": "live"}, True), ({"type": ""}, False), ({"type": "rerun"}, False), ({}, False), (None, False)],
)
def test_a_row_is_live_if_it_says_so(row: Any, live: bool) -> None:
    assert is_live(row) is live


@pytest.mark.parametrize("row", [{}, {"title": None}, {"title": ""}, {"title": " \t\u2003"}, {"title": 7}])
def test_a_missing_text_is_empty(row: dict[str, Any]) -> None:
    assert text_of(row, "title") == ""


def test_a_text_has_no_blanks_at_its_ends() -> None:
    assert text_of({"user_login": " ann\n"}, "user_login") == "ann"


@pytest.mark.parametrize("fraction", ["", ".5", ".999999999"])
def test_an_instant_is_in_whole_seconds(fraction: str) -> None:
    assert parse_instant(f"2026-11-23T16:35:02{fraction}Z") == datetime(2026, 11, 23, 16, 35, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23",
        "2026-11-23T16:35:02",
        "2026-11-23T16:35:02+00:00",
        "2026-11-23T16:35:02Z\n",
        "2026-02-30T16:35:02Z",
        "2026-11-23T24:00:00Z",
        "٢٠٢٦-11-23T16:00:00Z",
    ],
)
def test_anything_else_is_not_an_instant(text: str) -> None:
    assert parse_instant(text) is None


def test_an_instant_has_one_text() -> None:
    instant = datetime(2026, 11, 23, 17, 35, 2, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert instant_text(instant) == "2026-11-23T16:35:02Z"
    assert parse_instant(instant_text(instant)) == instant.replace(microsecond=0)
