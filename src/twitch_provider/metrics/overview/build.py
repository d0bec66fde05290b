# SPDX-License-Identifier: Apache-2.0
"""Makes the overview of a lake as of an instant, and replaces ``latest/overview.json``."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.latest import replace_older
from twitch_provider.lake.manifest import Manifest, manifests_by_tick
from twitch_provider.lake.store import Store
from twitch_provider.metrics.detectors import summaries
from twitch_provider.metrics.history import DAY, History
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.overview import rows
from twitch_provider.metrics.overview.digest import Digest, Row, hours_of, hours_of_day, read_digests
from twitch_provider.metrics.overview.encode import encode
from twitch_provider.metrics.overview.find import find
from twitch_provider.metrics.overview.health import Health, healths, reports
from twitch_provider.metrics.overview.newest import snapshot
from twitch_provider.metrics.overview.published import Published
from twitch_provider.metrics.overview.rows import Found
from twitch_provider.metrics.overview.schema import HOURS, NOTES, SCOPES, VERSION, table

#: How often another try may be faster.
_ROUNDS = 5
_HOUR = timedelta(hours=1)

Json = dict[str, Any]

log = logging.getLogger(__name__)


def publish_overview(store: Store, keys: MetricsKeys, run_after: datetime, package: str) -> bytes | None:
    """Replace ``latest/overview.json``, unless a newer run wrote it.

    :param store: of the lake
    :param keys: of metrics
    :param run_after: the tick of the run: up to then
    :param package: version of this package
    :returns: what this run made; None if there are no snapshots
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchDataError: one scope alone is too large
    :raises TwitchStoreError: the store failed
    """
    body = None
    for _ in range(_ROUNDS):
        present = store.stat(keys.overview)
        document = overview(store, keys, run_after, package)
        if document is None:
            return None
        body = encode(document)
        if replace_older(store, keys.overview, body, run_after, present, content_type="application/json"):
            return body
    log.warning("%s: other runs replace it all the time, leaving it to them.", store.uri(keys.overview))
    return body


def overview(store: Store, keys: MetricsKeys, until: datetime, package: str) -> Json | None:
    """Return the overview as of an instant; None if there are no snapshots in the days before.

    :param store: of the lake
    :param keys: of metrics
    :param until: hours that begin before it are looked at, aware UTC
    :param package: version of this package
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    today = until.date()
    history = History.read(store, keys, today - DAY, today, today)
    known = healths(history, until)
    if not known:
        return None
    with TemporaryDirectory(prefix="twitch_overview_") as folder:
        published = Published(store, keys, Path(folder))
        days = rows.of_days(today)
        digests = read_digests(store, keys, published, days)
        listed = {scope: any(each.games for each in health.snapshots) for scope, health in known.items()}
        founds, notes = find(store, published, listed, history, until, Path(folder))
        recent = [hour for day in (today - DAY, today) for hour in hours_of_day(day) if hour < until]
        hours = hours_of(published, recent)
    detectors = summaries(store, keys, today, known)
    ends = {scope: _end(founds.get(scope), until) for scope in known}
    completeness = {end: reports(history.found.snapshots, history.clock, end) for end in set(ends.values())}
    scopes = []
    for scope, end in ends.items():
        health = known[scope] if end == until else healths(history, end)[scope]
        newest, adhoc = _newest(store, health), _adhoc(store, keys, health)
        of_days = [digests.get(day, {}).get(scope) for day in days]
        by_hour = _hours(of_days, hours.get(scope, []), until)
        scopes.append(
            {
                **_what(health),
                "now": _now(founds.get(scope)),
                "health": health.document(newest, completeness[end], adhoc),
                **_tables(founds.get(scope), health, of_days),
                "days": table("days", [each.day for each in of_days if each is not None]),
                "hours": table("hours", by_hour),
                "heat_map": rows.heat_map(by_hour),
                "snapshot": snapshot(founds.get(scope)),
                "concentration": rows.concentration(founds.get(scope)),
                "detector": detectors.get(scope),
            }
        )
    scopes.sort(key=lambda each: (-(each["now"] or {"viewers": -1})["viewers"], each["scope"]))
    refused = sorted(history.found.refused.values())
    return {
        "version": VERSION,
        "run_after": utc_text(until, "run_after"),
        "package": package,
        "today": today.isoformat(),
        "notes": [*published.notes.values(), *notes, *refused][:NOTES],
        "scopes": scopes[:SCOPES],
    }


def _end(found: Found | None, until: datetime) -> datetime:
    """Return up to when a scope's health goes: what the published hours hold is in it.

    They may hold a snapshot that was taken after the tick of the run and before its tasks ran.
    """
    if found is None or not found.snapshots:
        return until
    newest: datetime = found.snapshots[-1]["snapshot_at"].replace(tzinfo=UTC)
    return max(until, newest + timedelta(microseconds=1))


def _what(health: Health) -> Json:
    dataset, _, asks = health.scope.partition(" ")
    return {
        "scope": health.scope,
        "dataset": dataset,
        "asks": json.loads(asks),
        "interval_seconds": health.newest.interval_seconds,
    }


def _now(found: Found | None) -> Json | None:
    if found is None or not found.snapshots:
        return None
    row = found.snapshots[-1]
    return {
        "snapshot_at": f"{row['snapshot_at']:%Y-%m-%dT%H:%M:%SZ}",
        **{name: row[name] for name in ("viewers", "streams", "channels")},
        "capped": any(each["capped"] for each in found.now.get("games", {}).values()),
    }


def _tables(found: Found | None, health: Health, days: list[Digest | None]) -> Json:
    if found is None:
        empty = {name: table(name, []) for name in ("snapshots", "games", "channels", "languages")}
        return {**empty, "movers": rows.no_movers()}
    seconds = {row.instant: row.seconds for row in health.rows if row.seconds}
    return {
        "snapshots": rows.snapshots(found, seconds),
        "games": rows.games(found, days),
        "channels": rows.channels(found),
        "languages": rows.languages(found),
        "movers": rows.movers_of(found),
    }


def _hours(days: list[Digest | None], recent: list[Row], until: datetime) -> list[Row]:
    """Return the rows of 30 days by hour, in order; an hour that two sources have is that of the second."""
    first = round((until - HOURS * _HOUR).timestamp())
    closed = (row for day in days if day is not None for row in day.hours)
    by_hour = {row[0]: row for row in (*closed, *recent)}
    return [row for hour, row in sorted(by_hour.items()) if hour >= first]


def _newest(store: Store, health: Health) -> Manifest | None:
    """The manifest of the newest snapshot, for what its run used of Twitch."""
    body = store.get(health.newest.manifest)
    try:
        return None if body is None else Manifest.from_json(body)
    except TwitchDataError:
        return None


def _adhoc(store: Store, keys: MetricsKeys, health: Health) -> int:
    """How many ad hoc runs the DAGs of a scope had in the last 24 hours."""
    since, count = health.until - DAY, 0
    for dag_id in {each.dag_id for each in health.snapshots}:
        for day in (since.date(), health.until.date()):
            ticks = manifests_by_tick(store.list(keys.adhoc(dag_id, day)))
            count += sum(since <= tick < health.until for tick in ticks)
    return count
