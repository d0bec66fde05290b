# SPDX-License-Identifier: Apache-2.0
"""Pages of a list that changes: cursors that point at a score, not at an offset.

They have the form of decoded cursors of the real API: base64 of ``{"b": {"Cursor": …}, "a": {"Cursor": …}}``,
each inner one base64 of ``{"s": score, "d": false, "t": true}``. Clients must treat them as opaque:
https://dev.twitch.tv/docs/api/guide#pagination
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, TypeVar

from twitch_provider.testing.world import Listed

#: A score above every row's: its cursor leads to page one.
TOP = 1e15

_ListedT = TypeVar("_ListedT", bound=Listed)


def encode(before: float, after: float) -> str:
    """Return a cursor that leads above the score ``before`` (``b``) and below the score ``after`` (``a``)."""
    return _base64({"b": {"Cursor": _inner(before)}, "a": {"Cursor": _inner(after)}})


def decode(cursor: str, direction: str) -> float:
    """Return the score that a cursor points at.

    :param direction: ``a`` for the query parameter ``after``, ``b`` for ``before``
    :raises ValueError: the text is not a cursor of this simulator
    """
    try:
        inner = _read(cursor)[direction]["Cursor"]
        score = float(_read(inner)["s"])
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise ValueError("not a cursor") from None
    if not math.isfinite(score):
        raise ValueError("not a cursor")
    return score


def page(
    listed: Sequence[_ListedT], first: int, *, after: float | None = None, before: float | None = None
) -> tuple[Sequence[_ListedT], bool]:
    """Cut the page below ``after`` (or above ``before``) out of a list sorted by score, descending.

    :returns: the rows, and whether there are more after them
    """
    if before is not None:
        end = bisect_left(listed, -before, key=_descending)
        start = max(0, end - first)
        return listed[start:end], start > 0
    start = 0 if after is None else bisect_right(listed, -after, key=_descending)
    return listed[start : start + first], start + first < len(listed)


def shortfall(top_score: float, first: int) -> int:
    """How many rows a page lacks, derived from its score: some big pages hold 98 or 99 rows."""
    if first < 50:
        return 0
    return {0: 1, 3: 2}.get(hash(top_score) % 7, 0)


def _descending(item: Listed) -> float:
    return -item.score


def _inner(score: float) -> str:
    return _base64({"s": score, "d": False, "t": True})


def _base64(value: Any) -> str:
    return base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


def _read(text: str) -> Any:
    return json.loads(base64.b64decode(text, validate=True))
