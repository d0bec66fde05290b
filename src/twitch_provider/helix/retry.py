# SPDX-License-Identifier: Apache-2.0
"""RetryState: what may pass by itself, how often to ask again, and how long to wait before."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConnectionError,
    TwitchError,
    TwitchRateLimitError,
    TwitchRequestError,
    TwitchResponseError,
    TwitchServerError,
)


@dataclass(frozen=True)
class Backoff:
    """Doubling waits with jitter and a cap.

    Jitter keeps the tasks of a deployment from coming back all at once after an outage.

    :param tries: how often one request is sent at the most
    :param base: seconds before the second try
    :param cap: no wait is longer, in seconds
    """

    tries: int
    base: float
    cap: float

    def delay(self, failures: int, random: Callable[[], float]) -> float | None:
        """Seconds to wait after so many failures; None when patience has run out.

        :param failures: 1 after the first failure
        :param random: a number from 0 to 1; the wait is at least half of the nominal one
        """
        if failures >= self.tries:
            return None
        return min(self.cap, self.base * 2.0 ** (failures - 1)) * (0.5 + random() / 2)


#: 5xx, time-outs, dropped connections, half bodies, HTML. The guide says to retry a 503 once; a second and
#: third try some seconds later cost little and keep a snapshot.
#: https://dev.twitch.tv/docs/api/guide#api-errors
TRANSIENT = Backoff(tries=4, base=1.0, cap=30.0)

#: 429. The first wait is at least a second, also where points remain: such a 429 has other reasons than the
#: bucket, and Twitch sends no Retry-After. https://github.com/twitchdev/issues/issues/664
RATE_LIMITED = Backoff(tries=6, base=2.0, cap=60.0)

#: A good cursor is refused now and then. https://github.com/twitchdev/issues/issues/91
CURSOR_REFUSED = Backoff(tries=2, base=1.0, cap=1.0)

#: A token that was just fetched was refused: at once with a new one, but only where it was the first.
#: https://dev.twitch.tv/docs/authentication/refresh-tokens/
RENEWED = Backoff(tries=2, base=0.0, cap=0.0)

#: A token from earlier, or from another process, was refused: the one that this process holds may be over,
#: and then the one of the cache, too.
OUTDATED = Backoff(tries=3, base=0.0, cap=0.0)


@dataclass
class RetryState:
    """Counts the failures of one request, by kind, and says how long to wait after each.

    :param random: a number from 0 to 1, for jitter
    :param renewable: it is signed with a token that can be replaced
    :param repeatable: sending it twice does no harm
    :param paged: it carries a cursor
    :param budget: seconds to wait in all, over all kinds of failures
    :param failures: how many there were so far, by kind
    """

    random: Callable[[], float]
    renewable: bool = True
    repeatable: bool = True
    paged: bool = False
    budget: float = math.inf
    failures: Counter[str] = field(default_factory=Counter)

    def after(self, error: TwitchError, *, fresh: bool = True) -> tuple[str, float]:
        """Decide what follows on this error.

        :param error: what happened
        :param fresh: the request was signed with a token that was fetched for it
        :returns: the kind of failure, and the seconds to wait before the next try
        :raises TwitchError: the error itself, where no waiting helps or patience has run out
        """
        kind, backoff = self._policy(error, fresh=fresh)
        if backoff is None:
            raise error
        self.failures[kind] += 1
        delay = backoff.delay(self.failures[kind], self.random)
        if delay is None or delay > self.budget:
            raise error
        self.budget -= delay
        return kind, delay

    def _policy(self, error: TwitchError, *, fresh: bool) -> tuple[str, Backoff | None]:
        match error:
            case TwitchAuthError() if self.renewable:
                return "token", RENEWED if fresh else OUTDATED
            case TwitchRateLimitError():
                return "rate limit", RATE_LIMITED
            case TwitchRequestError(status=400) if self.paged:
                return "cursor", CURSOR_REFUSED
            case TwitchServerError() | TwitchConnectionError() | TwitchResponseError() if self.repeatable:
                return "transient", TRANSIENT
            case _:
                return "", None
