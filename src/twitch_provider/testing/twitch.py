# SPDX-License-Identifier: Apache-2.0
"""The simulated Twitch without a socket: from a request to a response."""

from __future__ import annotations

import urllib.parse
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from twitch_provider.testing.answers import (
    Answer,
    RefusedError,
    Request,
    auth_error,
    helix_error,
    too_many_requests,
)
from twitch_provider.testing.auth import Auth
from twitch_provider.testing.endpoints import ENDPOINTS, Endpoint
from twitch_provider.testing.faults import Context, Fault
from twitch_provider.testing.query import Query
from twitch_provider.testing.rate_limit import RateLimit
from twitch_provider.testing.world import World, WorldClock, rfc3339

HELIX_ROOT = "/helix/"
AUTH_ROOT = "/oauth2/"
_LOG_LENGTH = 1_000


@dataclass(frozen=True, slots=True)
class Logged:
    """A request in the log, without its secrets.

    :param at: the world's time, RFC 3339
    :param query: as sent, with ``***`` for a client secret or token
    :param header_names: in lower case, sorted
    :param token_was_valid: whether ``Authorization`` carried a valid token
    """

    at: str
    method: str
    path: str
    query: str
    header_names: tuple[str, ...]
    token_was_valid: bool
    status: int


@dataclass
class Counters:
    """Requests by endpoint, responses by status, faults by name, and tokens."""

    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    tokens_minted: int = 0

    @property
    def rate_limited(self) -> int:
        """How many responses were a 429, of the rate limit or of a fault."""
        return self.statuses[429]

    def as_dict(self) -> dict[str, Any]:
        """The counters for JSON: requests by endpoint, statuses, faults by name, tokens, 429s."""
        return {
            "requests": dict(self.requests),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "faults": dict(self.faults),
            "tokens_minted": self.tokens_minted,
            "rate_limited": self.rate_limited,
        }


@dataclass
class Twitch:
    """Twitch as one client sees it: tokens, rate limit, world, faults."""

    world: World
    clock: WorldClock
    auth: Auth
    rate_limit: RateLimit
    counters: Counters = field(default_factory=Counters)
    faults: list[Fault] = field(default_factory=list)
    log: deque[Logged] = field(default_factory=lambda: deque(maxlen=_LOG_LENGTH))

    def answer(self, request: Request) -> Answer:
        """Answer a request as Twitch would, changed by the faults that are switched on."""
        now = self.clock.now()
        token_was_valid = self.auth.knows(request, now.timestamp())
        endpoint, answer = self._route(request, now)
        answer = replace(answer, headers={**answer.headers, "Date": format_datetime(now, usegmt=True)})
        answer = self._with_faults(request, endpoint, answer, now)
        self.counters.requests[endpoint] += 1
        self.counters.statuses[answer.status] += 1
        self.counters.tokens_minted = self.auth.tokens.minted
        self.log.append(_logged(request, now, answer.status, token_was_valid=token_was_valid))
        return answer

    def _route(self, request: Request, now: datetime) -> tuple[str, Answer]:
        if request.path.startswith(HELIX_ROOT):
            return self._helix(request, now)
        if request.path.startswith(AUTH_ROOT):
            return self._oauth(request, now)
        return "unknown", helix_error(404, "")

    def _oauth(self, request: Request, now: datetime) -> tuple[str, Answer]:
        epoch = now.timestamp()
        routes: dict[tuple[str, str], Callable[[], Answer]] = {
            ("POST", "token"): lambda: self.auth.token(request, epoch),
            ("GET", "validate"): lambda: self.auth.validate(request, epoch),
            ("POST", "revoke"): lambda: self.auth.revoke(request),
        }
        name = request.path.removeprefix(AUTH_ROOT)
        if route := routes.get((request.method, name)):
            return name, route()
        # GET token is a 404 too: https://github.com/twitchdev/issues/issues/132
        return "unknown", auth_error(404, "404 page not found")

    def _helix(self, request: Request, now: datetime) -> tuple[str, Answer]:
        name = request.path.removeprefix(HELIX_ROOT)
        endpoint = ENDPOINTS.get(name) if request.method == "GET" else None
        try:
            if endpoint is None:
                name, answer = "unknown", helix_error(404, "")
            else:
                answer = self._admitted(endpoint, request, now)
        except RefusedError as refused:
            answer = refused.answer
        return name, replace(answer, headers=self.rate_limit.headers(now.timestamp()))

    def _admitted(self, endpoint: Endpoint, request: Request, now: datetime) -> Answer:
        self.auth.admit(request, now.timestamp())
        if not self.rate_limit.take(now.timestamp()):
            return too_many_requests()
        return endpoint(Query(request.query), self.world, now)

    def _with_faults(self, request: Request, endpoint: str, answer: Answer, now: datetime) -> Answer:
        after = dict(request.query).get("after", "")
        others = urllib.parse.urlencode([pair for pair in request.query if pair[0] != "after"])

        def context(**of_the_fault: Any) -> Context:
            return Context(
                after=after,
                list_key=f"{endpoint}?{others}",
                now=now,
                limit=self.rate_limit.limit,
                **of_the_fault,
            )

        for fault in list(self.faults):
            changed = fault.apply(answer, endpoint=endpoint, context=context)
            if changed is not answer:
                self.counters.faults[fault.name] += 1
            answer = changed
        return answer


def _logged(request: Request, now: datetime, status: int, *, token_was_valid: bool) -> Logged:
    masked = [
        (name, "***" if "secret" in name or "token" in name else value) for name, value in request.query
    ]
    return Logged(
        at=rfc3339(now),
        method=request.method,
        path=request.path,
        query=urllib.parse.urlencode(masked, safe="*"),
        header_names=tuple(sorted(request.headers)),
        token_was_valid=token_was_valid,
        status=status,
    )
