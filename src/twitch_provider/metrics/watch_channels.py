# SPDX-License-Identifier: Apache-2.0
"""The viewers of channels at each snapshot, recorded as snapshots arrive.

No published table has channels by snapshot, so a run reads the newest tables of streams, and only if channels
are watched. Besides those it keeps the channels with the most viewers, from which the threshold is learned.
A broadcast begins with a rise, which is not news: it is recorded from half an hour after its beginning on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv
from pyarrow import parquet

from twitch_provider.exceptions import TwitchDataError, plain
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.store import Store
from twitch_provider.metrics.fetch import fetch_streams
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.snapshots import Snapshot
from twitch_provider.metrics.watch import Viewers, WatchList, read_json, write_json

#: How many channels are learned from, besides those that are watched.
POOLED = 40
#: How far back snapshots are recorded that were not recorded before.
LATE = timedelta(hours=1)

_BEGINNING = timedelta(minutes=30)
_COLUMNS = {"user_login": pa.string(), "viewer_count": pa.int64(), "started_at": pa.string()}
_ROUNDS = 5
#: Seconds since 1970.
_INSTANT = re.compile("[0-9]{1,10}")

#: Viewers by login, by instant, by scope.
Kept = dict[str, dict[str, dict[str, int]]]


class _Day(TypedDict):
    form: int
    scopes: Kept


log = logging.getLogger(__name__)


def record(store: Store, keys: MetricsKeys, snapshots: Iterable[Snapshot], watch: WatchList) -> None:
    """Record the viewers of channels.

    :param store: of the lake
    :param keys: of metrics
    :param snapshots: that count, of the last hour
    :param watch: what is watched
    :raises TwitchStoreError: the store failed
    """
    by_day: dict[date, list[Snapshot]] = {}
    for snapshot in snapshots:
        by_day.setdefault(snapshot.instant.date(), []).append(snapshot)
    for day, its in by_day.items():
        for _ in range(_ROUNDS):
            there = store.read(keys.watch("watch_channels", day))
            known = {} if there is None else _kept(there.body)
            if not _add(store, known, its, watch):
                break
            values = {"scopes": known}
            if write_json(store, keys.watch("watch_channels", day), values, there and there.etag):
                break
        else:
            log.warning("%s changes all the time, leaving it as it is.", keys.watch("watch_channels", day))


def _add(store: Store, known: Kept, snapshots: Iterable[Snapshot], watch: WatchList) -> bool:
    """Add what is missing; return whether anything was."""
    added = False
    for snapshot in snapshots:
        instants = known.setdefault(snapshot.scope, {})
        at = str(int(snapshot.instant.timestamp()))
        if at not in instants:
            try:
                instants[at] = _channels(store, snapshot, watch)
            except TwitchDataError as error:
                log.warning("Channels of %s are not watched: %s", store.uri(snapshot.manifest), error)
                continue
            added = True
    return added


def _channels(store: Store, snapshot: Snapshot, watch: WatchList) -> dict[str, int]:
    """Viewers by login of the channels that are watched, and of those that have the most viewers."""
    with TemporaryDirectory(prefix="twitch_watch_") as folder:
        (table,) = fetch_streams(store, [snapshot], Path(folder))
        rows = _read(table.path)
    began = utc_text(snapshot.instant - _BEGINNING, "began")
    rows = rows.filter(pc.less_equal(rows["started_at"], began))
    rows = rows.group_by("user_login").aggregate([("viewer_count", "sum")])
    order = pc.sort_indices(
        rows, [("viewer_count_sum", "descending"), ("user_login", "ascending")]
    ).to_pylist()
    most = rows.take(order[:POOLED])
    watched = rows.filter(pc.is_in(rows["user_login"], pa.array(sorted(watch.channels), pa.string())))
    both = pa.concat_tables([most, watched])
    return dict(zip(both["user_login"].to_pylist(), both["viewer_count_sum"].to_pylist(), strict=True))


def _read(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return parquet.read_table(path, columns=list(_COLUMNS)).cast(pa.schema(_COLUMNS.items()))
        options = pa_csv.ConvertOptions(
            column_types=_COLUMNS, include_columns=list(_COLUMNS), null_values=[""], strings_can_be_null=True
        )
        with pa.input_stream(str(path)) as stream:
            return pa_csv.read_csv(stream, convert_options=options)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TwitchDataError(f"{path.name} is not as the schema says ({plain(str(error), 200)}).") from None


def of_day(store: Store, keys: MetricsKeys, day: date) -> dict[str, Viewers]:
    """Return the viewers of channels that were recorded on a day, by scope.

    :param store: of the lake
    :param keys: of metrics
    :param day: UTC
    :raises TwitchStoreError: the store failed
    """
    body = store.get(keys.watch("watch_channels", day))
    found = {}
    for scope, instants in ({} if body is None else _kept(body)).items():
        viewers = Viewers()
        for at, channels in instants.items():
            viewers.instants.append(int(at))
            for login, count in channels.items():
                viewers.series.setdefault(f"channel:{login}", {})[int(at)] = count
        found[scope] = viewers
    return found


def _kept(body: bytes) -> Kept:
    """What was recorded, without instants that cannot be ones, and their viewers."""
    known = read_json(body, _Day)
    scopes: Kept = {} if known is None else known["scopes"]
    return {
        scope: {
            at: channels
            for at, channels in instants.items()
            if _INSTANT.fullmatch(at) and all(count >= 0 for count in channels.values())
        }
        for scope, instants in scopes.items()
    }


def recent(store: Store, keys: MetricsKeys, since: datetime, now: datetime) -> dict[str, Viewers]:
    """Return the viewers of channels of a span within two days, by scope.

    :param store: of the lake
    :param keys: of metrics
    :param since: aware UTC
    :param now: aware UTC
    :raises TwitchStoreError: the store failed
    """
    found: dict[str, Viewers] = {}
    begin = int(since.timestamp())
    for day in sorted({since.date(), now.date()}):
        for scope, viewers in of_day(store, keys, day).items():
            part = found.setdefault(scope, Viewers())
            part.instants += [each for each in viewers.instants if each >= begin]
            for key, samples in viewers.series.items():
                late = {at: count for at, count in samples.items() if at >= begin}
                part.series.setdefault(key, {}).update(late)
    return found
