# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import json
from collections.abc import Sequence

import pytest

from twitch_provider.testing import cursors
from twitch_provider.testing.world import Entry

LIST = [Entry(score, {"id": str(score)}) for score in (9.5, 7.25, 7.0, 3.5, 1.0)]


def scores(games: Sequence[Entry]) -> list[float]:
    return [game.score for game in games]


def test_has_the_form_of_a_real_cursor() -> None:
    outer = json.loads(base64.b64decode(cursors.encode(98688.5, 3864.25)))
    assert json.loads(base64.b64decode(outer["b"]["Cursor"])) == {"s": 98688.5, "d": False, "t": True}
    assert json.loads(base64.b64decode(outer["a"]["Cursor"])) == {"s": 3864.25, "d": False, "t": True}


def test_leads_both_ways() -> None:
    cursor = cursors.encode(9.5, 7.0)
    assert cursors.decode(cursor, "b") == 9.5
    assert cursors.decode(cursor, "a") == 7.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "IA",
        "no cursor",
        "eyJ9",
        "eyJiIjpudWxsLCJhIjp7Ik9mZnNldCI6MjB9fQ==",
        cursors.encode(1, float("nan")),
    ],
)
def test_refuses_an_invalid_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        cursors.decode(text, "a")


def test_cuts_pages_by_place() -> None:
    rows, more = cursors.page(LIST, 2)
    assert (scores(rows), more) == ([9.5, 7.25], True)
    rows, more = cursors.page(LIST, 3, after=7.25)
    assert (scores(rows), more) == ([7.0, 3.5, 1.0], False)


def test_continues_below_a_row_that_is_gone() -> None:
    rows, _ = cursors.page(LIST, 2, after=7.1)
    assert scores(rows) == [7.0, 3.5]


def test_pages_backwards_with_the_nearest_rows() -> None:
    rows, more = cursors.page(LIST, 2, before=3.5)
    assert (scores(rows), more) == ([7.25, 7.0], True)


def test_the_place_above_all_leads_to_page_one() -> None:
    rows, _ = cursors.page(LIST, 2, after=cursors.TOP)
    assert scores(rows) == [9.5, 7.25]


def test_some_big_pages_lack_a_row_or_two() -> None:
    lacking = [cursors.shortfall(float(place), 100) for place in range(70)]
    assert set(lacking) == {0, 1, 2}
    assert lacking.count(0) == 50


def test_small_pages_are_whole() -> None:
    assert {cursors.shortfall(float(place), 20) for place in range(70)} == {0}
