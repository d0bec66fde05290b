# SPDX-License-Identifier: Apache-2.0
"""The detector on synthetic series; ``benchmarks/detector.py`` is the same at length."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from benchmarks.detector import play
from benchmarks.viewers import DAY, TICK, ViewerWorld

from twitch_provider.metrics.spikes import BUDGET, CALM_SECONDS, Detector, Episode, Series, episodes, learn

WEEKS = 3


@pytest.fixture(scope="module")
def world() -> ViewerWorld:
    """Ten series: three weeks of history, and a day after that."""
    return ViewerWorld(31, series=10, days=7 * WEEKS + 1)


@pytest.fixture(scope="module")
def today(world: ViewerWorld) -> int:
    return int(world.times[0]) + 7 * WEEKS * DAY


@pytest.fixture(scope="module")
def history(world: ViewerWorld, today: int) -> Mapping[str, Series]:
    return {key: each.between(0, today) for key, each in world.observe().items()}


@pytest.fixture(scope="module")
def detector(history: Mapping[str, Series]) -> Detector:
    return learn(history)


def alarms(detector: Detector, key: str, series: Series) -> list[Episode]:
    assert detector.threshold is not None
    return episodes(series, detector.usual[key], detector.threshold)


def step(world: ViewerWorld, key: str, at: int, factor: float) -> Series:
    """The day after the history of a series, multiplied from an instant on."""
    series = world.observe()[key].between(int(world.times[0]) + 7 * WEEKS * DAY - 1800, at + DAY)
    return Series(series.times, np.where(series.times >= at, series.viewers * factor, series.viewers))


@pytest.mark.parametrize("seed", [41, 42])
def test_keeps_its_budget_in_a_month_in_which_nothing_happens_and_finds_what_is_planted(seed: int) -> None:
    month = play(seed, weeks=WEEKS, series=16)
    print(
        f"seed {seed}: {month.rate:.2f} false alarms per series and month for a budget of {BUDGET}; "
        f"found {month.found_large} of series with 1,000 viewers or more, {month.found} of all"
    )
    assert month.rate <= 2 * BUDGET
    assert month.found_large[1.0] > 0.95
    assert month.found_large[0.5] > 0.5
    assert month.found[0.3] < month.found[0.5] < month.found[1.0]


def test_publishes_the_rate_of_its_last_14_days() -> None:
    # Four weeks in which nothing happens, then one in which every series doubles each day.
    world = ViewerWorld(43, series=8, days=35)
    begins = np.arange(28 * DAY // TICK, 35 * DAY // TICK, DAY // TICK)
    calm, busy = learn(world.observe()), learn(world.observe(world.planted(1.0, begins)))
    assert calm.achieved is not None
    assert busy.achieved is not None
    assert calm.achieved <= 2 * BUDGET
    assert busy.achieved > 4
    assert (calm.days, round(calm.months, 1)) == (35, round(8 * 35 / 30, 1))


def test_learns_for_two_weeks(history: Mapping[str, Series]) -> None:
    begin = int(next(iter(history.values())).times[0])
    young = learn({key: each.between(0, begin + 12 * DAY) for key, each in history.items()})
    assert (young.threshold, young.achieved, young.days, young.usual) == (None, None, 12, {})
    assert learn({}) == Detector(None, 0, 0.0, None, {})
    old_enough = learn({key: each.between(0, begin + 14 * DAY) for key, each in history.items()})
    assert old_enough.threshold
    assert old_enough.achieved is None


def test_too_few_series_cannot_keep_a_budget_and_so_learn_on(history: Mapping[str, Series]) -> None:
    # One series of three weeks: one false alarm in a month is less than it can show.
    assert learn({"0": history["0"]}).threshold is None


def test_a_series_that_begins_later_than_the_others_is_not_tested(history: Mapping[str, Series]) -> None:
    begin = int(history["0"].times[0])
    mixed = learn({**history, "young": history["0"].between(begin + 12 * DAY, begin + 90 * DAY)})
    assert mixed.threshold
    assert mixed.usual.keys() == history.keys()


def test_a_spike_is_one_episode_and_a_drop_another(
    world: ViewerWorld, today: int, detector: Detector
) -> None:
    key, at = large(world), today + 6 * 3600
    (rise,) = alarms(detector, key, step(world, key, at, 3.0))
    assert at <= rise.begin <= at + 2 * TICK
    assert rise.last <= at + 1800 + CALM_SECONDS
    assert rise.rises
    assert rise.viewers > 2 * rise.before
    assert 0.5 < rise.usual < 2
    (drop,) = alarms(detector, key, step(world, key, at, 1 / 3))
    assert not drop.rises
    assert drop.score < -(detector.threshold or 0) < 0


def large(world: ViewerWorld) -> str:
    return str(int(world.expected.mean(0).argmax()))


def test_a_gap_does_not_alarm_whatever_changed_meanwhile(
    world: ViewerWorld, today: int, detector: Detector
) -> None:
    key, at = large(world), today + 6 * 3600
    after = step(world, key, at, 3.0)
    gap = (after.times >= at - 1800) & (after.times < at + 1800)
    assert alarms(detector, key, Series(after.times[~gap], after.viewers[~gap])) == []


def test_missing_ticks_do_not_alarm(world: ViewerWorld, today: int, detector: Detector) -> None:
    dice = np.random.default_rng(5)
    for key in detector.usual:
        series = world.observe()[key].between(today - 1800, today + DAY)
        whole = alarms(detector, key, series)
        there = dice.random(len(series.times)) > 0.3
        thinned = alarms(detector, key, Series(series.times[there], series.viewers[there]))
        assert len(thinned) <= len(whole) + 1
    # A budget holds for the series that are watched, and these lack a third of their snapshots.
    assert play(44, weeks=WEEKS, series=12, days=14, missing=0.3).rate <= 2 * BUDGET


def test_nobody_watches_and_then_many_do(
    world: ViewerWorld, history: Mapping[str, Series], today: int
) -> None:
    nobody = Series(history["0"].times, np.zeros(len(history["0"].times)))
    detector = learn({**history, "nobody": nobody})
    day = today + np.arange(0, DAY, TICK)
    assert alarms(detector, "nobody", Series(day, np.zeros(len(day)))) == []
    few, many = (np.where(day < today + 7200, 0.0, viewers) for viewers in (10.0, 5000.0))
    assert alarms(detector, "nobody", Series(day, few)) == []
    (rise,) = alarms(detector, "nobody", Series(day, many))
    assert (rise.before, rise.viewers) == (0, 5000)


def test_samples_in_any_order_and_more_than_once_are_the_same_series() -> None:
    samples = [(tick * TICK, float(tick % 7)) for tick in range(500)]
    shuffled = [*samples, *samples[100:200]]
    random.Random(3).shuffle(shuffled)  # noqa: S311 - the same in every run
    made, again = Series.of(samples), Series.of(shuffled)
    assert made.times.tolist() == again.times.tolist() == [time for time, _ in samples]
    assert made.viewers.tolist() == again.viewers.tolist()
    assert all(earlier < later for earlier, later in pairwise(again.times.tolist()))
    assert Series.of([]).times.tolist() == []


def test_series_without_anything_half_an_hour_before_have_no_tests(
    detector: Detector, world: ViewerWorld
) -> None:
    hourly = np.arange(0, 20 * DAY, 3600)
    assert alarms(detector, large(world), Series(hourly, np.exp(hourly % 9.0))) == []
    assert alarms(detector, large(world), Series.of([(0, 5.0)])) == []
    assert learn({"hourly": Series(hourly, np.ones(len(hourly)))}).threshold is None
