# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing.world import Filters, Keys, WorldClock

KEYS = Keys("1", "mira", "509658", "en", "live")


@pytest.mark.parametrize(
    ("filters", "admitted"),
    [
        (Filters(), True),
        (Filters(user_ids=frozenset("1")), True),
        (Filters(user_ids=frozenset("2"), user_logins=frozenset({"mira"})), True),
        (Filters(user_ids=frozenset("2")), False),
        (Filters(game_ids=frozenset({"509658"}), languages=frozenset({"de"})), False),
        (Filters(languages=frozenset({"de", "en"}), live_only=True), True),
    ],
)
def test_filters(filters: Filters, admitted: bool) -> None:
    assert filters.admit(KEYS) is admitted


def test_type_live_refuses_a_row_without_a_type() -> None:
    assert not Filters(live_only=True).admit(KEYS._replace(type=""))


def test_the_clock_starts_at_its_instant_and_runs_on() -> None:
    ticks = iter([100.0, 101.5, 102.0])
    clock = WorldClock(datetime(2024, 7, 17, 12, tzinfo=UTC), lambda: next(ticks))
    assert clock.now() == datetime(2024, 7, 17, 12, 0, 1, 500_000, tzinfo=UTC)
    clock.advance(300)
    assert clock.now() == datetime(2024, 7, 17, 12, 5, 2, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
def test_the_clock_does_not_run_backwards(seconds: float) -> None:
    clock = WorldClock(datetime(2024, 7, 17, tzinfo=UTC), lambda: 0.0)
    with pytest.raises(TwitchParameterError, match="must be 0 or more"):
        clock.advance(seconds)
