# SPDX-License-Identifier: Apache-2.0
"""The server's side of the rate limit: points that refill continuously.

https://dev.twitch.tv/docs/api/guide#twitch-rate-limits; that the refill is continuous and not once a
minute was measured in https://github.com/twitchdev/issues/issues/597.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from twitch_provider.exceptions import TwitchParameterError


@dataclass
class RateLimit:
    """The points of one client; they are refilled when they are looked at. Time is an argument, in seconds.

    :param limit: the most points, as the headers say
    :param refill_per_minute: points that are added a minute; None means ``limit``. In 2022 Twitch added 600
        while its headers said 800.
    :param remaining: points that are left, not rounded
    :raises TwitchParameterError: ``limit`` is below 1
    """

    limit: int = 800
    refill_per_minute: float | None = None
    remaining: float = field(init=False)
    _filled_at: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise TwitchParameterError(f"limit must be 1 or more, not {self.limit}.", parameter="limit")
        self.remaining = float(self.limit)

    def take(self, now: float) -> bool:
        """Take one point for a request; False if none is left."""
        self._refill(now)
        if self.remaining < 1:
            return False
        self.remaining -= 1
        return True

    def headers(self, now: float) -> dict[str, str]:
        """The three headers of every Helix response; ``Ratelimit-Reset`` is when all points are back."""
        self._refill(now)
        reset = math.ceil(now + 60 * (self.limit - self.remaining) / self.limit)
        return ratelimit_headers(self.limit, int(self.remaining), reset)

    def _refill(self, now: float) -> None:
        if self._filled_at is not None and now > self._filled_at:
            per_minute = self.limit if self.refill_per_minute is None else self.refill_per_minute
            self.remaining = min(self.limit, self.remaining + (now - self._filled_at) * per_minute / 60)
        self._filled_at = now


def ratelimit_headers(limit: int, remaining: int, reset: int) -> dict[str, str]:
    """The rate limit headers, spelled as Twitch spells them.

    :param reset: Unix epoch in seconds
    """
    return {
        "Ratelimit-Limit": str(limit),
        "Ratelimit-Remaining": str(remaining),
        "Ratelimit-Reset": str(reset),
    }
