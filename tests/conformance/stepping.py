# SPDX-License-Identifier: Apache-2.0
"""Step a walk by hand: what it sends, and what it makes of an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from twitch_provider.crawl.light_page import LightPage
from twitch_provider.helix.messages import Page, Request, Response, Send
from twitch_provider.helix.queries import Query
from twitch_provider.helix.ratelimit import RateLimiter
from twitch_provider.helix.session import Session
from twitch_provider.helix.token import AppToken, Credentials
from twitch_provider.helix.walk import walk
from twitch_provider.hooks.readers import Readers

RECEIVED = datetime(2026, 11, 23, 16, 35, 7, tzinfo=UTC)


@dataclass
class Stepped:
    """What a walk sent and yielded."""

    sent: list[Request] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    @property
    def rows(self) -> list[Any]:
        return [row for page in self.pages for row in page.new_rows]


class Queries(Readers[Query, Query]):
    """Readers that return the query they would read."""

    def walk(self, query: Query) -> Query:
        return query

    def _rows(self, query: Query) -> Query:
        return query


def session() -> Session:
    """A session with a token and enough points, so that its conversations only send."""
    tokens: Any = SimpleNamespace(held=lambda: AppToken("token-0"))
    return Session(
        credentials=Credentials("client-id", "client-secret"),
        base_url="https://api.twitch.tv/helix",
        auth_url="https://id.twitch.tv/oauth2",
        tokens=tokens,
        limiter=RateLimiter(reserve=0, limit=1_000_000),
        clock=lambda: 0.0,
        random=lambda: 1.0,
    )


def step(query: Query, answer: Callable[[Request], bytes]) -> Stepped:
    """Walk a query."""
    return drive(walk(session(), query), answer)


def drive(steps: Generator[Any, Any, Any], answer: Callable[[Request], bytes]) -> Stepped:
    """Drive a generator, and record what it sent and yielded."""
    stepped, reply = Stepped(), None
    while True:
        try:
            given = steps.send(reply)
        except StopIteration:
            return stepped
        reply = None
        if isinstance(given, Page):
            stepped.pages.append(given)
        elif not isinstance(given, LightPage):
            assert isinstance(given, Send), f"nothing else is to be done here: {given}"
            stepped.sent.append(given.request)
            reply = Response(200, {}, answer(given.request), RECEIVED)


def three_pages(request: Request) -> bytes:
    """A page, wherever it was asked for, and two that follow it."""
    cursor = {"page=2": "page=3", "page=3": None}.get(dict(request.params).get("after", ""), "page=2")
    return json.dumps({"data": [], "pagination": {"cursor": cursor} if cursor else {}}).encode()
