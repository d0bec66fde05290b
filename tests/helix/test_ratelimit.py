# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twitch_provider.helix.ratelimit import RateLimit, RateLimiter


def told(remaining: int, limit: int = 800) -> RateLimit:
    return RateLimit(limit, remaining)


def test_reads_the_three_headers() -> None:
    headers = {"ratelimit-limit": "800", "ratelimit-remaining": "799", "ratelimit-reset": "1781653392"}
    full_at = datetime(2026, 6, 16, 23, 43, 12, tzinfo=UTC)
    assert RateLimit.from_headers(headers) == RateLimit(800, 799, full_at)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ratelimit-limit": "800"},
        {"ratelimit-limit": "", "ratelimit-remaining": ""},
        {"ratelimit-limit": "0", "ratelimit-remaining": "0"},
        {"ratelimit-limit": "800", "ratelimit-remaining": "-1"},
        {"ratelimit-limit": "many", "ratelimit-remaining": "7"},
        {"ratelimit-limit": "1" + "0" * 400, "ratelimit-remaining": "7"},
    ],
)
def test_absent_or_invalid_headers_are_ignored(headers: dict[str, str]) -> None:
    assert RateLimit.from_headers(headers) is None


@pytest.mark.parametrize("reset", [None, "", "soon", "9" * 15, "9" * 30])
def test_an_invalid_reset_does_not_invalidate_the_rest(reset: str | None) -> None:
    headers = {"ratelimit-limit": "120", "ratelimit-remaining": "7"} | (
        {} if reset is None else {"ratelimit-reset": reset}
    )
    assert RateLimit.from_headers(headers) == RateLimit(120, 7, None)


def test_takes_points_at_once_while_there_are_some() -> None:
    limiter = RateLimiter(reserve=0, limit=3)
    assert [limiter.take(0), limiter.take(0), limiter.take(0)] == [0, 0, 0]
    assert limiter.in_flight == 3


def test_without_points_the_wait_is_for_one_point() -> None:
    limiter = RateLimiter(reserve=0)
    limiter.level = 0
    assert limiter.take(0) == pytest.approx(60 / 800)
    assert limiter.take(60 / 800) == 0


def test_leaves_the_reserve_to_others() -> None:
    limiter = RateLimiter(reserve=50)
    taken = 0
    while limiter.take(0) == 0:
        taken += 1
    assert taken == 750


@pytest.mark.parametrize(("limit", "usable"), [(800, 750), (100, 90), (30, 27), (9, 9), (1, 1)])
def test_the_reserve_is_never_more_than_a_tenth(limit: int, usable: int) -> None:
    limiter = RateLimiter(reserve=50, limit=limit)
    taken = 0
    while limiter.take(0) == 0:
        taken += 1
    assert taken == usable


def test_headers_correct_downwards() -> None:
    limiter = RateLimiter()
    limiter.take(0)
    limiter.record(0, told(100))
    assert limiter.level == 100


def test_headers_do_not_correct_upwards_as_answers_overtake_each_other() -> None:
    limiter = RateLimiter()
    limiter.level = 10
    limiter.record(0, told(400))
    assert limiter.level == 10


def test_counts_requests_in_flight_as_spent() -> None:
    limiter = RateLimiter()
    for _ in range(5):
        limiter.take(0)
    limiter.record(0, told(300))
    assert limiter.level == 300 - 4


def test_learns_another_limit_from_the_headers() -> None:
    limiter = RateLimiter(reserve=0)
    limiter.take(0)
    limiter.record(0, told(20, limit=1200))
    assert limiter.limit == 1200
    limiter.level = 0
    assert limiter.take(0) == pytest.approx(60 / 1200)


def test_a_429_without_headers_empties_it() -> None:
    limiter = RateLimiter()
    limiter.take(0)
    limiter.record(0, None, refused=True)
    assert limiter.level == 0


def test_a_429_with_points_left_does_not_empty_it() -> None:
    limiter = RateLimiter()
    limiter.take(0)
    limiter.record(0, told(640), refused=True)
    assert limiter.level == 640


def test_an_answer_without_headers_changes_nothing() -> None:
    limiter = RateLimiter()
    limiter.take(0)
    limiter.record(0, None)
    assert (limiter.level, limiter.in_flight) == (799, 0)


def test_time_that_goes_backwards_takes_nothing_away() -> None:
    limiter = RateLimiter(reserve=0)
    limiter.level = 5
    limiter.take(100)
    limiter.take(50)
    assert limiter.level == 3


@given(
    pause=st.lists(st.floats(0, 0.2), min_size=200, max_size=400),
    refill=st.sampled_from([800.0, 600.0]),
    start=st.integers(0, 800),
)
def test_is_refused_seldom_and_never_stuck_whatever_the_server_refills(
    pause: list[float], refill: float, start: int
) -> None:
    """A server that says 800 a minute and may refill 600: the headers keep the mirror true."""
    limiter, now, server, refused = RateLimiter(), 0.0, float(start), 0
    for each in pause:
        now += each
        server = min(800.0, server + each * refill / 60)
        while delay := limiter.take(now):
            assert delay <= 60 * 51 / 800 + 1
            now += delay
            server = min(800.0, server + delay * refill / 60)
        if server < 1:
            refused += 1
            limiter.record(now, told(int(server)), refused=True)
        else:
            server -= 1
            limiter.record(now, told(int(server)))
    assert refused <= 1
