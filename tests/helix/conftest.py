# SPDX-License-Identifier: Apache-2.0
"""Step the generators by hand: replies come from a list, time from the requested sleeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from twitch_provider.helix.messages import Call, Failure, Page, Reply, Request, Response, Send, Sleep
from twitch_provider.helix.ratelimit import RateLimiter
from twitch_provider.helix.session import Session
from twitch_provider.helix.token import AppToken, Credentials

RECEIVED = datetime(2026, 11, 23, 16, 35, 7, tzinfo=UTC)


class Tokens:
    """A token store that records its calls.

    ``cached`` is the token of other processes. While ``busy`` is positive another conversation has the claim,
    and while ``locked`` is, another process has the lock; each attempt counts down by one.
    """

    def __init__(self) -> None:
        self.token: AppToken | None = None
        self.cached: AppToken | None = None
        self.refused: list[AppToken] = []
        self.busy = 0
        self.locked = 0
        self.done: list[str] = []

    def held(self) -> AppToken | None:
        return self.token

    def recall(self) -> AppToken | None:
        self.done.append("recall")
        if self.token is None and self.cached is not None and self.cached not in self.refused:
            self.token = self.cached
        return self.token

    def keep(self, token: AppToken) -> None:
        self.done.append("keep")
        self.token = token

    def refuse(self, token: AppToken) -> None:
        self.refused.append(token)
        if self.token == token:
            self.token = None

    def claim(self) -> bool:
        self.done.append("claim")
        self.busy -= 1
        return self.busy < 0

    def release(self) -> None:
        self.done.append("release")

    def lock(self) -> bool:
        self.done.append("lock")
        self.locked -= 1
        return self.locked < 0

    def unlock(self) -> None:
        self.done.append("unlock")


@dataclass
class Played:
    """What a generator asked for, and what it yielded and returned."""

    sent: list[Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    result: Any = None

    @property
    def rows(self) -> list[Any]:
        return [row for page in self.pages for row in page._new_rows]

    @property
    def cursors(self) -> list[str | None]:
        return [dict(request.params).get("after") for request in self.sent]


class Twitch:
    """A session whose clock only moves by its sleeps, and a Twitch that answers from a list."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.played = Played()
        self.session = Session(
            credentials=Credentials("client-id", "client-secret"),
            base_url="https://api.twitch.tv/helix",
            auth_url="https://id.twitch.tv/oauth2",
            tokens=Tokens(),
            limiter=RateLimiter(),
            clock=lambda: self.now,
            random=lambda: 1.0,
        )

    @property
    def tokens(self) -> Tokens:
        assert isinstance(self.session.tokens, Tokens)
        return self.session.tokens

    def play(self, steps: Generator[Any, Any, Any], replies: Iterable[Reply | dict[str, Any]]) -> Played:
        """Drive a generator to its end; too few or too many replies are an error of the test."""
        waiting = iter(replies)
        reply: Any = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as done:
                self.played.result = done.value
                assert next(waiting, None) is None, "not every reply was used"
                return self.played
            reply = None
            match step:
                case Send(request):
                    self.played.sent.append(request)
                    given = next(waiting)
                    reply = ok(given) if isinstance(given, dict) else given
                case Call(function):
                    reply = function()
                case Sleep(seconds, _):
                    self.played.slept.append(seconds)
                    self.now += seconds
                case Page():
                    self.played.pages.append(step)


def ok(body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
    return Response(status, headers or {}, raw, RECEIVED)


def page(*ids: str, cursor: str | None = None) -> Response:
    return ok({"data": [{"id": each} for each in ids], "pagination": {"cursor": cursor} if cursor else {}})


def error(status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
    return ok({"error": "…", "status": status, "message": message}, status, headers)


TOKEN = ok({"access_token": "token-1", "expires_in": 5011271, "token_type": "bearer"})


@pytest.fixture
def twitch() -> Twitch:
    """A Twitch that has not issued a token yet."""
    return Twitch()


@pytest.fixture
def signed_in() -> Twitch:
    """A Twitch with a token."""
    twitch = Twitch()
    twitch.tokens.keep(AppToken("token-0"))
    return twitch


@pytest.fixture(scope="session")
def new_twitch() -> Callable[[], Twitch]:
    """Create a Twitch with a token, for tests that need several."""

    def make() -> Twitch:
        twitch = Twitch()
        twitch.tokens.keep(AppToken("token-0"))
        return twitch

    return make


@pytest.fixture(scope="session")
def answers() -> Any:
    """Makers of replies."""

    class Answers:
        ok: Callable[..., Response] = staticmethod(ok)
        page: Callable[..., Response] = staticmethod(page)
        error: Callable[..., Response] = staticmethod(error)
        failure = Failure
        token = TOKEN
        received = RECEIVED

    return Answers
