# SPDX-License-Identifier: Apache-2.0
"""Spikes and drops: which changes of viewers are too unusual for a series, by a stated budget.

A test compares the change of viewers over half an hour, as a logarithm, with what is usual for that half hour
of the week, and divides the difference by how much the series varies: its score. The threshold is not a
multiple of some deviation, which no heavy-tailed series keeps to. It is the score at which all series of a
scope together had as many episodes in the past as :data:`BUDGET` allows: a pooled empirical quantile. The
week that is scored is left out of what is usual, else the past would look calmer than the future.

Pure: arrays in, values out. A gap is not filled, and nothing is tested across one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Instants = npt.NDArray[np.int64]

#: False alarms per series and month of 30 days that the threshold is made for.
BUDGET = 1.0
#: Less history than this is too little to know what is usual.
LEARNING_DAYS = 14
#: An episode is over after this long without a score above the threshold.
CALM_SECONDS = 3600

_CHANGE_SECONDS, _TOLERANCE_SECONDS = 1800, 300
_HALF_HOUR, _WEEK, _DAY = 1800, 7 * 86400, 86400
_HALF_HOURS = _WEEK // _HALF_HOUR
_MONTH = 30 * _DAY // _HALF_HOUR
#: Added to viewers: the logarithm of few says nothing, and that of nobody does not exist.
_OFFSET = 10.0
#: Of a normal distribution: its deviation by the median of the absolute differences.
_MEDIAN_TO_DEVIATION = 1.4826
#: Of a change of viewers, as a logarithm: from one to all of mankind.
_MOST = 25
#: It takes this many tests to know how much a series varies.
_LEAST_TESTS = 100


@dataclass(frozen=True)
class Series:
    """The viewers of a site, a category or a channel.

    :param times: of the samples, in seconds since 1970, ascending
    :param viewers: at these instants
    """

    times: Instants
    viewers: Floats

    @classmethod
    def of(cls, samples: Iterable[tuple[int, float]]) -> Series:
        """Return samples in order, each instant once.

        :param samples: instants in seconds since 1970 with viewers; of two at one instant the last one counts
        """
        known = dict(samples)
        times = np.array(sorted(known), np.int64)
        return cls(times, np.array([known[each] for each in times.tolist()], np.float64))

    @classmethod
    def joined(cls, parts: Sequence[Series]) -> Series:
        """Return parts as one series.

        :param parts: one after the other in time
        """
        return cls(
            np.concatenate([each.times for each in parts]), np.concatenate([each.viewers for each in parts])
        )

    def between(self, begin: int, end: int) -> Series:
        """Return the samples of a span.

        :param begin: in seconds since 1970
        :param end: likewise; not in it
        """
        first, last = np.searchsorted(self.times, [begin, end])
        return Series(self.times[first:last], self.viewers[first:last])


@dataclass(frozen=True)
class Changes:
    """The changes over half an hour of a series; a sample without one half an hour before has none.

    :param times: of the later samples, in seconds since 1970
    :param before: viewers of the earlier ones
    :param after: viewers of the later ones
    """

    times: Instants
    before: Floats
    after: Floats

    @classmethod
    def of(cls, series: Series) -> Changes:
        """Compare each sample with the one nearest to half an hour before it, at most five minutes off.

        :param series: with any gaps
        """
        times, viewers = series.times, series.viewers
        if len(times) < 2:
            return cls(times[:0], viewers[:0], viewers[:0])
        target = times - _CHANGE_SECONDS
        later = np.clip(np.searchsorted(times, target), 1, len(times) - 1)
        nearest = np.where(target - times[later - 1] <= times[later] - target, later - 1, later)
        there = np.abs(times[nearest] - target) <= _TOLERANCE_SECONDS
        return cls(times[there], viewers[nearest][there], viewers[there])

    @property
    def logarithms(self) -> Floats:
        """The changes as logarithms: 0.1 is some ten percent more."""
        found: Floats = np.log((self.after + _OFFSET) / (self.before + _OFFSET))
        return found

    @property
    def places(self) -> npt.NDArray[np.int64]:
        """The half hour of the week of each."""
        found: npt.NDArray[np.int64] = self.times // _HALF_HOUR % _HALF_HOURS
        return found

    @property
    def counting_noise(self) -> Floats:
        """The variance that chance alone gives the logarithm of a count."""
        found: Floats = 1 / (self.before + _OFFSET) + 1 / (self.after + _OFFSET)
        return found


@dataclass(frozen=True)
class Usual:
    """What is usual for one series.

    :param changes: over half an hour, as a logarithm, by half hour of the week; 0 where none is known
    :param deviation: how much changes differ from that
    """

    changes: tuple[float, ...]
    deviation: float

    def scores(self, changes: Changes) -> Floats:
        """Return how unusual changes are; negative where viewers were lost.

        :param changes: of the same series
        """
        unusual = changes.logarithms - np.array(self.changes)[changes.places]
        found: Floats = unusual / np.sqrt(self.deviation**2 + changes.counting_noise)
        return found


@dataclass(frozen=True)
class Episode:
    """A stretch of time in which a series changes unusually; those less than an hour apart are one.

    :param begin: of the first unusual change, in seconds since 1970
    :param last: of the last one
    :param rises: whether viewers were gained first
    :param before: viewers half an hour before ``begin``
    :param viewers: at ``begin``
    :param usual: the ratio of viewers to those half an hour before that is usual then
    :param score: of the first one
    """

    begin: int
    last: int
    rises: bool
    before: int
    viewers: int
    usual: float
    score: float


@dataclass(frozen=True)
class Detector:
    """What was learned from the history of the series of a scope.

    :param threshold: of scores; None while it is learning
    :param days: of history
    :param months: of 30 days that all series were tested for
    :param achieved: episodes per series and month of the last 14 days, by a threshold and what was usual from
        before them; None where there was too little before
    :param usual: by series; those with less history are missing
    """

    threshold: float | None
    days: int
    months: float
    achieved: float | None
    usual: Mapping[str, Usual]

    @property
    def plausible(self) -> bool:
        """Whether it can have been learned: what was kept of it may be damaged."""
        return min(self.threshold or 0, self.days, self.months, self.achieved or 0) >= 0 and all(
            len(each.changes) == _HALF_HOURS and each.deviation >= 0 and max(map(abs, each.changes)) < _MOST
            for each in self.usual.values()
        )


def learn(history: Mapping[str, Series]) -> Detector:
    """Learn from history what is usual, and which score is exceeded as often as the budget allows.

    :param history: of all series of a scope, watched or not, up to six weeks
    """
    times = [series.times for series in history.values() if len(series.times)]
    if not times:
        return Detector(None, 0, 0.0, None, {})
    begin, end = min(int(each[0]) for each in times), max(int(each[-1]) for each in times) + 1
    held_out = end - LEARNING_DAYS * _DAY
    earlier = _learn({key: series.between(begin, held_out) for key, series in history.items()})
    latest = {key: series.between(held_out - 2 * _CHANGE_SECONDS, end) for key, series in history.items()}
    threshold, months, usual = _learn(history)
    days = round((end - begin) / _DAY)
    return Detector(threshold, days, months, _achieved(earlier, latest), usual)


_Learned = tuple[float | None, float, dict[str, Usual]]


def _learn(history: Mapping[str, Series]) -> _Learned:
    usual, scores, months = dict[str, Usual](), list[tuple[Instants, Floats]](), 0.0
    for key, series in history.items():
        changes = Changes.of(series)
        if len(changes.times) < _LEAST_TESTS or _days(series) < LEARNING_DAYS - 0.5:
            continue
        usual[key], own = _usual(changes)
        scores.append((changes.times, own))
        months += _months(changes.times)
    # Less the deviation of such a count: what a small pool had by chance must not lower the threshold.
    allowed = int(BUDGET * months - np.sqrt(BUDGET * months))
    return (_threshold(scores, allowed) if allowed > 0 else None), months, usual


def _days(series: Series) -> float:
    return float(series.times[-1] - series.times[0]) / _DAY


def _months(times: Instants) -> float:
    """For how many months a series was tested: by the half hours that have a test."""
    return len(np.unique(times // _HALF_HOUR)) / _MONTH


def _usual(changes: Changes) -> tuple[Usual, Floats]:
    """What is usual for a series, and its scores by what is usual in the other weeks."""
    logarithms, places = changes.logarithms, changes.places
    weeks = (changes.times - changes.times[0]) // _WEEK
    unusual = np.empty_like(logarithms)
    for week in np.unique(weeks):
        its = weeks == week
        unusual[its] = logarithms[its] - _by_half_hour(places[~its], logarithms[~its])[places[its]]
    deviation = float(_MEDIAN_TO_DEVIATION * np.median(np.abs(unusual - np.median(unusual))))
    by_half_hour = _by_half_hour(places, logarithms)
    usual = Usual(tuple(round(each, 5) for each in by_half_hour.tolist()), deviation)
    return usual, unusual / np.sqrt(deviation**2 + changes.counting_noise)


def _by_half_hour(places: npt.NDArray[np.int64], logarithms: Floats) -> Floats:
    """The median of each half hour of the week, averaged with the half hours before and after."""
    order = np.lexsort((logarithms, places))
    edges = np.searchsorted(places[order], np.arange(_HALF_HOURS + 1))
    there = np.flatnonzero(np.diff(edges))
    medians = np.full(_HALF_HOURS, np.nan)
    medians[there] = logarithms[order][(edges[there] + edges[there + 1] - 1) // 2]
    around = np.stack([np.roll(medians, shift) for shift in (-1, 0, 1)])
    known = ~np.isnan(around)
    found: Floats = np.where(known, around, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    return found


def _threshold(scores: list[tuple[Instants, Floats]], allowed: int) -> float:
    """The smallest score, but for a thousandth, that no more episodes than allowed exceed."""
    low, high = 0.0, max(float(np.abs(own).max()) for _, own in scores)
    while high - low > 0.001 * high:
        middle = (low + high) / 2
        if sum(_count(times, own, middle) for times, own in scores) <= allowed:
            high = middle
        else:
            low = middle
    return high


def _count(times: Instants, scores: Floats, threshold: float) -> int:
    exceeding = times[np.abs(scores) > threshold]
    return int((np.diff(exceeding) > CALM_SECONDS).sum()) + 1 if len(exceeding) else 0


def _achieved(learned: _Learned, latest: Mapping[str, Series]) -> float | None:
    threshold, _, usual = learned
    found, months = 0, 0.0
    for key, each in usual.items():
        changes = Changes.of(latest[key])
        months += _months(changes.times)
        found += 0 if threshold is None else _count(changes.times, each.scores(changes), threshold)
    return None if threshold is None or not months else found / months


def episodes(series: Series, usual: Usual, threshold: float) -> list[Episode]:
    """Return the episodes of a series, in order.

    :param series: samples from half an hour before the time of interest
    :param usual: for this series
    :param threshold: of the detector
    """
    changes = Changes.of(series)
    scores = usual.scores(changes)
    exceeding = np.flatnonzero(np.abs(scores) > threshold)
    if not len(exceeding):
        return []
    parts = np.split(exceeding, np.flatnonzero(np.diff(changes.times[exceeding]) > CALM_SECONDS) + 1)
    return [
        Episode(
            begin=int(changes.times[part[0]]),
            last=int(changes.times[part[-1]]),
            rises=bool(scores[part[0]] > 0),
            before=int(changes.before[part[0]]),
            viewers=int(changes.after[part[0]]),
            usual=float(np.exp(usual.changes[changes.places[part[0]]])),
            score=round(float(scores[part[0]]), 1),
        )
        for part in parts
    ]
