# SPDX-License-Identifier: Apache-2.0
"""The detector of spikes: whether it keeps its budget while nothing happens, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.report import Entry, Facts, Ratio
from benchmarks.viewers import DAY, TICK, ViewerWorld
from twitch_provider.metrics.spikes import BUDGET, Detector, Episode, Series, episodes, learn

#: Not those with which the detector was chosen (1 and 2).
SEEDS = range(11, 19)
#: By how much viewers rise.
SPIKES = (0.3, 0.5, 1.0)
#: How often a spike is planted, and how soon it must be found.
EVERY, SOON = 6 * 3600, 3600
WEEKS = (2, 4, 6)


#: Series of as many viewers or more are shown apart: chance alone moves smaller ones by ten percent.
LARGE = 1000


@dataclass(frozen=True)
class Month:
    """What a detector did in the time after its history.

    :param rate: episodes per series and month in which nothing happens
    :param found: the share of planted spikes that were found within an hour, by how much viewers rise
    :param found_large: likewise, of series of 1,000 viewers or more
    :param promised: what the detector itself said of its last 14 days
    """

    rate: float
    found: Mapping[float, float]
    found_large: Mapping[float, float]
    promised: float | None


def play(seed: int, *, weeks: int, days: int = 30, series: int = 30, missing: float = 0.02) -> Month:
    """Learn from some weeks, and watch the days after without learning anew.

    :param seed: of the world
    :param weeks: of history
    :param days: that are watched
    :param series: how many
    :param missing: the share of snapshots that are missing
    """
    world = ViewerWorld(seed, series=series, days=7 * weeks + days, missing=missing)
    today = int(world.times[0]) + 7 * weeks * DAY
    quiet = world.observe()
    detector = learn({key: each.between(0, today) for key, each in quiet.items()})
    ticks = np.arange(7 * weeks * DAY // TICK + 24, len(world.times) - 48, EVERY // TICK)
    large = np.median(world.expected, axis=0) >= LARGE
    found, found_large = {}, {}
    for share in SPIKES:
        busy = world.observe(world.planted(share, ticks))
        hits = np.array([_hits(alarms, world.times[ticks]) for alarms in _alarms(detector, busy, today)])
        found[share], found_large[share] = float(hits.mean()), float(hits[large].mean())
    alarms = sum(len(begun) for begun in _alarms(detector, quiet, today))
    return Month(alarms / (series * days / 30), found, found_large, detector.achieved)


def _alarms(detector: Detector, series: Mapping[str, Series], today: int) -> Iterator[list[Episode]]:
    """The episodes of each series after its history."""
    if detector.threshold is None:
        raise ValueError("The detector is still learning.")
    for key, each in series.items():
        after = each.between(today - 1800, int(each.times[-1]) + 1)
        yield episodes(after, detector.usual[key], detector.threshold)


def _hits(alarms: Sequence[Episode], begins: Iterable[int]) -> float:
    """The share of spikes within an hour of whose beginning an episode goes on."""
    return float(
        np.mean([any(each.begin <= at + SOON and at <= each.last for each in alarms) for at in begins])
    )


def measure(seeds: Iterable[int] = SEEDS, *, series: int = 30, days: int = 30) -> Sequence[Entry]:
    """Measure months in which nothing happens, and planted spikes.

    :param seeds: of the worlds
    :param series: of each
    :param days: that are watched
    """
    ratios, rows = list[Entry](), list[list[str | float | None]]()
    for weeks in WEEKS:
        months = [play(seed, weeks=weeks, days=days, series=series) for seed in seeds]
        rates = [month.rate for month in months]
        for name, rate in (("false alarms", float(np.mean(rates))), ("the worst month", max(rates))):
            ratios.append(
                Ratio(
                    f"{name}, {weeks} weeks of history",
                    rate,
                    BUDGET,
                    against="budget",
                    unit="per series and month",
                    goal=2.0,
                )
            )
        said = [month.promised for month in months if month.promised is not None]
        rows.append(
            [
                f"{weeks} weeks",
                round(float(np.mean(said)), 2) if said else None,
                *(f"{np.mean([month.found[share] for month in months]):.0%}" for share in SPIKES),
                *(f"{np.mean([month.found_large[share] for month in months]):.0%}" for share in SPIKES),
            ]
        )
    columns = [
        "history",
        "rate it published",
        *(f"+{share:.0%}" for share in SPIKES),
        *(f"+{share:.0%}, {LARGE:,} viewers or more" for share in SPIKES),
    ]
    note = "Spikes rise over 20 minutes and last for two hours. One is planted every six hours."
    return [*ratios, Facts("Planted spikes that were found within an hour", columns, rows, note)]
