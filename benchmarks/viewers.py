# SPDX-License-Identifier: Apache-2.0
"""Viewers of series in which nothing happens, and the same with planted spikes.

Each has its size, its day and week, a noise that is autocorrelated and heavy-tailed (Student's t with three
degrees of freedom), and counts of which 40 % are those of the snapshot before.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from twitch_provider.metrics.spikes import Series

Floats = npt.NDArray[np.float64]

TICK, DAY = 300, 86400
#: A Monday, so that weeks begin with it.
BEGIN = 1_790_553_600
_STALE = 0.4


class ViewerWorld:
    """Series of some days.

    :param seed: equal ones give equal series
    :param series: how many, of 30 to 300,000 viewers
    :param days: how long
    :param missing: the share of snapshots that are missing
    """

    def __init__(self, seed: int, *, series: int, days: int, missing: float = 0.0) -> None:
        self._seed, self._missing = seed, missing
        dice, ticks = np.random.default_rng(seed), days * DAY // TICK
        self.times = BEGIN + np.arange(ticks) * TICK
        size = np.exp(dice.uniform(np.log(30), np.log(300_000), series))
        season = np.zeros((ticks, series))
        for period, least, most in ((DAY, 0.2, 0.9), (DAY / 2, 0.0, 0.3), (7 * DAY, 0.0, 0.25)):
            phase = self.times[:, None] / period + dice.uniform(size=series)
            season += dice.uniform(least, most, series) * np.sin(2 * np.pi * phase)
        kept = dice.uniform(0.97, 0.995, series)
        shocks = dice.standard_t(3, (ticks, series)) * np.exp(
            dice.uniform(np.log(0.008), np.log(0.03), series)
        )
        noise = shocks / np.sqrt(3)
        for tick in range(1, ticks):
            noise[tick] += kept * noise[tick - 1]
        self.expected: Floats = size * np.exp(season + noise)

    def observe(self, expected: Floats | None = None) -> Mapping[str, Series]:
        """Return what snapshots show.

        :param expected: viewers, if they are not those of the world
        """
        dice = np.random.default_rng([self._seed, 1])
        counts = dice.poisson(self.expected if expected is None else expected)
        ticks = np.arange(len(counts))[:, None]
        fresh = np.maximum.accumulate(np.where(dice.random(counts.shape) < _STALE, 0, ticks), axis=0)
        counts = np.take_along_axis(counts, fresh, axis=0).astype(np.float64)
        there = dice.random(len(counts)) >= self._missing
        return {
            str(number): Series(self.times[there], viewers[there]) for number, viewers in enumerate(counts.T)
        }

    def planted(self, share: float, begins: npt.NDArray[np.int64]) -> Floats:
        """Return expected viewers with spikes that rise over 20 minutes and last for two hours.

        :param share: by how much viewers rise, for example 0.5
        :param begins: the numbers of the ticks at which they begin
        """
        shape = np.concatenate([[0.25, 0.5, 0.75], np.ones(21)])
        found = self.expected.copy()
        for begin in begins:
            found[begin : begin + len(shape)] *= 1 + share * shape[:, None]
        return found
