# SPDX-License-Identifier: Apache-2.0
"""What was learned of the series of each scope, once a day, from the six weeks before it.

Channels are learned apart from the site and categories: they begin, end and jump in another way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, TypedDict

from twitch_provider.lake.shapes import require_shape
from twitch_provider.lake.store import Store
from twitch_provider.metrics import watch_channels
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.spikes import BUDGET, Detector, Series, Usual, learn
from twitch_provider.metrics.watch import Viewers, WatchList, of_day, read_json, write_json

#: How many days are learned from.
HISTORY_DAYS = 42
#: Each takes some 150 MB while it reads an hour of every category.
_READERS = 2
_DAY = timedelta(days=1)
#: What ``overview.json`` says on the first day of a scope.
_NOT_BEGUN = {
    "state": "learning",
    "days": 0,
    "budget_per_series_month": BUDGET,
    "achieved_per_series_month": None,
    "series": 0,
}


@dataclass(frozen=True)
class Detectors:
    """Those of a scope.

    :param watched: how many series of the scope are watched
    :param games: of the site and of categories
    :param channels: of channels
    """

    watched: int
    games: Detector
    channels: Detector

    def of(self, key: str) -> tuple[Usual, float] | None:
        """Return what is usual for a series and the threshold; None while that is not known.

        :param key: ``site``, ``game:{id}`` or ``channel:{login}``
        """
        detector = self.channels if key.startswith("channel:") else self.games
        usual = detector.usual.get(key)
        return None if usual is None or detector.threshold is None else (usual, detector.threshold)

    def summary(self) -> dict[str, Any]:
        """Return what ``overview.json`` says of them."""
        both = [self.games, self.channels]
        # Of pools in which nothing is watched nobody is told.
        used = [each for each in both if each.usual] or both
        achieved = [each.achieved for each in used if each.achieved is not None]
        return {
            "state": "on" if any(each.threshold is not None and each.usual for each in both) else "learning",
            "days": max(each.days for each in used),
            "budget_per_series_month": BUDGET,
            "achieved_per_series_month": round(max(achieved), 3) if achieved else None,
            "series": self.watched,
        }


def detectors_of(store: Store, keys: MetricsKeys, day: date, watch: WatchList) -> dict[str, Detectors]:
    """Return the detectors of a day, by scope; the first run of a day, or with another watch list, learns.

    :param store: of the lake
    :param keys: of metrics
    :param day: UTC; nothing of it is learned from
    :param watch: what is watched
    :raises TwitchStoreError: the store failed
    """
    key = keys.watch("detectors", day)
    there = store.read(key)
    known = None if there is None else _kept(there.body)
    if known is not None and known[0] == list(watch.entries):
        return known[1]
    found = _learn(store, keys, day, watch)
    scopes = {scope: _to_json(each) for scope, each in found.items()}
    write_json(store, key, {"watch": list(watch.entries), "scopes": scopes}, there and there.etag)
    return found


def summaries(
    store: Store, keys: MetricsKeys, day: date, scopes: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return what ``overview.json`` says of the detectors, by scope: of those of a day, or of the day before.

    :param store: of the lake
    :param keys: of metrics
    :param day: UTC
    :param scopes: that are there, also where no day is over yet that their detectors could learn from
    :returns: nothing without a watch list
    :raises TwitchStoreError: the store failed
    """
    for each in (day, day - _DAY):
        body = store.get(keys.watch("detectors", each))
        known = None if body is None else _kept(body)
        if known is not None:
            return dict.fromkeys(scopes, _NOT_BEGUN) | {
                scope: learned.summary() for scope, learned in known[1].items()
            }
    return {}


@dataclass
class _History:
    """The series of one scope, day by day, and which of them are watched."""

    days: dict[str, list[Series]] = field(default_factory=dict)
    watched: set[str] = field(default_factory=set)

    def add(self, viewers: Viewers, watch: WatchList) -> None:
        for key, samples in viewers.series.items():
            self.days.setdefault(key, []).append(Series.of(samples.items()))
            if watch.has(key, viewers.names.get(key, "")):
                self.watched.add(key)

    def learn(self) -> Detector:
        """What is usual is kept of the series that are watched."""
        learned = learn({key: Series.joined(days) for key, days in self.days.items()})
        return replace(
            learned, usual={key: each for key, each in learned.usual.items() if key in self.watched}
        )


def _learn(store: Store, keys: MetricsKeys, day: date, watch: WatchList) -> dict[str, Detectors]:
    days = [day - number * _DAY for number in range(HISTORY_DAYS, 0, -1)]
    games, channels = defaultdict[str, _History](_History), defaultdict[str, _History](_History)
    with ThreadPoolExecutor(_READERS) as readers:
        for found in readers.map(lambda each: of_day(store, keys, each, watch), days):
            for scope, viewers in found.items():
                games[scope].add(viewers, watch)
        if watch.channels:
            for found in readers.map(lambda each: watch_channels.of_day(store, keys, each), days):
                for scope, viewers in found.items():
                    channels[scope].add(viewers, watch)
    return {
        scope: Detectors(
            len(games[scope].watched | channels[scope].watched),
            games[scope].learn(),
            channels[scope].learn(),
        )
        for scope in sorted({*games, *channels})
    }


def _to_json(detectors: Detectors) -> dict[str, Any]:
    def values(each: Detector) -> dict[str, Any]:
        return {**vars(each), "usual": {key: [*vars(usual).values()] for key, usual in each.usual.items()}}

    return {
        "watched": detectors.watched,
        "games": values(detectors.games),
        "channels": values(detectors.channels),
    }


class _Learned(TypedDict):
    form: int
    watch: list[str]
    scopes: dict[str, dict[str, Any]]


def _kept(body: bytes) -> tuple[list[str], dict[str, Detectors]] | None:
    """The watch list that was learned for, and what was learned; None if it cannot be read."""
    known = read_json(body, _Learned)
    if known is None:
        return None
    try:
        learned = {scope: _from_json(values) for scope, values in known["scopes"].items()}
        require_shape(learned, dict[str, Detectors])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    both = [each for pair in learned.values() for each in (pair.games, pair.channels)]
    return (known["watch"], learned) if all(each.plausible for each in both) else None


def _from_json(values: Mapping[str, Any]) -> Detectors:
    def detector(each: Mapping[str, Any]) -> Detector:
        usual = {key: Usual(tuple(changes), deviation) for key, (changes, deviation) in each["usual"].items()}
        return Detector(**{**each, "usual": usual})

    return Detectors(values["watched"], detector(values["games"]), detector(values["channels"]))
