# SPDX-License-Identifier: Apache-2.0
"""The rate limit: what the headers say, and a limiter that mirrors the server's.

Twitch keeps one token bucket per client id for app tokens; most requests cost one point, and points are
added continuously. https://dev.twitch.tv/docs/api/guide#twitch-rate-limits
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

#: Points of a client id to which Twitch has not granted more.
DEFAULT_LIMIT = 800
#: Seconds from no points to all of them.
REFILL_SECONDS = 60.0
#: So little is missing only because floats round: so short a wait would not move the clock.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class RateLimit:
    """What one answer said about the rate limit.

    :param limit: how many points there are at most
    :param remaining: points left
    :param full_at: when *all* points are back if none is spent, not when the next one arrives
    """

    limit: int
    remaining: int
    full_at: datetime | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> RateLimit | None:
        """Read ``Ratelimit-Limit``, ``-Remaining`` and ``-Reset`` (a Unix epoch, in seconds).

        :param headers: the answer's headers, names in lower case
        :returns: None where limit or remaining is absent or not a number: not every answer has them
        """
        limit = _whole(headers.get("ratelimit-limit"))
        remaining = _whole(headers.get("ratelimit-remaining"))
        if limit is None or remaining is None or limit < 1:
            return None
        return cls(limit, remaining, _instant(_whole(headers.get("ratelimit-reset"))))


def _whole(text: str | None) -> int | None:
    # Longer numbers are neither points nor epochs.
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,15}", text) else None


def _instant(epoch: int | None) -> datetime | None:
    try:
        return None if epoch is None else datetime.fromtimestamp(epoch, UTC)
    except (OverflowError, OSError, ValueError):
        return None


@dataclass
class RateLimiter:
    """A mirror of Twitch's rate limit: lazy refill, no thread, time is an argument.

    Call :meth:`take` before a request. The headers of the answers correct the mirror, because all processes
    with the same client id spend the same points: the headers are their shared memory. Corrections only
    lower it, as answers overtake each other; only the refill raises it.

    :param reserve: points to leave to others, never more than a tenth of the real limit
    :param limit: how many points there are at most, until an answer says another number
    """

    reserve: float = 50
    limit: int = DEFAULT_LIMIT
    level: float = field(init=False)
    in_flight: int = field(default=0, init=False)
    _filled_at: float | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self.level = float(self.limit)

    def take(self, now: float, *, leave: float = 0) -> float:
        """Take one point for a request.

        :param now: seconds on a monotonic clock
        :param leave: points to leave, beyond the reserve, to more urgent requests
        :returns: 0 where the point is taken; else the seconds until there is one, not until all are back
        """
        with self._lock:
            self._refill(now)
            kept = min(self.reserve, self.limit // 10) + min(leave, self.limit // 10)
            missing = 1 + kept - self.level
            if missing > _ROUNDING:
                return missing * REFILL_SECONDS / self.limit
            self.level -= 1
            self.in_flight += 1
            return 0.0

    def record(self, now: float, rate_limit: RateLimit | None, *, refused: bool = False) -> None:
        """Record the end of a request that took a point.

        :param now: seconds on a monotonic clock
        :param rate_limit: what its answer said; None without headers or without an answer
        :param refused: it was answered with 429
        """
        with self._lock:
            self._refill(now)
            self.in_flight = max(0, self.in_flight - 1)
            if rate_limit is not None:
                self.limit = rate_limit.limit
                # Requests in flight may be counted already or not: count them as spent.
                self.level = min(self.level, rate_limit.remaining - self.in_flight, self.limit)
            elif refused:
                self.level = min(self.level, 0.0)

    def _refill(self, now: float) -> None:
        if self._filled_at is not None and now > self._filled_at:
            gained = (now - self._filled_at) * self.limit / REFILL_SECONDS
            self.level = min(float(self.limit), self.level + gained)
        self._filled_at = now if self._filled_at is None else max(now, self._filled_at)
