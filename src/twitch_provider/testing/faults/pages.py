# SPDX-License-Identifier: Apache-2.0
"""Pages that repeat, shrink or loop, and lists that end in another way than the guide says.

https://dev.twitch.tv/docs/api/guide#pagination
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twitch_provider.testing import cursors
from twitch_provider.testing.answers import Answer
from twitch_provider.testing.faults.registry import Behaviour, Context, fault, rows_of


def _cursor(answer: Answer) -> str | None:
    """The cursor of a page, "" at the end of the list; None if the response is not a page."""
    if rows_of(answer) is None or "pagination" not in answer.payload:
        return None
    cursor: str = answer.payload["pagination"].get("cursor", "")
    return cursor


def _paged(answer: Answer, pagination: Any) -> Answer:
    return replace(answer, payload={**answer.payload, "pagination": pagination})


def _fresh(context: Context, after: float) -> str:
    """A cursor that no earlier response had; only its ``before`` half is new."""
    return cursors.encode(-1.0 - context.number, after)


@fault("empty_page", "no rows, but a cursor that continues where this page would have begun")
def _empty_page(answer: Answer, context: Context) -> Answer | None:
    if _cursor(answer) is None or not answer.scores:
        return None
    place = cursors.decode(context.after, "a") if context.after else cursors.TOP
    return replace(
        answer, payload={**answer.payload, "data": [], "pagination": {"cursor": _fresh(context, place)}}
    )


@fault("repeated_cursor", "the response has the cursor of the request")
def _repeated_cursor(answer: Answer, context: Context) -> Answer | None:
    return (
        _paged(answer, {"cursor": context.after}) if context.after and _cursor(answer) is not None else None
    )


@fault("wrapping_cursor", "the last page's cursor leads to page one")
def _wrapping_cursor(answer: Answer, context: Context) -> Answer | None:
    return _paged(answer, {"cursor": _fresh(context, cursors.TOP)}) if _cursor(answer) == "" else None


@fault("endless_cursors", "a new cursor every time, always with the same rows")
def _endless_cursors(answer: Answer, context: Context) -> Answer | None:
    if _cursor(answer) is None or not answer.scores:
        return None
    rows = context.memory.setdefault(context.list_key, answer.payload["data"])
    # The cursor leads to the same page, so that the list never ends.
    place = cursors.decode(context.after, "a") if context.after else cursors.TOP
    return _paged(
        replace(answer, payload={**answer.payload, "data": rows}), {"cursor": _fresh(context, place)}
    )


@fault("shifted_pages", "the next page begins with the last two rows of this one again")
def _shifted_pages(answer: Answer, context: Context) -> Answer | None:
    if not _cursor(answer) or len(answer.scores) < 3:
        return None
    return _paged(answer, {"cursor": cursors.encode(answer.scores[0], answer.scores[-3])})


@fault("short_page", "half of the requested rows, and a cursor that continues after them")
def _short_page(answer: Answer, context: Context) -> Answer | None:
    half = len(answer.scores) // 2
    if not half:
        return None
    kept = replace(answer, payload={**answer.payload, "data": answer.payload["data"][:half]})
    return _paged(kept, {"cursor": cursors.encode(answer.scores[0], answer.scores[half - 1])})


def _end(pagination: Any) -> Behaviour:
    def behave(answer: Answer, context: Context) -> Answer | None:
        return _paged(answer, pagination) if _cursor(answer) == "" else None

    return behave


fault("empty_cursor", 'the list ends with "cursor": "" instead of an empty pagination')(_end({"cursor": ""}))
fault("null_cursor", 'the list ends with "cursor": null')(_end({"cursor": None}))
fault("null_pagination", 'the list ends with "pagination": null')(_end(None))


@fault("missing_pagination", 'the list ends without the key "pagination"')
def _missing_pagination(answer: Answer, context: Context) -> Answer | None:
    if _cursor(answer) != "":
        return None
    return replace(answer, payload={k: v for k, v in answer.payload.items() if k != "pagination"})
