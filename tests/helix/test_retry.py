# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConnectionError,
    TwitchParameterError,
    TwitchRequestError,
    TwitchServerError,
)
from twitch_provider.helix.retry import RATE_LIMITED, TRANSIENT, Backoff, RetryState


def test_waits_double_up_to_the_cap_and_then_end() -> None:
    backoff = Backoff(tries=6, base=1, cap=5)
    assert [backoff.delay(n, lambda: 1.0) for n in range(1, 7)] == [1, 2, 4, 5, 5, None]


@pytest.mark.parametrize(("random", "expected"), [(0.0, 1.0), (0.5, 1.5), (1.0, 2.0)])
def test_jitter_never_takes_more_than_half(random: float, expected: float) -> None:
    assert Backoff(tries=3, base=2, cap=60).delay(1, lambda: random) == expected


def test_a_429_waits_at_least_a_second() -> None:
    delay = RATE_LIMITED.delay(1, lambda: 0.0)
    assert delay is not None
    assert delay >= 1


def test_each_kind_of_failure_has_its_own_count() -> None:
    retry = RetryState(lambda: 1.0)
    for _ in range(TRANSIENT.tries - 1):
        retry.after(TwitchConnectionError("…"))
    assert retry.after(TwitchAuthError("…")) == ("token", 0.0)
    with pytest.raises(TwitchServerError):
        retry.after(TwitchServerError("…", status=500))


@pytest.mark.parametrize(
    ("retry", "error"),
    [
        (RetryState(lambda: 1.0), TwitchParameterError("…")),
        (RetryState(lambda: 1.0), TwitchRequestError("…", status=400)),
        (RetryState(lambda: 1.0, paged=True), TwitchRequestError("…", status=403)),
        (RetryState(lambda: 1.0, renewable=False), TwitchAuthError("…")),
        (RetryState(lambda: 1.0, repeatable=False), TwitchConnectionError("…")),
    ],
)
def test_raises_at_once_what_is_not_worth_a_retry(retry: RetryState, error: Exception) -> None:
    with pytest.raises(type(error)):
        retry.after(error)  # type: ignore[arg-type]  # parametrised over TwitchErrors
