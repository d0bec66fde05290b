# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from twitch_provider.metrics.clock import make_clock
from twitch_provider.metrics.completeness import completeness, completeness_table
from twitch_provider.metrics.snapshots import Snapshot
from twitch_provider.metrics.tables import TABLES

Make = Callable[..., Any]
DAY = date(2026, 11, 23)
NOT = 12 * 60  # minutes from midnight to noon, where the ticks of these tests count from


def report(snapshots: list[Snapshot], day: date = DAY) -> list[dict[str, Any]]:
    return completeness(snapshots, make_clock(snapshots), day)


def test_a_whole_day(snapshot: Make) -> None:
    ticks = [snapshot(minutes - NOT) for minutes in range(-5, 24 * 60 + 5, 5)]
    assert report(ticks) == [
        {
            "scope": "all_streams {}",
            "dataset": "all_streams",
            "day": DAY,
            "due": 288,
            "missing": 0,
            "missing_ticks": "",
            "counted": 288,
            "incomplete": 0,
            "gated": 0,
            "doubled": 0,
            "late_runs": 0,
            "covered_seconds": 86_400,
            "missing_seconds": 0,
            "gaps": 0,
            "longest_gap_seconds": 0,
        }
    ]
    assert completeness_table(report(ticks)).schema == TABLES["completeness"].schema


def test_what_became_of_ticks_and_seconds(snapshot: Make) -> None:
    ticks = {minutes: snapshot(minutes - NOT) for minutes in range(0, 24 * 60, 5)}
    del ticks[60]  # One missing tick costs no time.
    for minutes in range(120, 180, 5):
        del ticks[minutes]
    ticks[600] = snapshot(600 - NOT, complete=False)
    ticks[700] = snapshot(700 - NOT, duplicate_keys=1)
    ticks[800] = snapshot(800 - NOT, instant=ticks[800].run_after + timedelta(seconds=61))
    ticks[801] = snapshot(801 - NOT, run_type="manual", instant=ticks[800].instant)
    (row,) = report(list(ticks.values()))
    assert (row["due"], row["missing"]) == (288, 13)
    assert row["missing_ticks"].split()[:3] == ["01:00:00", "02:00:00", "02:05:00"]
    assert [row[name] for name in ("counted", "incomplete", "gated", "doubled", "late_runs")] == [
        273,
        1,
        1,
        1,
        1,
    ]
    # From 01:55:02 two intervals are covered, then there is nothing until 03:00:02; the newest is open.
    assert (row["gaps"], row["longest_gap_seconds"]) == (3, 3300)
    assert row["missing_seconds"] == 2 + 3300 + 298
    assert row["covered_seconds"] + row["missing_seconds"] == 86_400


def test_where_the_interval_changes_each_part_has_its_own(snapshot: Make) -> None:
    ticks = [snapshot(minutes - NOT) for minutes in range(0, 720, 5)]
    ticks += [snapshot(minutes - NOT, interval_seconds=1800) for minutes in range(720, 1440, 30)]
    (row,) = report(ticks)
    assert (row["due"], row["missing"]) == (144 + 24, 0)


def test_where_the_scope_changes_each_part_is_due_to_its_own(snapshot: Make) -> None:
    ticks = [snapshot(minutes - NOT) for minutes in range(0, 720, 5)]
    ticks += [snapshot(minutes - NOT, scope="other") for minutes in range(725, 1440, 5)]
    assert [(row["scope"], row["due"], row["missing"]) for row in report(ticks)] == [
        ("all_streams {}", 145, 1),
        ("other", 143, 0),
    ]


def test_a_first_day_is_due_from_its_beginning(snapshot: Make) -> None:
    (row,) = report([snapshot(0), snapshot(5)])
    assert (row["due"], row["missing"], row["counted"]) == (288, 286, 2)
    assert (row["gaps"], row["covered_seconds"]) == (2, 300)


def test_a_dag_that_stopped_has_ticks_due(snapshot: Make) -> None:
    (row,) = report([snapshot(-NOT - 60)])
    assert (row["due"], row["missing"], row["counted"], row["gaps"]) == (288, 288, 0, 1)
    assert (row["covered_seconds"], row["longest_gap_seconds"]) == (0, 86_400)


def test_a_dag_that_was_renamed_has_its_ticks_due_once(snapshot: Make) -> None:
    ticks = [
        snapshot(minutes - NOT, dag_id="old" if minutes < 600 else "new") for minutes in range(0, 1440, 5)
    ]
    (row,) = report(ticks)
    assert (row["due"], row["missing"]) == (288, 0)


def test_nothing_is_due_without_an_interval(snapshot: Make) -> None:
    (row,) = report(
        [snapshot(0, interval_seconds=None, run_type="manual"), snapshot(7, interval_seconds=None)]
    )
    assert (row["due"], row["missing"], row["counted"]) == (0, 0, 2)


def test_a_day_before_the_first_snapshot_has_no_row(snapshot: Make) -> None:
    assert report([snapshot(0)], date(2026, 11, 20)) == []
    assert report([]) == []
