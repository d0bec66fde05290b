# SPDX-License-Identifier: Apache-2.0
"""A list whose cursors never end is an error, and a good list is not."""

from __future__ import annotations

import pytest

from twitch_provider.exceptions import TwitchPaginationError
from twitch_provider.helix.loop_guard import STALE_PAGES, STALE_ROWS, CursorLoopGuard


def test_the_same_cursor_twice_is_an_error() -> None:
    guard = CursorLoopGuard("streams")
    guard.record(rows=100, new=100)
    guard.follow("a")
    guard.record(rows=100, new=100)
    guard.follow("b")
    with pytest.raises(TwitchPaginationError, match=r"^streams: .* same cursor twice"):
        guard.follow("a")


def test_another_list_starts_from_nothing() -> None:
    guard = CursorLoopGuard("streams")
    guard.follow("a")
    for _ in range(STALE_PAGES):
        guard.record(rows=100, new=0)
    guard.begin()
    guard.follow("a")


def test_several_pages_in_a_row_without_new_rows_are_an_error() -> None:
    guard = CursorLoopGuard("clips")
    for number in range(STALE_PAGES - 1):
        guard.record(rows=1, new=0)
        guard.follow(f"c{number}")
    guard.record(rows=1, new=0)
    with pytest.raises(TwitchPaginationError, match=f"clips: {STALE_PAGES} pages in a row"):
        guard.follow("last")


def test_one_new_row_resets_the_count_of_pages_without() -> None:
    guard = CursorLoopGuard("clips")
    for number in range(4 * STALE_PAGES):
        guard.record(rows=1, new=number % STALE_PAGES == 0)
        guard.follow(f"c{number}")


def go_on(guard: CursorLoopGuard, *, new: int) -> None:
    for number in range(STALE_ROWS // 2 + 1):
        guard.record(rows=100, new=new)
        guard.follow(f"c{number}")


def test_a_large_surplus_of_old_rows_is_an_error() -> None:
    with pytest.raises(TwitchPaginationError, match="more old rows than new"):
        go_on(CursorLoopGuard("streams"), new=49)


@pytest.mark.parametrize("new", [50, 100])
def test_as_many_new_rows_as_old_are_not_an_error(new: int) -> None:
    go_on(CursorLoopGuard("streams"), new=new)
