# SPDX-License-Identifier: Apache-2.0
"""Which intervals metrics say are missing."""

from __future__ import annotations

from typing import Any

from tests.cluster.ending import missing_ticks


def scope(dataset: str, today: str, yesterday: str | None) -> dict[str, Any]:
    days = [None if ticks is None else {"missing_ticks": ticks} for ticks in (today, yesterday)]
    return {"dataset": dataset, "health": dict(zip(("today", "yesterday"), days, strict=True))}


def test_missing_ticks_are_those_of_both_days_and_all_scopes() -> None:
    overview = {
        "scopes": [
            scope("top_streams", "00:05:00 12:00:00", "23:55:00"),
            scope("top_streams", "", None),
            scope("all_streams", "", None),
        ]
    }
    assert missing_ticks(overview) == {"top_streams": {"00:05", "12:00", "23:55"}, "all_streams": set()}
