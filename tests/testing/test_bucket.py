# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing.bucket import Bucket


def test_says_that_a_bucket_lacking_one_point_is_full_a_second_later() -> None:
    bucket = Bucket()
    assert bucket.take(1_000.0)
    assert bucket.headers(1_000.0) == {
        "Ratelimit-Limit": "800",
        "Ratelimit-Remaining": "799",
        "Ratelimit-Reset": "1001",
    }


def test_says_that_an_empty_bucket_is_full_a_minute_later() -> None:
    bucket = Bucket(limit=2)
    assert [bucket.take(50.0) for _ in range(3)] == [True, True, False]
    assert bucket.headers(50.0)["Ratelimit-Remaining"] == "0"
    assert bucket.headers(50.0)["Ratelimit-Reset"] == "110"


def test_refills_continuously() -> None:
    bucket = Bucket(limit=60)
    for _ in range(60):
        assert bucket.take(0.0)
    assert not bucket.take(0.9)
    assert bucket.take(1.0)
    assert not bucket.take(1.5)
    assert bucket.take(2.0)


def test_never_holds_more_than_its_limit() -> None:
    bucket = Bucket(limit=3)
    bucket.take(0.0)
    assert bucket.headers(1e6)["Ratelimit-Remaining"] == "3"


def test_may_refill_at_600_a_minute_while_it_says_800() -> None:
    bucket = Bucket(limit=800, refill_per_minute=600)
    for _ in range(800):
        bucket.take(0.0)
    headers = bucket.headers(30.0)
    assert headers["Ratelimit-Limit"] == "800"
    assert headers["Ratelimit-Remaining"] == "300"
    assert headers["Ratelimit-Reset"] == "68"  # as if the missing 500 came at 800 a minute


def test_has_room_for_a_point() -> None:
    with pytest.raises(TwitchParameterError, match="1 point or more"):
        Bucket(limit=0)


def test_survives_a_clock_that_steps_back() -> None:
    bucket = Bucket(limit=10)
    bucket.take(100.0)
    bucket.take(90.0)
    assert bucket.level == 8
