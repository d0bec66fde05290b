# SPDX-License-Identifier: Apache-2.0
"""What conversations with Twitch share: the session, and the steps that they are made of."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from twitch_provider.exceptions import TwitchError
from twitch_provider.helix.messages import Call, Reply, Request, Response, Send, Sleep, is_on_loopback
from twitch_provider.helix.ratelimit import DEFAULT_LIMIT, RateLimiter
from twitch_provider.helix.retry import RetryState
from twitch_provider.helix.token import Credentials, TokenStore

T = TypeVar("T")

#: This many tokens within this many seconds are the most that a process fetches to replace refused ones. A
#: server that refuses every second request would cost one each time.
MAX_TOKENS, TOKENS_WINDOW = 5, 600.0

#: What a conversation asks its driver to do.
Step = Send | Sleep | Call

#: A conversation, as its driver sees it. The driver sends back the Reply to a Send, what the function of a
#: Call returned, and None after a Sleep.
Steps = Generator[Step, Any, T]


def new_fetched() -> deque[float]:
    """Return a record of when tokens were fetched."""
    return deque(maxlen=MAX_TOKENS)


def yield_answer(steps: Steps[T]) -> Generator[Step | T, Any, None]:
    """Yield the answer of a conversation last, where a walk yields its pages: one driver serves both.

    :param steps: a conversation
    """
    yield (yield from steps)


@dataclass(frozen=True)
class Session:
    """What the conversations with one Twitch application share.

    :param credentials: client id and secret
    :param base_url: of Helix, without a slash at its end
    :param auth_url: of the OAuth endpoints, without a slash at its end
    :param tokens: where the app token is kept
    :param limiter: keeps to the rate limit
    :param clock: seconds on a monotonic clock
    :param random: a number from 0 to 1, for jitter
    :param name: the connection's id, for messages
    :param timeout: seconds that one answer may take
    :param max_wait: seconds that the retries of one request may wait in all; an error that needs more is
        raised at once. Unlimited for tasks; short for the Test button, where a person is waiting.
    :param priority: points of the rate limit to leave, beyond the reserve, to more urgent requests
    :param fetched: when this process fetched its last tokens, by the clock
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
    max_wait: float = math.inf
    priority: float = 0
    fetched: deque[float] = field(default_factory=new_fetched)
    stats: Counter[str] = field(default_factory=Counter)

    @property
    def loopback(self) -> bool:
        """Whether Helix is simulated on this machine."""
        return is_on_loopback(self.base_url)

    def take_point(self) -> Steps[None]:
        """Wait until the rate limit has a point for a request, and take it."""
        while delay := self.limiter.take(self.clock(), leave=self.priority):
            limit = self.limiter.limit
            reason = f"waiting for a point of the rate limit, which has {limit} a minute"
            if limit < DEFAULT_LIMIT / 10:
                reason += f" and not {DEFAULT_LIMIT}: check whether a proxy set the header Ratelimit-Limit"
            yield from self.sleep(delay, reason)

    def send(self, request: Request, *, metered: bool) -> Steps[Reply]:
        """Send a request and account for it.

        :param request: signed
        :param metered: it took a point of the rate limit
        :raises TypeError: the driver sent nothing back
        """
        reply: Reply | None = None
        try:
            reply = yield Send(request)
        finally:
            # Also where the driver stops in between: the point must not stay in flight.
            if metered:
                self.stats["requests"] += 1
                answer = reply if isinstance(reply, Response) else None
                self.limiter.record(
                    self.clock(),
                    answer.rate_limit if answer else None,
                    refused=answer is not None and answer.status == 429,
                )
        if reply is None:
            raise TypeError("the driver must answer a Send with a Response or a Failure")
        return reply

    @property
    def may_renew(self) -> bool:
        """Whether a refused token may be replaced: some servers refuse a good one now and then."""
        fetched = self.fetched
        return len(fetched) < MAX_TOKENS or self.clock() - fetched[0] >= TOKENS_WINDOW

    def wait_to_retry(
        self, retry: RetryState, error: TwitchError, *, new_token: bool = True, renew: bool = True
    ) -> Steps[None]:
        """Wait before a request is sent again.

        :param retry: of this request
        :param error: why it failed
        :param new_token: the request was signed with a token that was fetched for it
        :param renew: a refused token may be replaced
        :raises TwitchError: the error itself, where a retry does not help or all retries are used up
        """
        kind, delay = retry.after(error, new_token=new_token, renew=renew)
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
