# SPDX-License-Identifier: Apache-2.0
"""One sorted list out of several: what one answer of Helix sorts is sorted over all requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from typing import Any

from twitch_provider.helix.messages import Page
from twitch_provider.helix.session import Step, Steps

#: The walk over the pages of one list.
Walk = Generator[Step | Page, Any, None]


@dataclass
class _Part:
    """One of the lists: its walk, and its rows that no page has yet."""

    walk: Walk
    rows: deque[Any] = field(default_factory=deque)


def merge(walks: Sequence[Walk], sorted_by: str, max_items: int | None) -> Walk:
    """Merge lists that are sorted in descending order.

    Yields every page that is read, in the order of reading. Its new rows are those that follow next in the
    order of the whole list: a row waits until every list has shown that it has none that is greater.

    :param walks: one for each list
    :param sorted_by: the field by which each is sorted
    :param max_items: stop after this many rows; None for all
    :raises TwitchError: what a walk raises
    """
    with ExitStack() as exits:
        parts = [_Part(exits.enter_context(closing(walk))) for walk in walks]
        left, page, ready = max_items, None, []
        while parts and left != 0:
            behind = next((part for part in parts if not part.rows), None)
            if behind is None:
                ready.append(max(parts, key=lambda part: _rank(part.rows[0], sorted_by)).rows.popleft())
                left = None if left is None else left - 1
                continue
            following = yield from _next_page(behind.walk)
            if following is None:
                parts.remove(behind)
                continue
            # Not new_rows: whether each is an object is for the caller to find.
            behind.rows.extend(following._new_rows)  # noqa: SLF001
            if page is not None:
                yield replace(page, _new_rows=ready)
            page, ready = following, []
        if page is not None:
            yield replace(page, _new_rows=ready)


def _next_page(walk: Walk) -> Steps[Page | None]:
    """Take a walk's steps up to its next page; None at its end."""
    result: Any = None
    while True:
        try:
            step = walk.send(result)
        except StopIteration:
            return None
        if isinstance(step, Page):
            return step
        result = yield step


def _rank(row: Any, sorted_by: str) -> float:
    value = row.get(sorted_by) if isinstance(row, dict) else None
    # Cleaning decides about a row without a number; here it is the last.
    return value if isinstance(value, int | float) else float("-inf")
