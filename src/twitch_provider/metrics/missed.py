# SPDX-License-Identifier: Apache-2.0
"""Scopes whose snapshots have stopped, by the clock of the run that looks.

A scope is silent if its newest snapshot that counts is more than two intervals and a minute before the tick
of the run. That is told once, and once more when snapshots count again. A scope that its DAG no longer asks
for is not silent: its DAG goes on with another one. Nor is one without an interval, or one that was silent
for two days before a run looked at it: its DAG was paused or deleted for good.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from twitch_provider.metrics.clock import COUNTED, Clock
from twitch_provider.metrics.snapshots import Snapshot

#: Days that are looked at, with that of the tick.
DAYS = 3
_SPARE = timedelta(minutes=1)
_LONGEST = timedelta(days=2)
_NOT_DUE = frozenset({"manual"})


@dataclass(frozen=True)
class Scope:
    """A scope of which snapshots are due.

    :param scope: its name
    :param dataset: of its tables
    :param dag_id: of the DAG that wrote its newest snapshot
    :param interval: in which one is due
    :param counted: instants of the snapshots that count, ascending
    :param since: the newest of these, or the instant of the first snapshot if none counts
    :param silent: whether it is silent
    :param fresh: whether a snapshot counts that is not too old
    :param uncounted: statuses of the snapshots after ``since``
    """

    scope: str
    dataset: str
    dag_id: str
    interval: timedelta
    counted: tuple[datetime, ...]
    since: datetime
    silent: bool
    fresh: bool
    uncounted: tuple[str, ...]


def scopes_due(snapshots: Iterable[Snapshot], clock: Clock, now: datetime) -> list[Scope]:
    """Return the scopes of which snapshots are due, by name.

    :param snapshots: of the last days, in any order
    :param clock: of these
    :param now: the tick of the run, aware UTC
    """
    current: dict[tuple[str, str], Snapshot] = {}
    for snapshot in snapshots:
        if snapshot.interval_seconds is not None and snapshot.run_type not in _NOT_DUE:
            by_dag = (snapshot.dag_id, snapshot.dataset)
            known = current.get(by_dag)
            current[by_dag] = snapshot if known is None else max(known, snapshot, key=lambda each: each.order)
    newest_of: dict[str, Snapshot] = {}
    for snapshot in sorted(current.values(), key=lambda each: each.order):
        newest_of[snapshot.scope] = snapshot
    return [_scope(newest_of[scope], clock, now) for scope in sorted(newest_of)]


def _scope(snapshot: Snapshot, clock: Clock, now: datetime) -> Scope:
    rows = [row for row in clock.rows if row.scope == snapshot.scope]
    counted = tuple(row.instant for row in rows if row.status == COUNTED)
    since = counted[-1] if counted else rows[0].instant
    interval, waited = timedelta(seconds=snapshot.interval_seconds or 0), now - since
    late = waited > 2 * interval + _SPARE
    return Scope(
        scope=snapshot.scope,
        dataset=snapshot.dataset,
        dag_id=snapshot.dag_id,
        interval=interval,
        counted=counted,
        since=since,
        silent=late and waited <= _LONGEST,
        fresh=bool(counted) and not late,
        uncounted=tuple(row.status for row in rows if row.instant > since or not counted),
    )
