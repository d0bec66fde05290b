# SPDX-License-Identifier: Apache-2.0
"""What is usual, and what gains or loses most against it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from tests.metrics.conftest import NOON

from twitch_provider.metrics.movers import Basis, Mover, basis_of, compared_hour, movers

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEFORE = NOON - HOUR
WEEKS = [BEFORE - 7 * number * DAY for number in range(1, 5)]


def covered(*hours: datetime, seconds: int = 3600) -> Callable[[datetime], int]:
    return lambda hour: seconds if hour in hours else 0


@pytest.mark.parametrize(
    ("hours", "usual", "words"),
    [
        ([BEFORE, *WEEKS, BEFORE - DAY], WEEKS, "the average of 4 of the last 4 weeks."),
        ([BEFORE, WEEKS[2], BEFORE - DAY], WEEKS[2:3], "the average of 1 of the last 4 weeks."),
        (
            [BEFORE, BEFORE - DAY, BEFORE - HOUR],
            [BEFORE - DAY],
            "yesterday, since that of a week ago is missing.",
        ),
        ([BEFORE, BEFORE - HOUR], [BEFORE - HOUR], "the hour before, since that of yesterday is missing."),
    ],
)
def test_usual_is_what_there_is_of_the_same_hour(
    hours: list[datetime], usual: list[datetime], words: str
) -> None:
    basis = basis_of(NOON, covered(*hours))
    assert basis is not None
    assert (basis.hour, list(basis.usual)) == (BEFORE, usual)
    assert basis.sentence.startswith("Average viewers of the hour from 2026-11-23 11:00 UTC, against the ")
    assert basis.sentence.endswith(words)


@pytest.mark.parametrize("usual", [(BEFORE, NOON), (NOON,), (BEFORE,)])
def test_without_two_whole_hours_the_newest_snapshot_is_compared(usual: tuple[datetime, ...]) -> None:
    sentence = (
        f"Viewers in the newest snapshot, against the average since {usual[0]:%Y-%m-%d %H}:00 UTC: it takes "
        "two whole hours to compare hours."
    )
    assert basis_of(NOON, covered(*usual)) == Basis(None, usual, sentence)


def test_a_single_snapshot_has_nothing_to_be_compared_with() -> None:
    assert basis_of(NOON, covered()) is None


def test_an_hour_of_which_less_than_half_is_covered_is_not_compared() -> None:
    assert compared_hour(NOON, covered(BEFORE, seconds=1799)) is None
    assert compared_hour(NOON, covered(BEFORE, seconds=1800)) == BEFORE
    assert compared_hour(NOON, covered(NOON - 23 * HOUR)) == NOON - 23 * HOUR
    assert compared_hour(NOON, covered(NOON, NOON - 24 * HOUR)) is None


def test_in_order_of_the_change_with_a_floor_under_what_is_usual() -> None:
    viewers = {"double": 2000, "new": 150, "small": 99, "grown": 1500, "gone": 0, "half": 500, "same": 700}
    usual = {"double": 1000, "small": 1, "grown": 1000, "gone": 100, "half": 1000, "same": 700}
    gaining, losing = movers(viewers, usual, 100, absent=True)
    # 150 more than a floor of 100 are more than twice as many.
    assert [each.key for each in gaining] == ["new", "double", "grown"]
    assert [each.key for each in losing] == ["gone", "half"]
    assert [each.change for each in gaining] == [None, 1, 0.5]
    assert losing == [Mover("gone", 0, 100), Mover("half", 500, 1000)]


def test_ties_go_by_the_difference_and_then_by_the_key_as_bytes() -> None:
    usual = {"a": 100, "Z": 100, "é": 100, "z": 100, "more": 1000}
    _, losing = movers({}, usual, 20, absent=True)
    assert [each.key for each in losing] == ["more", "Z", "a", "z", "é"]


def test_what_was_not_listed_on_one_side_is_left_out_where_only_listed_games_are_read() -> None:
    gaining, losing = movers({"a": 300, "b": 300}, {"b": 200, "c": 300}, 20, absent=False)
    assert (gaining, losing) == ([Mover("b", 300, 200)], [])


def test_at_most_ten_of_each() -> None:
    gaining, losing = movers({str(n): 100 + n for n in range(30)}, {}, 20, absent=True)
    assert [each.viewers for each in gaining] == list(range(129, 119, -1))
    assert losing == []
