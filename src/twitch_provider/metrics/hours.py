# SPDX-License-Identifier: Apache-2.0
"""The hours of some days: those that a change reaches are published."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from twitch_provider.exceptions import TwitchDataError, TwitchStoreError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.store import Store
from twitch_provider.metrics.history import DAY, History, midnight
from twitch_provider.metrics.keys import LENGTHS, MetricsKeys
from twitch_provider.metrics.periods import Work, publish_period
from twitch_provider.metrics.publish import Seen
from twitch_provider.metrics.publisher import NOBODY, Published, Publisher

#: How often other tries may be faster.
_ROUNDS = 5

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What became of the periods that a run looked at.

    :param published: in order
    :param left: the beginnings of those that could not be computed
    :param snapshots: of these days and of those around
    """

    published: list[Published] = field(default_factory=list)
    left: list[datetime] = field(default_factory=list)
    snapshots: int = 0


def publish_hours(
    store: Store,
    keys: MetricsKeys,
    days: Sequence[date],
    *,
    until: date,
    publisher: Publisher = NOBODY,
) -> Outcome:
    """Publish the hours of some days that differ from what lies there.

    :param store: of the lake
    :param keys: of metrics
    :param days: UTC, one after the other
    :param until: the newest day that may have ticks
    :param publisher: the run
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed, or other tries are faster all the time
    """
    return publish_periods(store, keys, "hour", days, until=until, publisher=publisher)


def publish_periods(
    store: Store, keys: MetricsKeys, kind: str, days: Sequence[date], *, until: date, publisher: Publisher
) -> Outcome:
    """Publish the hours of some days, or these days, where they differ from what lies there.

    :param store: of the lake
    :param keys: of metrics
    :param kind: ``hour`` or ``day``
    :param days: UTC, one after the other
    :param until: the newest day that may have ticks
    :param publisher: the run
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed, or other tries are faster all the time
    """
    outcome, done = Outcome(), set[datetime]()
    for turn in range(_ROUNDS):
        seen = Seen.look(store, keys, kind, days)
        history = History.read(store, keys, days[0], days[-1], until)
        outcome.snapshots = len(history.found.snapshots)
        if turn == 0 and kind == "hour":  # a day is closed after its hours
            _log_refused(history)
        lost: list[datetime] = []
        for begin in _begins(kind, keys, seen, history, days):
            if begin not in done:
                may_vanish = begin.date() >= until - DAY
                work = Work(kind, begin, history, may_vanish=may_vanish, publisher=publisher)
                (done.add if _publish(store, keys, seen, work, outcome) else lost.append)(begin)
        if not lost:
            return outcome
    place = store.uri(keys.manifest(kind, lost[0]))
    raise TwitchStoreError(f"{place} changes all the time: another run is at work.", key=place)


def _begins(
    kind: str, keys: MetricsKeys, seen: Seen, history: History, days: Sequence[date]
) -> list[datetime]:
    """The periods that have snapshots or seconds, or are published: what those had may have vanished."""
    every = [midnight(day) + LENGTHS[kind] * number for day in days for number in range(DAY // LENGTHS[kind])]
    if kind == "hour":
        known = history.hours
    else:  # Also a day without snapshots: its ticks were due.
        known = {begin for begin in every if Work(kind, begin, history).report}
    return [begin for begin in every if begin in known or keys.manifest(kind, begin) in seen]


def _publish(store: Store, keys: MetricsKeys, seen: Seen, work: Work, outcome: Outcome) -> bool:
    """Whether it is done: published, or right already, or it cannot be computed."""
    try:
        attempt = publish_period(store, keys, seen, work)
    except TwitchDataError as error:
        when = utc_text(work.begin, "begin")
        log.warning("The %s of %s is not computed: %s What was published stays.", work.kind, when, error)
        outcome.left.append(work.begin)
        return True
    if attempt.published:
        outcome.published.append(attempt.published)
    return attempt.done


def _log_refused(history: History) -> None:
    sentences = sorted(history.found.refused.values())
    for sentence in sentences[:3]:
        log.warning("%s", sentence)
    if len(sentences) > 3:
        log.warning("%d more manifests cannot be read, and their snapshots are left out.", len(sentences) - 3)
