# SPDX-License-Identifier: Apache-2.0
"""What conversations with Twitch have in common: the session, and the steps that they are made of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from twitch_provider.exceptions import TwitchError
from twitch_provider.helix.messages import Call, Reply, Request, Response, Send, Sleep
from twitch_provider.helix.ratelimit import RateLimiter
from twitch_provider.helix.retry import RetryState
from twitch_provider.helix.token import Credentials, TokenStore

T = TypeVar("T")

#: What a conversation asks of its driver.
Step = Send | Sleep | Call

#: What a conversation looks like to its driver: a Send wants a Reply sent back, a Call wants what the
#: function returned, a Sleep wants nothing.
Steps = Generator[Step, Any, T]


@dataclass(frozen=True)
class Session:
    """What the conversations with one Twitch application share.

    :param credentials: client id and secret
    :param base_url: of Helix, without a slash at its end
    :param auth_url: of the OAuth endpoints, without a slash at its end
    :param tokens: where the app token is kept
    :param limiter: the mirror of the rate limit
    :param clock: seconds on a monotonic clock
    :param random: a number from 0 to 1, for jitter
    :param name: what to call the connection in messages
    :param timeout: seconds that one answer may take
    :param budget: seconds that one request may be waited for in all; an error that asks for more is raised at
        once. A task has no such bound beyond that of each kind of error; a person at a Test button has.
    :param priority: points to leave, beyond the reserve, to requests that are in a greater hurry
    :param stats: what was done: ``requests`` to Helix, ``tokens`` fetched, ``waited_ms``, and
        ``retries: rate limit``, ``retries: transient``, ``retries: token``, ``retries: cursor``
    """

    credentials: Credentials
    base_url: str
    auth_url: str
    tokens: TokenStore
    limiter: RateLimiter
    clock: Callable[[], float]
    random: Callable[[], float]
    name: str = "twitch_default"
    timeout: float = 30.0
    budget: float = math.inf
    priority: float = 0
    stats: Counter[str] = field(default_factory=Counter)

    def take_point(self) -> Steps[None]:
        """Wait until the rate limit has a point for a request, and take it."""
        while delay := self.limiter.take(self.clock(), leave=self.priority):
            yield from self.sleep(delay, "waiting for a point of the rate limit")

    def send(self, request: Request, *, metered: bool) -> Steps[Reply]:
        """Send a request and account for it.

        :param request: signed
        :param metered: it took a point of the rate limit
        :raises TypeError: its driver sent nothing back
        """
        reply: Reply | None = None
        try:
            reply = yield Send(request)
        finally:
            # Also where the driver gives up meanwhile: a point must not stay under way for ever.
            if metered:
                self.stats["requests"] += 1
                answer = reply if isinstance(reply, Response) else None
                self.limiter.record(
                    self.clock(),
                    answer.rate_limit if answer else None,
                    refused=answer is not None and answer.status == 429,
                )
        if reply is None:
            raise TypeError("a Send wants a Response or a Failure sent back")
        return reply

    def persist(self, patience: RetryState, error: TwitchError, *, fresh: bool = True) -> Steps[None]:
        """Wait as long as this error asks for.

        :param patience: of this request
        :param error: what happened
        :param fresh: the request was signed with a token that was fetched for it
        :raises TwitchError: the error itself, where no waiting helps or patience has run out
        """
        kind, delay = patience.after(error, fresh=fresh)
        self.stats[f"retries: {kind}"] += 1
        if delay:
            yield from self.sleep(delay, str(error))

    def sleep(self, seconds: float, reason: str) -> Steps[None]:
        """Wait, and account for it.

        :param seconds: how long
        :param reason: why, for the log
        """
        self.stats["waited_ms"] += round(seconds * 1000)
        yield Sleep(seconds, reason)
