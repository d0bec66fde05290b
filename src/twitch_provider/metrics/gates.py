# SPDX-License-Identifier: Apache-2.0
"""Gates: which complete snapshots must not count all the same, and why.

Pure functions of the manifests: the same snapshots give the same verdicts, in whatever order they came.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median

from twitch_provider.lake.schema import SCHEMA_VERSION
from twitch_provider.metrics.snapshots import Snapshot

#: A snapshot's rows are compared with those of the complete ones of its scope with ticks this long before.
LOOK_BACK = timedelta(hours=24)
#: It takes this many of them, and a median of this many rows, to compare with.
MIN_SNAPSHOTS = 12
MIN_MEDIAN = 50

#: A column may be without a value in this share of the rows.
MAX_MISSING = 0.5
#: Of fewer rows a share says nothing: Twitch may leave a channel without a category, and a snapshot may be of
#: that channel only.
MIN_ROWS = 20
#: Columns without which metrics are wrong.
COLUMNS = ("game_id", "language", "started_at", "user_login")


def closed(snapshots: Iterable[Snapshot]) -> dict[tuple[str, str], str]:
    """Return why snapshots must not count, in a sentence each, by their ``identity``.

    :param snapshots: in any order, with those of the 24 hours before the ones that are of interest
    :returns: those that a gate closes; an incomplete one does not count anyway and is not among them
    """
    by_scope: dict[str, list[Snapshot]] = defaultdict(list)
    for snapshot in snapshots:
        if snapshot.complete:
            by_scope[snapshot.scope].append(snapshot)
    verdicts = {}
    for series in by_scope.values():
        series.sort(key=lambda each: each.run_after)
        ticks = [each.run_after for each in series]
        for snapshot in series:
            if reason := shape(snapshot) or rows(snapshot, _before(snapshot, series, ticks)):
                verdicts[snapshot.identity] = reason
    return verdicts


def _before(snapshot: Snapshot, series: list[Snapshot], ticks: list[datetime]) -> list[int]:
    """The rows of the snapshots in the 24 hours before a tick."""
    first = bisect_left(ticks, snapshot.run_after - LOOK_BACK)
    return [each.rows for each in series[first : bisect_left(ticks, snapshot.run_after)]]


def rows(snapshot: Snapshot, before: list[int]) -> str | None:
    """Return why a snapshot has too few rows, None where it has not.

    :param snapshot: a complete one
    :param before: how many rows the complete snapshots of its scope have, over the 24 hours before its tick
    """
    if len(before) < MIN_SNAPSHOTS or (usual := median(before)) < MIN_MEDIAN or snapshot.rows >= usual / 2:
        return None
    return (
        f"It has {snapshot.rows:,} rows, less than half of what the {len(before)} snapshots of the 24 hours "
        f"before have (median {usual:,.0f})."
    )


def shape(snapshot: Snapshot) -> str | None:
    """Return what is wrong with a snapshot's columns, None where nothing is.

    :param snapshot: a complete one
    """
    if not snapshot.readable:
        return (
            f"Its schema version is {snapshot.schema_version}, and this version of the package knows 1 to "
            f"{SCHEMA_VERSION}: update the package."
        )
    if snapshot.duplicate_keys:
        return f"It has {snapshot.duplicate_keys:,} rows whose id an earlier row has."
    for column in COLUMNS:
        missing = snapshot.missing.get(column, 0)
        if snapshot.rows >= MIN_ROWS and missing > MAX_MISSING * snapshot.rows:
            return f"{missing:,} of its {snapshot.rows:,} rows have no {column}."
    return None
