# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from twitch_provider.metrics.gates import closed, rows, shape

Make = Callable[..., Any]


def test_fewer_rows_than_half_the_median_of_24_hours(snapshot: Make) -> None:
    before = [snapshot(5 * n, rows=90 + n) for n in range(12)]  # median 95.5
    low, enough = snapshot(60, rows=47), snapshot(65, rows=48)
    assert closed([low, *before, enough]) == {
        low.identity: (
            "It has 47 rows, less than half of what the 12 snapshots of the 24 hours before have (median 96)."
        )
    }


@pytest.mark.parametrize(
    ("before", "here", "open_"),
    [
        ([100] * 11, 0, True),
        ([100] * 12, 49, False),
        ([100] * 12, 50, True),
        ([49] * 12, 0, True),
        ([50] * 12, 24, False),
        ([0] * 6 + [101] * 6, 25, False),
        ([], 0, True),
    ],
)
def test_a_measure_takes_twelve_snapshots_and_a_median_of_fifty(
    snapshot: Make, before: list[int], here: int, open_: bool
) -> None:
    assert (rows(snapshot(rows=here), before) is None) is open_


def test_the_24_hours_are_those_of_ticks_and_end_before_its_own(snapshot: Make) -> None:
    day = 24 * 60
    old = [snapshot(-day + minute) for minute in range(-6, 6)]
    # Six of the twelve ticks are more than 24 hours old; the one that is exactly that old is not.
    assert closed([*old, snapshot(0, rows=1)]) == {}
    assert len(closed([*old, *(snapshot(-minute) for minute in range(1, 7)), snapshot(0, rows=1)])) == 1
    assert closed([*(snapshot(minute) for minute in range(1, 13)), snapshot(0, rows=1)]) == {}


def test_incomplete_snapshots_and_other_scopes_are_no_measure(snapshot: Make) -> None:
    before = [snapshot(-5 * n, complete=n != 12) for n in range(1, 13)]
    other = [snapshot(-5 * n, scope="other", manifest=f"other{n}") for n in range(1, 13)]
    assert closed([*before, *other, snapshot(0, rows=1)]) == {}


def test_verdicts_of_other_gates_do_not_matter(snapshot: Make) -> None:
    before = [snapshot(-5 * n, duplicate_keys=1) for n in range(1, 13)]
    low = snapshot(0, rows=1)
    assert set(closed([*before, low])) == {each.identity for each in [*before, low]}


def test_an_incomplete_snapshot_has_no_verdict(snapshot: Make) -> None:
    assert closed([snapshot(complete=False, duplicate_keys=1)]) == {}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"duplicate_keys": 2}, "It has 2 rows whose id an earlier row has."),
        (
            {"schema_version": 2},
            "Its schema version is 2, and this version of the package knows 1 to 1: update the package.",
        ),
        ({"missing": {"game_id": 51}}, "51 of its 100 rows have no game_id."),
        ({"missing": {"language": 100}}, "100 of its 100 rows have no language."),
        ({"missing": {"started_at": 51}}, "51 of its 100 rows have no started_at."),
        ({"missing": {"user_login": 11}, "rows": 20}, "11 of its 20 rows have no user_login."),
        ({"missing": {"game_id": 50, "language": 50, "user_login": 50, "title": 100}}, None),
        ({"missing": {"game_id": 19, "language": 19, "started_at": 19}, "rows": 19}, None),
        ({"rows": 0}, None),
    ],
)
def test_shape(snapshot: Make, values: dict[str, Any], reason: str | None) -> None:
    assert shape(snapshot(**values)) == reason
