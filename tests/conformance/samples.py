# SPDX-License-Identifier: Apache-2.0
"""One good value of each parameter, any of them together, and how they are sent to Helix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

#: A valid value of each parameter that is not plain text.
SAMPLES: dict[str, Any] = {
    "first": 20,
    "is_featured": True,
    "live_only": False,
    "language": "en",
    "type": "all",
    "period": "day",
    "sort": "time",
    "started_at": "2026-01-01T00:00:00Z",
    "ended_at": "2026-01-08T00:00:00Z",
}


def as_sent(params: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in params.items()
    ]


def subsets(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Samples of any of these parameters, the fewest first."""
    for count in range(len(names) + 1):
        for chosen in combinations(names, count):
            yield {name: SAMPLES.get(name, "1") for name in chosen}
