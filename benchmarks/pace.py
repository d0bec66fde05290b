# SPDX-License-Identifier: Apache-2.0
"""How fast a crawl can be at best, and what the crawls of the benchmark are called."""

from __future__ import annotations

import math
from dataclasses import dataclass

LATENCY = 150.0
LIMIT = 800
CONNECTIONS = 32

#: The table of every crawl, and how each was done.
EVERY = "Every crawl"
ALONE, LANGUAGES, CURSORS = "languages, nothing known", "languages", "remembered cursors"


@dataclass(frozen=True)
class Conditions:
    """Under which a crawl ran.

    :param latency: seconds an answer
    :param refill: points a minute
    :param limit: of the bucket, full when the crawl begins
    """

    latency: float = LATENCY / 1000
    refill: float = LIMIT
    limit: int = LIMIT

    def floor(self, requests: int) -> float:
        """Seconds that so many requests take at least: by the rate limit, or by latency if that is more.

        :param requests: that were sent
        """
        by_rate = (requests - self.limit) * 60 / self.refill + self.latency
        return max(by_rate, math.ceil(requests / CONNECTIONS) * self.latency)

    def pace(self, requests: int, longest: int) -> float:
        """Seconds that a crawl takes at least: the floor, or its longest chain, whose pages come one by one.

        :param requests: that were sent
        :param longest: pages of the longest chain
        """
        return max(self.floor(requests), longest * self.latency)
