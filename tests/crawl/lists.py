# SPDX-License-Identifier: Apache-2.0
"""Twitch's lists of streams without Twitch: pages to answer with, and whoever reads several lists at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from twitch_provider.crawl.light_page import LightPage
from twitch_provider.helix.messages import Request, Response, Send, Sleep
from twitch_provider.helix.session import Session, Step

RECEIVED = datetime(2026, 11, 23, 16, 35, 7, tzinfo=UTC)

#: A user_id and how many watch.
Live = tuple[str, int]


def crowd(first: int, last: int, *, viewers: int | None = None, name: str = "u") -> list[Live]:
    """Streams by number: as many viewers as it takes to be in this order, or all of them as many."""
    return [(f"{name}{at}", 10_000 - at if viewers is None else viewers) for at in range(first, last + 1)]


def page(rows: Iterable[Live] = (), cursor: str | None = None, *, language: str = "en") -> Response:
    """A page of Get Streams."""
    data = [{"user_id": user, "viewer_count": viewers, "language": language} for user, viewers in rows]
    body = {"data": data, "pagination": {"cursor": cursor} if cursor else {}}
    return Response(200, {}, json.dumps(body).encode(), RECEIVED)


def kept(
    steps: Generator[Step | LightPage, Any, None], light_pages: list[LightPage]
) -> Generator[Step, Any, None]:
    """Hand on the steps of a generator, and keep the light_pages."""
    reply = None
    while True:
        try:
            step = steps.send(reply)
        except StopIteration:
            return
        reply = None
        if isinstance(step, LightPage):
            light_pages.append(step)
        else:
            reply = yield step


@dataclass
class Lists:
    """Lists that hold still; a cursor names a place in them.

    :param lists: the streams of each language, in order
    :param size: rows of a page
    :param end: what the last page says: ``nothing``, a cursor to an ``empty`` page, to ``empties`` without
        end, or to the first page in a ``wrap``
    :param spoil: replies in place of those that would be sent, by request
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
        cut = rows[start : start + self.size]
        cursor = str(start + len(cut)) if start + len(cut) < len(rows) else self._end(len(rows), lap)
        return page(cut, cursor, language=language)

    def _end(self, length: int, lap: str) -> str | None:
        again = int(lap) + 1 if lap.isdigit() else 1
        return {
            "nothing": None,
            "empty": None if lap.isdigit() else f"{length} 1",
            "empties": f"{length} {again}",
            "wrap": f"0 {again}",
        }[self.end]


class Reading:
    """A generator that is driven by hand: one request at a time."""

    def __init__(self, steps: Generator[Step | LightPage, Any, None], lists: Lists) -> None:
        self.light_pages: list[LightPage] = []
        self._steps = kept(steps, self.light_pages)
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

    @property
    def users(self) -> set[str]:
        """Who came."""
        return {user for light_page in self.light_pages for user in light_page.users}


def one_by_one(walk: Any, session: Session, lists: Lists) -> Reading:
    """Begin to read a walk."""
    return Reading(walk.read(session), lists)
