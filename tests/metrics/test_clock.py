# SPDX-License-Identifier: Apache-2.0
"""The clock, stepped by hand."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from twitch_provider.metrics.clock import Clock, make_clock
from twitch_provider.metrics.snapshots import scope_of

Make = Callable[..., Any]


def seconds(clock: Clock) -> list[tuple[str, int, int]]:
    return [(row.status, row.seconds, row.missing_seconds) for row in clock.rows]


def test_nothing_gives_nothing() -> None:
    clock = make_clock([])
    assert (clock.rows, clock.parts, clock.before) == ([], [], [])


def test_each_snapshot_counts_until_the_next_one_and_the_newest_is_open(snapshot: Make) -> None:
    clock = make_clock([snapshot(0), snapshot(5), snapshot(12, instant=snapshot(11).instant)])
    assert seconds(clock) == [("counted", 300, 0), ("counted", 360, 0), ("counted", 0, 0)]


def test_a_missed_tick_costs_nothing_and_a_gap_is_not_filled(snapshot: Make) -> None:
    clock = make_clock([snapshot(0), snapshot(10), snapshot(130)])
    assert seconds(clock) == [("counted", 600, 0), ("counted", 600, 6600), ("counted", 0, 0)]


def test_the_longest_time_follows_the_interval_of_each_manifest(snapshot: Make) -> None:
    clock = make_clock(
        [
            snapshot(0, interval_seconds=60),
            snapshot(60, interval_seconds=1800),
            snapshot(120, interval_seconds=None),
            snapshot(180),
        ]
    )
    assert [row.seconds for row in clock.rows] == [120, 3600, 600, 0]
    assert [row.missing_seconds for row in clock.rows] == [3480, 0, 3000, 0]


def test_seconds_belong_to_the_hours_in_which_they_lie(snapshot: Make, noon: datetime) -> None:
    clock = make_clock([snapshot(-90, interval_seconds=7200), snapshot(65)])
    parts = [(part.hour, part.day, part.seconds, part.instant) for part in clock.parts]
    instant = noon - timedelta(minutes=90) + timedelta(seconds=2)
    assert parts == [
        (noon - timedelta(hours=2), date(2026, 11, 23), 1798, instant),
        (noon - timedelta(hours=1), date(2026, 11, 23), 3600, instant),
        (noon, date(2026, 11, 23), 3600, instant),
        (noon + timedelta(hours=1), date(2026, 11, 23), 302, instant),
    ]


def test_seconds_belong_to_the_day_in_which_they_lie(snapshot: Make) -> None:
    before_midnight = snapshot(12 * 60 - 1)
    clock = make_clock([before_midnight, snapshot(12 * 60 + 4)])
    assert [(part.day.day, part.seconds) for part in clock.parts] == [(23, 58), (24, 242)]
    assert [(row.day.day, row.hour.hour) for row in clock.rows] == [(23, 23), (24, 0)]


def test_a_snapshot_on_the_hour_has_one_part_of_it(snapshot: Make, noon: datetime) -> None:
    clock = make_clock([snapshot(0, instant=noon), snapshot(60, interval_seconds=1800)])
    assert [(part.hour, part.seconds) for part in clock.parts] == [(noon, 600)]


@pytest.mark.parametrize("status", ["incomplete", "gated"])
def test_what_does_not_count_has_no_seconds_and_ends_nobodys_time(snapshot: Make, status: str) -> None:
    odd = snapshot(5, complete=False) if status == "incomplete" else snapshot(5, duplicate_keys=1)
    clock = make_clock([snapshot(0), odd, snapshot(10)])
    assert seconds(clock) == [("counted", 600, 0), (status, 0, 0), ("counted", 0, 0)]
    assert [row.reason for row in clock.rows] == [
        None,
        None if status == "incomplete" else "It has 1 rows whose id an earlier row has.",
        None,
    ]


def test_of_several_over_one_instant_the_complete_one_counts_then_the_smaller_tick_then_the_run_id(
    snapshot: Make,
) -> None:
    together: dict[str, Any] = {"instant": snapshot(7).instant}
    clock = make_clock(
        [
            snapshot(0, run_id="cut short", complete=False, **together),
            snapshot(5, run_id="b", manifest="other", **together),
            snapshot(5, run_id="a", **together),
            snapshot(7, run_id="late", **together),
            snapshot(12),
        ]
    )
    assert [(row.run_id, row.status) for row in clock.rows[:4]] == [
        ("cut short", "incomplete"),
        ("a", "counted"),
        ("b", "doubled"),
        ("late", "doubled"),
    ]
    assert [row.seconds for row in clock.rows] == [0, 300, 0, 0, 0]


def test_where_a_gate_closes_the_first_of_two_the_second_counts(snapshot: Make) -> None:
    instant = snapshot(5).instant
    clock = make_clock([snapshot(0, instant=instant, schema_version=2), snapshot(5, instant=instant)])
    assert [row.status for row in clock.rows] == ["gated", "counted"]


def test_an_empty_complete_snapshot_covers_its_time(snapshot: Make) -> None:
    clock = make_clock([snapshot(0, rows=0, viewers=0), snapshot(5)])
    assert seconds(clock) == [("counted", 300, 0), ("counted", 0, 0)]


def test_the_order_is_that_of_the_instants(snapshot: Make) -> None:
    # The run of 12:00 asked Twitch after that of 12:05.
    clock = make_clock([snapshot(0, instant=snapshot(6).instant), snapshot(5), snapshot(10)])
    assert [row.run_after.minute for row in clock.rows] == [5, 0, 10]
    assert seconds(clock) == [("counted", 60, 0), ("counted", 240, 0), ("counted", 0, 0)]


def test_late_is_more_than_a_minute_after_the_tick(snapshot: Make) -> None:
    tick = snapshot().run_after
    on_time = snapshot(0, instant=tick + timedelta(seconds=60))
    late = snapshot(5, instant=tick + timedelta(minutes=5, seconds=61))
    assert [row.late for row in make_clock([on_time, late]).rows] == [False, True]


def test_scopes_have_clocks_of_their_own(snapshot: Make) -> None:
    other = scope_of("by_language", {"languages": ["de"]})
    clock = make_clock([snapshot(0), snapshot(2, scope=other), snapshot(5), snapshot(7, scope=other)])
    assert [(row.scope, row.seconds) for row in clock.rows] == [
        ("all_streams {}", 300),
        ("all_streams {}", 0),
        (other, 300),
        (other, 0),
    ]
    before = [(each.scope, each.run_after.minute) for each in clock.before]
    assert before == [("all_streams {}", 5), (other, 7)]


def test_the_snapshot_before_is_the_one_that_counted(snapshot: Make) -> None:
    clock = make_clock([snapshot(0), snapshot(5, complete=False), snapshot(10)])
    assert [(each.run_after.minute, each.before_run_after.minute) for each in clock.before] == [(10, 0)]
    assert clock.before[0].before_instant == snapshot(0).instant


def test_a_period_has_its_samples_the_seconds_in_it_and_the_snapshots_before(
    snapshot: Make, noon: datetime
) -> None:
    series = [snapshot(at) for at in (-11, -6, -2, 3, 58, 62)]
    series.append(snapshot(59, complete=False))
    hour = make_clock(series).period(noon, noon + timedelta(hours=1))
    assert [(row.run_after.minute, row.status) for row in hour.rows] == [
        (3, "counted"),
        (58, "counted"),
        (59, "incomplete"),
    ]
    assert [(part.run_after.minute, part.seconds) for part in hour.parts] == [(58, 182), (3, 600), (58, 118)]
    assert [(each.run_after.minute, each.before_run_after.minute) for each in hour.before] == [
        (3, 58),
        (58, 3),
    ]
    ticks = {("all_streams", noon + timedelta(minutes=at)) for at in (-2, 3, 58)}
    assert hour.needed == ticks


def test_a_period_after_a_gap_reads_the_snapshot_before_it(snapshot: Make, noon: datetime) -> None:
    clock = make_clock([snapshot(-90), snapshot(3)])
    assert clock.period(noon, noon + timedelta(hours=1)).needed == {
        ("all_streams", noon - timedelta(minutes=90)),
        ("all_streams", noon + timedelta(minutes=3)),
    }


def test_the_order_of_arrival_does_not_matter(snapshot: Make) -> None:
    series = [
        snapshot(at, complete=at % 7 > 0, instant=snapshot(at // 2 * 2).instant, dataset=f"set_{at % 2}")
        for at in range(0, 100, 3)
    ]
    expected = make_clock(series)
    for seed in range(5):
        shuffled = random.Random(seed).sample(series, len(series))  # noqa: S311
        assert make_clock(shuffled) == expected


def test_the_sessions_of_a_day_look_at_what_counted_in_the_48_hours_before(
    snapshot: Make, noon: datetime
) -> None:
    series = [snapshot(-49 * 60), snapshot(-47 * 60), snapshot(-5, complete=False), snapshot(5)]
    day = make_clock(series).period(noon, noon + timedelta(hours=24))
    assert day.needed_earlier == {(series[1].dataset, series[1].run_after)}
