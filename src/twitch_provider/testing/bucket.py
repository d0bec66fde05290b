# SPDX-License-Identifier: Apache-2.0
"""The server's side of the rate limit: a token bucket that refills continuously.

https://dev.twitch.tv/docs/api/guide#twitch-rate-limits; that the refill is continuous and not once a
minute was measured in https://github.com/twitchdev/issues/issues/597.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from twitch_provider.exceptions import TwitchParameterError


@dataclass
class Bucket:
    """One client's points; lazy refill, time is an argument (Unix epoch, seconds of the world's time).

    :param limit: the size of the bucket, as its headers announce it
    :param refill_per_minute: what is really added a minute, all along; None means ``limit``. In 2022 the
        real refill was 600 while the headers went on saying 800.
    :raises TwitchParameterError: there is no room for a point
    """

    limit: int = 800
    refill_per_minute: float | None = None
    level: float = field(init=False)
    _filled_at: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise TwitchParameterError(
                f"A rate limit is 1 point or more, not {self.limit}.", parameter="limit"
            )
        self.level = float(self.limit)

    def take(self, now: float) -> bool:
        """Take one point for a request; False where the bucket has none left."""
        self._refill(now)
        if self.level < 1:
            return False
        self.level -= 1
        return True

    def headers(self, now: float) -> dict[str, str]:
        """The three headers of every Helix answer; ``Ratelimit-Reset`` is when the bucket is *full*."""
        self._refill(now)
        announced_rate = self.limit / 60
        return ratelimit_headers(
            self.limit, int(self.level), math.ceil(now + (self.limit - self.level) / announced_rate)
        )

    def _refill(self, now: float) -> None:
        if self._filled_at is not None and now > self._filled_at:
            per_minute = self.limit if self.refill_per_minute is None else self.refill_per_minute
            self.level = min(self.limit, self.level + (now - self._filled_at) * per_minute / 60)
        self._filled_at = now


def ratelimit_headers(limit: int, remaining: int, full_at: int) -> dict[str, str]:
    """The rate limit headers, spelled as Twitch spells them.

    :param full_at: Unix epoch in seconds
    """
    return {
        "Ratelimit-Limit": str(limit),
        "Ratelimit-Remaining": str(remaining),
        "Ratelimit-Reset": str(full_at),
    }
