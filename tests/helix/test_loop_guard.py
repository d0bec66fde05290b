# SPDX-License-Identifier: Apache-2.0
"""A list that leads in circles is found out, and a good one is not."""

from __future__ import annotations

import pytest

from twitch_provider.exceptions import TwitchPaginationError
from twitch_provider.helix.loop_guard import STALE_PAGES, STALE_ROWS, CursorLoopGuard


def test_the_same_cursor_twice_is_a_circle() -> None:
    circles = CursorLoopGuard("streams")
    circles.note(rows=100, new=100)
    circles.follow("a")
    circles.note(rows=100, new=100)
    circles.follow("b")
    with pytest.raises(TwitchPaginationError, match=r"^streams: .* same cursor twice"):
        circles.follow("a")


def test_on_another_list_nothing_of_the_last_one_counts() -> None:
    circles = CursorLoopGuard("streams")
    circles.follow("a")
    for _ in range(STALE_PAGES):
        circles.note(rows=100, new=0)
    circles.begin()
    circles.follow("a")


def test_so_many_pages_without_anything_new_are_a_circle() -> None:
    circles = CursorLoopGuard("clips")
    for number in range(STALE_PAGES - 1):
        circles.note(rows=1, new=0)
        circles.follow(f"c{number}")
    circles.note(rows=1, new=0)
    with pytest.raises(TwitchPaginationError, match=f"clips: {STALE_PAGES} pages in a row"):
        circles.follow("last")


def test_one_new_row_forgives_pages_without() -> None:
    circles = CursorLoopGuard("clips")
    for number in range(4 * STALE_PAGES):
        circles.note(rows=1, new=number % STALE_PAGES == 0)
        circles.follow(f"c{number}")


def go_on(circles: CursorLoopGuard, *, new: int) -> None:
    for number in range(STALE_ROWS // 2 + 1):
        circles.note(rows=100, new=new)
        circles.follow(f"c{number}")


def test_more_old_rows_than_new_for_long_are_a_circle() -> None:
    with pytest.raises(TwitchPaginationError, match="more old rows than new"):
        go_on(CursorLoopGuard("streams"), new=49)


@pytest.mark.parametrize("new", [50, 100])
def test_as_many_new_rows_as_old_are_none(new: int) -> None:
    go_on(CursorLoopGuard("streams"), new=new)
