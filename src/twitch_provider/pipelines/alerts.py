# SPDX-License-Identifier: Apache-2.0
"""Alerts, as a task: what the event of ``twitch_alerts`` carries."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from twitch_provider.compat import AirflowSkipException, conf
from twitch_provider.config import watch_list
from twitch_provider.pipelines.metrics import open_lake
from twitch_provider.pipelines.run import tick

if TYPE_CHECKING:
    from twitch_provider.lake.store import Store
    from twitch_provider.metrics.disk import Disk
    from twitch_provider.metrics.keys import MetricsKeys
    from twitch_provider.metrics.situation import Found
    from twitch_provider.metrics.watch import WatchList

log = logging.getLogger(__name__)


def alert(context: Mapping[str, Any]) -> dict[str, Any]:
    """Look for snapshots that have stopped, a full disk, and unusual changes of what is watched.

    :param context: of the task
    :returns: what the event carries: ``run_after``, and the lists ``alerts`` and ``all_clears``, each of
        whose entries has a ``text``
    :raises AirflowSkipException: there is nothing to tell
    :raises TwitchConfigError: no bucket is set, or the watch list is not valid
    :raises TwitchStoreError: the store failed
    """
    from twitch_provider.lake.instants import utc_text
    from twitch_provider.metrics.alerts import tell
    from twitch_provider.metrics.watch import WatchList

    store, keys = open_lake(context)
    watch = WatchList(tuple(watch_list()))
    dag_run = context["dag_run"]
    run_after = tick(dag_run).astimezone(UTC)
    run = f"{dag_run.dag_id}/{dag_run.run_id}"
    told = tell(store, keys.alerts, lambda: look(store, keys, watch, run_after), run, run_after)
    if not told:
        raise AirflowSkipException("There is nothing to tell.")
    for each in (*told.alerts, *told.all_clears):
        log.info("%s", each["text"])
    return {
        "run_after": utc_text(run_after, "run_after"),
        "alerts": list(told.alerts),
        "all_clears": list(told.all_clears),
    }


def look(store: Store, keys: MetricsKeys, watch: WatchList, run_after: datetime) -> Found:
    """Find out what is the case at the tick of a run.

    :param store: of the lake
    :param keys: of metrics
    :param watch: what is watched
    :param run_after: the tick, aware UTC
    :raises TwitchStoreError: the store failed
    """
    from twitch_provider.metrics import missed, watch_channels
    from twitch_provider.metrics import snapshots as lake
    from twitch_provider.metrics.clock import COUNTED, make_clock
    from twitch_provider.metrics.detectors import detectors_of
    from twitch_provider.metrics.index import read_day
    from twitch_provider.metrics.situation import Found
    from twitch_provider.metrics.watch import RECENT, recent

    found, folders = lake.Found(), store.folders(keys.snapshots)
    for number in range(missed.DAYS - 1, -1, -1):
        read_day(store, keys, folders, run_after.date() - timedelta(days=number), found)
    clock = make_clock(found.snapshots)
    scopes = missed.scopes_due(found.snapshots, clock, run_after)
    disk = disk_of_logs(run_after)
    if not watch.entries:
        return Found(scopes, ({}, {}), {}, watch, disk)
    channels = {}
    if watch.channels:
        counted = {(row.scope, row.run_after) for row in clock.rows if row.status == COUNTED}
        newest = [
            each
            for each in found.snapshots
            if (each.scope, each.run_after) in counted and each.instant > run_after - watch_channels.LATE
        ]
        watch_channels.record(store, keys, newest, watch)
        channels = watch_channels.recent(store, keys, run_after - RECENT, run_after)
    viewers = (recent(store, keys, run_after, watch), channels)
    return Found(scopes, viewers, detectors_of(store, keys, run_after.date(), watch), watch, disk)


def disk_of_logs(instant: datetime) -> Disk | None:
    """Measure the disk that this worker writes its logs to; None if it has no such folder.

    :param instant: of the run, aware UTC
    """
    from twitch_provider.metrics.disk import Disk

    folder = conf.get("logging", "base_log_folder", fallback="")
    try:
        return Disk.of(folder, instant)
    except OSError as error:
        log.info("The disk of [logging] base_log_folder is not looked at: %s.", error)
        return None
