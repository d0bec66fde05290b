# SPDX-License-Identifier: Apache-2.0
"""How fast a crawl can be, and the names of the benchmark's crawls."""

from __future__ import annotations

import math
from dataclasses import dataclass

LATENCY = 150.0
LIMIT = 800
CONNECTIONS = 32

#: The title of the table, and the three kinds of crawl.
EVERY = "Every crawl"
ALONE, LANGUAGES, CURSORS = "languages, no previous state", "languages", "remembered cursors"


@dataclass(frozen=True)
class Conditions:
    """The conditions of a crawl.

    :param latency: seconds a response
    :param refill: points a minute
    :param limit: points when the crawl begins
    """

    latency: float = LATENCY / 1000
    refill: float = LIMIT
    limit: int = LIMIT

    def floor(self, requests: int) -> float:
        """Minimum of seconds for the requests: by the rate limit, or by latency if that is more.

        :param requests: number of requests
        """
        by_rate = (requests - self.limit) * 60 / self.refill + self.latency
        return max(by_rate, math.ceil(requests / CONNECTIONS) * self.latency)

    def pace(self, requests: int, longest: int) -> float:
        """Minimum of seconds for a crawl: the floor, or its longest walk, whose pages come one after another.

        :param requests: number of requests
        :param longest: pages of the longest language walk
        """
        return max(self.floor(requests), longest * self.latency)
