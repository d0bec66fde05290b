# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing.rate_limit import RateLimit


def test_one_point_is_back_a_second_later() -> None:
    rate_limit = RateLimit()
    assert rate_limit.take(1_000.0)
    assert rate_limit.headers(1_000.0) == {
        "Ratelimit-Limit": "800",
        "Ratelimit-Remaining": "799",
        "Ratelimit-Reset": "1001",
    }


def test_all_points_are_back_a_minute_later() -> None:
    rate_limit = RateLimit(limit=2)
    assert [rate_limit.take(50.0) for _ in range(3)] == [True, True, False]
    assert rate_limit.headers(50.0)["Ratelimit-Remaining"] == "0"
    assert rate_limit.headers(50.0)["Ratelimit-Reset"] == "110"


def test_refills_continuously() -> None:
    rate_limit = RateLimit(limit=60)
    for _ in range(60):
        assert rate_limit.take(0.0)
    assert not rate_limit.take(0.9)
    assert rate_limit.take(1.0)
    assert not rate_limit.take(1.5)
    assert rate_limit.take(2.0)


def test_never_holds_more_than_its_limit() -> None:
    rate_limit = RateLimit(limit=3)
    rate_limit.take(0.0)
    assert rate_limit.headers(1e6)["Ratelimit-Remaining"] == "3"


def test_may_add_600_a_minute_while_its_headers_say_800() -> None:
    rate_limit = RateLimit(limit=800, refill_per_minute=600)
    for _ in range(800):
        rate_limit.take(0.0)
    headers = rate_limit.headers(30.0)
    assert headers["Ratelimit-Limit"] == "800"
    assert headers["Ratelimit-Remaining"] == "300"
    assert headers["Ratelimit-Reset"] == "68"  # as if 800 a minute were added


def test_refuses_a_limit_below_1() -> None:
    with pytest.raises(TwitchParameterError, match="limit must be 1 or more"):
        RateLimit(limit=0)


def test_a_clock_that_steps_back_adds_nothing() -> None:
    rate_limit = RateLimit(limit=10)
    rate_limit.take(100.0)
    rate_limit.take(90.0)
    assert rate_limit.remaining == 8
