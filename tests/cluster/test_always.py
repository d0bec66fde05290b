# SPDX-License-Identifier: Apache-2.0
"""A service that ends again and again is restarted as rarely as Docker does it."""

from __future__ import annotations

from tests.cluster.always import pause_after


def test_pauses_double_up_to_a_minute() -> None:
    pauses: list[float] = []
    for _ in range(12):
        pauses.append(pause_after(1.0, pauses[-1] if pauses else None))
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[-2:] == [60.0, 60.0]


def test_after_a_long_run_it_is_restarted_at_once() -> None:
    assert pause_after(10.0, 60.0) == 0.1
