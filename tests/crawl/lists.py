# SPDX-License-Identifier: Apache-2.0
"""Lists of streams without a server: pages to answer with, and walks that are stepped by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from twitch_provider.crawl.light_page import LightPage
from twitch_provider.helix.messages import Request, Response, Send, Sleep
from twitch_provider.helix.session import Step

RECEIVED = datetime(2026, 11, 23, 16, 35, 7, tzinfo=UTC)

#: A user_id and its viewers.
Live = tuple[str, int]


def crowd(first: int, last: int, *, viewers: int | None = None, name: str = "u") -> list[Live]:
    """Streams by number, with falling viewers, or all with the same."""
    return [(f"{name}{at}", 10_000 - at if viewers is None else viewers) for at in range(first, last + 1)]


def page(rows: Iterable[Live] = (), cursor: str | None = None, *, language: str = "en") -> Response:
    """A page of Get Streams."""
    data = [{"user_id": user, "viewer_count": viewers, "language": language} for user, viewers in rows]
    body = {"data": data, "pagination": {"cursor": cursor} if cursor else {}}
    return Response(200, {}, json.dumps(body).encode(), RECEIVED)


def keeping(
    steps: Generator[Step | LightPage, Any, Any], pages: list[LightPage]
) -> Generator[Step, Any, None]:
    """Pass on the steps of a generator, and keep its pages."""
    reply = None
    while True:
        try:
            step = steps.send(reply)
        except StopIteration:
            return
        reply = None
        if isinstance(step, LightPage):
            pages.append(step)
        else:
            reply = yield step


def users(pages: Iterable[LightPage]) -> list[str]:
    """The broadcasters of some pages."""
    return [user for each in pages for user in each.users]


@dataclass
class Lists:
    """Lists that do not move; a cursor is a place in them.

    :param lists: the streams of each language, in order
    :param size: rows of a page
    :param end: what the last page has: ``nothing``, a cursor to an ``empty`` page, to endless ``empties``, or
        to the first page in a ``wrap``
    :param spoil: returns a reply in place of the right one, or None
    """

    lists: Mapping[str, Sequence[Live]]
    size: int = 10
    end: str = "nothing"
    spoil: Callable[[Request], Response | None] = lambda request: None
    asked: Counter[str] = field(default_factory=Counter)

    def answer(self, request: Request) -> Response:
        """Answer a request for a page."""
        params = dict(request.params)
        language = params["language"]
        self.asked[language] += 1
        if (spoilt := self.spoil(request)) is not None:
            return spoilt
        rows = self.lists.get(language, ())
        place, _, lap = params.get("after", "0").partition(" ")
        start = int(place)
        part = rows[start : start + self.size]
        end = start + len(part)
        return page(part, str(end) if end < len(rows) else self._end(len(rows), lap), language=language)

    def _end(self, length: int, lap: str) -> str | None:
        again = int(lap) + 1 if lap.isdigit() else 1
        return {
            "nothing": None,
            "empty": None if lap.isdigit() else f"{length} 1",
            "empties": f"{length} {again}",
            "wrap": f"0 {again}",
        }[self.end]


class Reading:
    """A generator that is stepped by hand, one request at a time."""

    def __init__(self, steps: Generator[Step | LightPage, Any, None], lists: Lists) -> None:
        self.pages: list[LightPage] = []
        self._steps = keeping(steps, self.pages)
        self._lists = lists
        self._next = next(self._steps, None)

    def go_on(self) -> bool:
        """Answer one request; whether there are more."""
        while isinstance(self._next, Sleep):
            self._send(None)
        if isinstance(self._next, Send):
            self._send(self._lists.answer(self._next.request))
        return self._next is not None

    def _send(self, reply: Any) -> None:
        try:
            self._next = self._steps.send(reply)
        except StopIteration:
            self._next = None
        except BaseException:
            self._next = None
            raise
