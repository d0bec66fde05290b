# SPDX-License-Identifier: Apache-2.0
"""What a day is computed from: files of this machine, sorted by channel, so that no memory holds the day.

The snapshots with ticks on the day become one file for each dataset of streams, which is published too. Those
of the days before are taken from such files where these were made of the same snapshots.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import mkdtemp

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.store import Store
from twitch_provider.metrics.clock import Period
from twitch_provider.metrics.compact import compact_day
from twitch_provider.metrics.engine import LocalTable
from twitch_provider.metrics.fetch import fetch_games, fetch_streams, write_file
from twitch_provider.metrics.history import History, midnight
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.manifest import MetricsManifest
from twitch_provider.metrics.snapshots import Snapshot


@dataclass
class DayFiles:
    """The files of a day.

    :param streams: of the day, and of the snapshots before that reach into it
    :param games: of the same runs
    :param earlier: the streams of the 48 hours before
    :param compacted: the file of the snapshots with ticks on the day, by dataset
    """

    streams: list[LocalTable] = field(default_factory=list)
    games: list[LocalTable] = field(default_factory=list)
    earlier: list[LocalTable] = field(default_factory=list)
    compacted: dict[str, Path] = field(default_factory=dict)


def gather(store: Store, keys: MetricsKeys, history: History, period: Period, folder: Path) -> DayFiles:
    """Fetch what a day is computed from, and compact it.

    :param store: of the lake
    :param keys: of metrics
    :param history: snapshots
    :param period: the day
    :param folder: a temporary one
    :raises TwitchDataError: a table of the lake is missing, or is not as its manifest or the schema says
    :raises TwitchConfigError: the disk is full
    :raises TwitchStoreError: the store failed
    """
    files, day = DayFiles(), period.begin.date()
    needed = history.needed(period.needed)
    for dataset, _, snapshots in _by_day(history.compacted(day)):
        files.compacted[dataset] = _compact(store, snapshots, folder)
        files.streams.append(LocalTable(dataset, files.compacted[dataset]))
    for dataset, _, snapshots in _by_day(each for each in needed if each.run_after.date() != day):
        files.streams.append(LocalTable(dataset, _compact(store, snapshots, folder)))
    files.games.extend(fetch_games(store, needed, folder))
    for dataset, earlier, snapshots in _by_day(history.needed(period.needed_earlier)):
        path = _closed(store, keys, earlier, snapshots, folder) or _compact(store, snapshots, folder)
        files.earlier.append(LocalTable(dataset, path))
    return files


def _by_day(snapshots: Iterable[Snapshot]) -> Iterator[tuple[str, date, list[Snapshot]]]:
    """Snapshots by dataset and day of their ticks."""
    found: dict[tuple[str, date], list[Snapshot]] = defaultdict(list)
    for each in snapshots:
        found[each.dataset, each.run_after.date()].append(each)
    for (dataset, day), each_day in sorted(found.items()):
        yield dataset, day, each_day


def _compact(store: Store, snapshots: list[Snapshot], folder: Path) -> Path:
    """Compact snapshots of one dataset and day into a file."""

    def fetch(wanted: Sequence[Snapshot], into: Path) -> list[Path]:
        return [each.path for each in fetch_streams(store, wanted, into)]

    return compact_day(snapshots, fetch, Path(mkdtemp(dir=folder)))


def _closed(
    store: Store, keys: MetricsKeys, day: date, snapshots: list[Snapshot], folder: Path
) -> Path | None:
    """The file of a day that was closed over these snapshots and others, if it lies there as published."""
    key = keys.compacted(snapshots[0].dataset, day)
    body = store.get(keys.manifest("day", midnight(day)))
    try:
        manifest = None if body is None else MetricsManifest.from_json(body)
    except TwitchDataError:
        return None
    wanted = {(each.manifest, each.etag) for each in snapshots}
    if manifest is None or not wanted <= {*manifest.inputs}:
        return None
    sha256 = next((each.sha256 for each in manifest.objects if each.key == key), None)
    compacted = None if sha256 is None else store.get(key)
    if compacted is None or hashlib.sha256(compacted).hexdigest() != sha256:
        return None
    path = folder / f"closed_{day}_{snapshots[0].dataset}.parquet"
    write_file(path, compacted)
    return path
