# SPDX-License-Identifier: Apache-2.0
"""Which failures are worth a retry, how many, and how long to wait before each."""

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

    :param tries: how often one request is sent at most
    :param base: seconds before the second try
    :param cap: the longest wait, in seconds
    """

    tries: int
    base: float
    cap: float

    def delay(self, failures: int, random: Callable[[], float]) -> float | None:
        """Return the seconds to wait before the next try; None after the last one.

        :param failures: 1 after the first failure
        :param random: a number from 0 to 1; the wait is at least half of the nominal one
        """
        if failures >= self.tries:
            return None
        return min(self.cap, self.base * 2.0 ** (failures - 1)) * (0.5 + random() / 2)


#: 5xx, time-outs, dropped connections, incomplete bodies, HTML. The guide says to retry a 503 once; two more
#: tries some seconds later cost little and save a snapshot.
#: https://dev.twitch.tv/docs/api/guide#api-errors
TRANSIENT = Backoff(tries=4, base=1.0, cap=30.0)

#: 429. The first wait is at least a second, even where points remain: such a 429 has other reasons than the
#: rate limit, and Twitch sends no Retry-After. https://github.com/twitchdev/issues/issues/664
RATE_LIMITED = Backoff(tries=6, base=2.0, cap=60.0)

#: Twitch refuses valid cursors now and then. https://github.com/twitchdev/issues/issues/91
CURSOR_REFUSED = Backoff(tries=2, base=1.0, cap=1.0)

#: A token that was just fetched was refused: retry once, immediately, with another one.
#: https://dev.twitch.tv/docs/authentication/refresh-tokens/
NEW_TOKEN = Backoff(tries=2, base=0.0, cap=0.0)

#: An older token was refused: the one that this process holds may have expired, and then the cached one too.
OLD_TOKEN = Backoff(tries=3, base=0.0, cap=0.0)


@dataclass
class RetryState:
    """Counts the failures of one request, by kind, and says how long to wait after each.

    :param random: a number from 0 to 1, for jitter
    :param renewable: it is signed with a token that can be replaced
    :param repeatable: it is safe to send twice
    :param paged: it carries a cursor
    :param max_wait: seconds that are left to wait, over all kinds of failures

    """

    random: Callable[[], float]
    renewable: bool = True
    repeatable: bool = True
    paged: bool = False
    max_wait: float = math.inf
    failures: Counter[str] = field(default_factory=Counter, init=False)

    def after(self, error: TwitchError, *, new_token: bool = True, renew: bool = True) -> tuple[str, float]:
        """Decide whether this error is worth a retry.

        :param error: why the request failed
        :param new_token: the request was signed with a token that was fetched for it
        :param renew: a refused token may be replaced; else it may be accepted at the next try
        :returns: the kind of failure, and the seconds to wait before the next try
        :raises TwitchError: the error itself, where a retry does not help or all retries are used up
        """
        kind, backoff = self._policy(error, new_token=new_token, renew=renew)
        if backoff is None:
            raise error
        self.failures[kind] += 1
        delay = backoff.delay(self.failures[kind], self.random)
        if delay is None or delay > self.max_wait:
            raise error
        self.max_wait -= delay
        return kind, delay

    def _policy(self, error: TwitchError, *, new_token: bool, renew: bool) -> tuple[str, Backoff | None]:
        match error:
            case TwitchAuthError() if self.renewable and not renew:
                return "transient", TRANSIENT
            case TwitchAuthError() if self.renewable:
                return "token", NEW_TOKEN if new_token else OLD_TOKEN
            case TwitchRateLimitError():
                return "rate limit", RATE_LIMITED
            case TwitchRequestError(status=400) if self.paged:
                return "cursor", CURSOR_REFUSED
            case TwitchServerError() | TwitchConnectionError() | TwitchResponseError() if self.repeatable:
                return "transient", TRANSIENT
            case _:
                return "", None
