# SPDX-License-Identifier: Apache-2.0
"""A list that leads in guard is found out, and a good one is not."""

from __future__ import annotations

import pytest

from twitch_provider.exceptions import TwitchPaginationError
from twitch_provider.helix.loop_guard import STALE_PAGES, STALE_ROWS, CursorLoopGuard


def test_the_same_cursor_twice_is_a_circle() -> None:
    guard = CursorLoopGuard("streams")
    guard.record(rows=100, new=100)
    guard.follow("a")
    guard.record(rows=100, new=100)
    guard.follow("b")
    with pytest.raises(TwitchPaginationError, match=r"^streams: .* same cursor twice"):
        guard.follow("a")


def test_on_another_list_nothing_of_the_last_one_counts() -> None:
    guard = CursorLoopGuard("streams")
    guard.follow("a")
    for _ in range(STALE_PAGES):
        guard.record(rows=100, new=0)
    guard.begin()
    guard.follow("a")


def test_so_many_pages_without_anything_new_are_a_circle() -> None:
    guard = CursorLoopGuard("clips")
    for number in range(STALE_PAGES - 1):
        guard.record(rows=1, new=0)
        guard.follow(f"c{number}")
    guard.record(rows=1, new=0)
    with pytest.raises(TwitchPaginationError, match=f"clips: {STALE_PAGES} pages in a row"):
        guard.follow("last")


def test_one_new_row_forgives_pages_without() -> None:
    guard = CursorLoopGuard("clips")
    for number in range(4 * STALE_PAGES):
        guard.record(rows=1, new=number % STALE_PAGES == 0)
        guard.follow(f"c{number}")


def go_on(guard: CursorLoopGuard, *, new: int) -> None:
    for number in range(STALE_ROWS // 2 + 1):
        guard.record(rows=100, new=new)
        guard.follow(f"c{number}")


def test_more_old_rows_than_new_for_long_are_a_circle() -> None:
    with pytest.raises(TwitchPaginationError, match="more old rows than new"):
        go_on(CursorLoopGuard("streams"), new=49)


@pytest.mark.parametrize("new", [50, 100])
def test_as_many_new_rows_as_old_are_none(new: int) -> None:
    go_on(CursorLoopGuard("streams"), new=new)
