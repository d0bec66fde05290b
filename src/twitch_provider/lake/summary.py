# SPDX-License-Identifier: Apache-2.0
"""What a task did, in the words of the line that it writes to its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PARTS = {
    "rows_in": "rows in",
    "rows_out": "out",
    "duplicates": "duplicates",
    "filtered": "filtered",
    "rejects": "rejected",
}


def account(counts: Mapping[str, Mapping[str, Any]], places: Mapping[str, str] | None = None) -> str:
    """Return what became of the rows of each dataset: ``games: 20 rows in, 20 out, …; streams: …``.

    :param counts: of each dataset, as a clean table has them
    :param places: where the table of each lies
    """
    lines = []
    for dataset, parts in counts.items():
        place = f" ({places[dataset]})" if places and dataset in places else ""
        numbers = ", ".join(f"{parts.get(name, 0):,} {words}" for name, words in _PARTS.items())
        lines.append(f"{dataset}{place}: {numbers}")
    return "; ".join(lines)


def cost(requests: int, points_left: int | None) -> str:
    """Return what it took: ``21 requests, 779 points left``.

    :param requests: to Helix
    :param points_left: of the rate limit; None where no answer said
    """
    left = "" if points_left is None else f", {points_left:,} points left"
    return f"{requests:,} requests{left}"
