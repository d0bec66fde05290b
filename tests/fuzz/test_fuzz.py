# SPDX-License-Identifier: Apache-2.0
"""Each parser on inputs that are nearly valid; `make fuzz` runs for as long as it is told, with coverage."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(random=st.randoms(use_true_random=False))
def test_returns_a_right_result_or_raises_one_of_our_errors(name: str, random: Random) -> None:
    target = TARGETS[name]
    data = random.choice(target.seeds())
    for _ in range(random.randrange(3)):
        data = target.mutate(random, data)
    target.check(data)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_accepts_what_is_valid(name: str) -> None:
    for seed in TARGETS[name].seeds():
        TARGETS[name].check(seed)


@pytest.mark.parametrize(
    ("name", "path"),
    [(name, path) for name, target in sorted(TARGETS.items()) for path in target.found],
    ids=lambda each: getattr(each, "name", each),
)
def test_treats_what_was_found_once(name: str, path: object) -> None:
    TARGETS[name].check(path.read_bytes())  # type: ignore[attr-defined]
