# SPDX-License-Identifier: Apache-2.0
"""Lists that move, break off, go in circles, or end in another way than the guide says.

https://dev.twitch.tv/docs/api/guide#pagination
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twitch_provider.testing import cursors
from twitch_provider.testing.answers import Answer
from twitch_provider.testing.plays.stage import Play, Scene, fault, rows_of


def _cursor(answer: Answer) -> str | None:
    """The cursor of a good page, "" at the end of the list; None where the answer is no page."""
    if rows_of(answer) is None or "pagination" not in answer.payload:
        return None
    cursor: str = answer.payload["pagination"].get("cursor", "")
    return cursor


def _paged(answer: Answer, pagination: Any) -> Answer:
    return replace(answer, payload={**answer.payload, "pagination": pagination})


def _fresh(scene: Scene, after: float) -> str:
    """A cursor that no earlier answer had; only its other half is new."""
    return cursors.encode(-1.0 - scene.number, after)


@fault("empty_page", "no rows, but a cursor that goes on where this page would have begun")
def _empty_page(answer: Answer, scene: Scene) -> Answer | None:
    if _cursor(answer) is None or not answer.scores:
        return None
    place = cursors.decode(scene.after, "a") if scene.after else cursors.TOP
    return replace(
        answer, payload={**answer.payload, "data": [], "pagination": {"cursor": _fresh(scene, place)}}
    )


@fault("repeated_cursor", "the cursor of the answer is the one of the request")
def _repeated_cursor(answer: Answer, scene: Scene) -> Answer | None:
    return _paged(answer, {"cursor": scene.after}) if scene.after and _cursor(answer) is not None else None


@fault("wrapping_cursor", "the last page's cursor leads to page one")
def _wrapping_cursor(answer: Answer, scene: Scene) -> Answer | None:
    return _paged(answer, {"cursor": _fresh(scene, cursors.TOP)}) if _cursor(answer) == "" else None


@fault("endless_cursors", "ever new cursors, always with the rows of the page it began with")
def _endless_cursors(answer: Answer, scene: Scene) -> Answer | None:
    if _cursor(answer) is None or not answer.scores:
        return None
    rows = scene.memory.setdefault(scene.question, answer.payload["data"])
    # The page itself stays where it is, so that the simulated list never ends either.
    place = cursors.decode(scene.after, "a") if scene.after else cursors.TOP
    return _paged(replace(answer, payload={**answer.payload, "data": rows}), {"cursor": _fresh(scene, place)})


@fault("shifted_pages", "the next page begins with the last two rows of this one again")
def _shifted_pages(answer: Answer, scene: Scene) -> Answer | None:
    if not _cursor(answer) or len(answer.scores) < 3:
        return None
    return _paged(answer, {"cursor": cursors.encode(answer.scores[0], answer.scores[-3])})


@fault("short_page", "half of the rows that were asked for, and a cursor that goes on after them")
def _short_page(answer: Answer, scene: Scene) -> Answer | None:
    half = len(answer.scores) // 2
    if not half:
        return None
    kept = replace(answer, payload={**answer.payload, "data": answer.payload["data"][:half]})
    return _paged(kept, {"cursor": cursors.encode(answer.scores[0], answer.scores[half - 1])})


def _end(pagination: Any) -> Play:
    def play(answer: Answer, scene: Scene) -> Answer | None:
        return _paged(answer, pagination) if _cursor(answer) == "" else None

    return play


fault("empty_cursor", 'the list ends with "cursor": "" in place of an empty pagination')(_end({"cursor": ""}))
fault("null_cursor", 'the list ends with "cursor": null')(_end({"cursor": None}))
fault("null_pagination", 'the list ends with "pagination": null')(_end(None))


@fault("missing_pagination", 'the list ends without the key "pagination"')
def _missing_pagination(answer: Answer, scene: Scene) -> Answer | None:
    if _cursor(answer) != "":
        return None
    return replace(answer, payload={k: v for k, v in answer.payload.items() if k != "pagination"})
