# SPDX-License-Identifier: Apache-2.0
"""What a run of alerts finds: silent scopes, a full disk, and watched series that change unusually."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TypedDict

from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.shapes import require_plain, require_shape
from twitch_provider.metrics.alerts import Message
from twitch_provider.metrics.detectors import Detectors
from twitch_provider.metrics.disk import FREE_PERCENT, Disk
from twitch_provider.metrics.missed import Scope
from twitch_provider.metrics.spikes import CALM_SECONDS, Episode, Series, episodes
from twitch_provider.metrics.watch import Viewers, WatchList

MISSED, RISE, DROP, DISK = "missed", "rise", "drop", "disk"

log = logging.getLogger(__name__)

#: Of the time between two snapshots, no more than this counts as calm.
_LONGEST_SECONDS = 1800


class _Missed(TypedDict):
    kind: str
    scope: str
    dataset: str
    dag_id: str


class _Full(TypedDict):
    kind: str
    disk: str
    folder: str


class _Changed(TypedDict):
    kind: str
    scope: str
    dataset: str
    series: str
    name: str
    viewers: int


@dataclass(frozen=True)
class Found:
    """A situation, as :mod:`.alerts` takes it.

    :param scopes: of which snapshots are due
    :param viewers: of the last hours, by scope: of the site and categories, and of channels
    :param detectors: by scope
    :param watch: what is watched
    :param disk: of the worker's logs; None if it cannot be looked at
    """

    scopes: Iterable[Scope]
    viewers: Iterable[Mapping[str, Viewers]]
    detectors: Mapping[str, Detectors]
    watch: WatchList
    disk: Disk | None = None

    @cached_property
    def active(self) -> dict[str, Message]:
        """The alerts of what is the case now, by name."""
        found = {f"{MISSED} {each.scope}": _missed(each) for each in self.scopes if each.silent}
        if self.disk is not None and self.disk.full:
            found[f"{DISK} {self.disk.name}"] = _full(self.disk)
        for by_scope in self.viewers:
            for scope, viewers in by_scope.items():
                for key, samples in viewers.series.items():
                    name = viewers.names.get(key, "")
                    if self.watch.has(key, name) and (alert := self._change(scope, viewers, key, samples)):
                        found[f"change {scope} {key}"] = alert
        return found

    def _change(self, scope: str, viewers: Viewers, key: str, samples: Mapping[int, float]) -> Message | None:
        detector = self.detectors.get(scope)
        learned = detector.of(key) if detector else None
        if learned is None:
            return None
        usual, threshold = learned
        found = episodes(Series.of(samples.items()), usual, threshold)
        if not found or _calm_seconds(viewers.instants, found[-1].last) >= CALM_SECONDS:
            return None
        return _unusual(scope, key, _called(key, viewers.names.get(key, "")), found[-1], threshold)

    def is_known(self, name: str, alert: Message) -> bool:
        """Whether an alert can still be decided: only of a series that is watched.

        :param name: of the alert
        :param alert: that is open
        """
        try:
            require_shape(alert, {MISSED: _Missed, DISK: _Full}.get(alert.get("kind", ""), _Changed))
            require_plain(*(each for each in alert.values() if isinstance(each, str)))
        except (TypeError, ValueError):
            log.warning("An open alert cannot be read and is closed without an all-clear: %s", name)
            return False
        return alert["kind"] in {MISSED, DISK} or self.watch.has(alert["series"], alert["name"])

    def all_clear(self, name: str, alert: Message) -> Message | None:
        """Return the all-clear of an alert that is not active, None while it may become active again.

        :param name: of the alert
        :param alert: that is open
        """
        if alert["kind"] == MISSED:
            scope = next((each for each in self.scopes if each.scope == alert["scope"]), None)
            return _counts_again(scope, alert) if scope is not None and scope.fresh else None
        if alert["kind"] == DISK:
            return _room_again(self.disk, alert) if self.disk is not None else None
        is_channel = alert["series"].startswith("channel:")
        games, channels = self.viewers
        viewers = (channels if is_channel else games).get(alert["scope"])
        if viewers is None or _calm_seconds(viewers.instants, 0) < CALM_SECONDS:
            return None
        return _calm(alert, viewers)


def _calm_seconds(instants: Iterable[int], since: int) -> int:
    """The time after an instant that snapshots cover, and gaps do not."""
    after = sorted({since, *(each for each in instants if each > since)} - {0})
    return sum(min(later - earlier, _LONGEST_SECONDS) for earlier, later in pairwise(after))


def _called(key: str, name: str) -> str:
    return "Total" if key == "site" else name or key.partition(":")[2]


def _missed(scope: Scope) -> Message:
    last = utc_text(scope.since, "since")
    text = (
        f"No snapshot of {scope.dataset} counts since {last}, and one is due every "
        f"{_span(scope.interval)}: look at the runs of {scope.dag_id}."
    )
    if scope.uncounted:
        text += f" {len(scope.uncounted)} newer ones do not count ({', '.join(sorted({*scope.uncounted}))})."
    return {
        "kind": MISSED,
        "scope": scope.scope,
        "dataset": scope.dataset,
        "dag_id": scope.dag_id,
        "interval_seconds": round(scope.interval.total_seconds()),
        "at": last,
        "text": text,
    }


def _counts_again(scope: Scope, alert: Message) -> Message:
    began = datetime.fromisoformat(alert["at"])
    first = next((each for each in scope.counted if each > began), scope.since)
    return {
        **{name: alert[name] for name in ("kind", "scope", "dataset", "dag_id")},
        "began": alert["at"],
        "at": utc_text(first, "at"),
        "text": (
            f"Snapshots of {scope.dataset} count again since {utc_text(first, 'at')}, after "
            f"{_span(first - began)} without one."
        ),
    }


def _full(disk: Disk) -> Message:
    return {
        "kind": DISK,
        "disk": disk.name,
        "folder": disk.folder,
        "percent": disk.percent,
        "free_bytes": disk.free_bytes,
        "at": utc_text(disk.instant, "at"),
        "text": (
            f"The disk of {disk.folder} is {disk.percent}% full, {_gigabytes(disk)} are left: make room "
            "before Airflow or its database stops."
        ),
    }


def _room_again(disk: Disk, alert: Message) -> Message | None:
    # Of another worker's disk nothing is known here.
    if disk.name != alert["disk"] or disk.percent >= FREE_PERCENT:
        return None
    return {
        **{name: alert[name] for name in ("kind", "disk", "folder")},
        "percent": disk.percent,
        "free_bytes": disk.free_bytes,
        "began": alert["at"],
        "at": utc_text(disk.instant, "at"),
        "text": (
            f"The disk of {disk.folder} has room again: {disk.percent}% full, {_gigabytes(disk)} are left."
        ),
    }


def _gigabytes(disk: Disk) -> str:
    return f"{disk.free_bytes / 1e9:.1f} GB"


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} minutes" if minutes != 1 else "minute"
    return f"{minutes / 60:.0f} hours"


def _instant(seconds: int) -> str:
    return utc_text(datetime.fromtimestamp(seconds, UTC), "instant")


def _unusual(scope: str, key: str, name: str, episode: Episode, threshold: float) -> Message:
    dataset = scope.partition(" ")[0]
    if episode.before:
        change = f"{_percent(episode.viewers / episode.before)} than half an hour before"
    else:
        change = "and nobody half an hour before"
    return {
        "kind": RISE if episode.rises else DROP,
        "scope": scope,
        "dataset": dataset,
        "series": key,
        "name": name,
        "at": _instant(episode.begin),
        "viewers": episode.viewers,
        "before": episode.before,
        "usual": round(episode.usual, 3),
        "score": episode.score,
        "threshold": round(threshold, 1),
        "text": (
            f"{name} ({dataset}): {episode.viewers:,} viewers at {_instant(episode.begin)}, {change}; "
            f"usual then is {_percent(episode.usual)}."
        ),
    }


def _percent(ratio: float) -> str:
    """A ratio in words: 48% more."""
    percent = round(100 * abs(ratio - 1))
    return f"{percent:,}% {'more' if ratio >= 1 else 'fewer'}"


def _calm(alert: Message, viewers: Viewers) -> Message:
    newest = max(viewers.instants)
    now = viewers.series.get(alert["series"], {}).get(newest)
    change = "rise" if alert["kind"] == RISE else "drop"
    there = "it is not in the newest snapshot" if now is None else f"{now:,.0f} viewers"
    return {
        **{name: alert[name] for name in ("kind", "scope", "dataset", "series", "name")},
        "began": alert["at"],
        "at": _instant(newest),
        "viewers": None if now is None else round(now),
        "text": (
            f"{alert['name']} ({alert['dataset']}): the unusual {change} that began at {alert['at']} with "
            f"{alert['viewers']:,} viewers is over; {there} at {_instant(newest)}."
        ),
    }
