# SPDX-License-Identifier: Apache-2.0
"""Reads the published hours that an overview needs, and asks them for all scopes at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.store import Store
from twitch_provider.metrics.engine import Engine, open_engine
from twitch_provider.metrics.fetch import fetch_streams
from twitch_provider.metrics.history import History
from twitch_provider.metrics.movers import basis_of, compared_hour, possible
from twitch_provider.metrics.overview import queries
from twitch_provider.metrics.overview.published import Published
from twitch_provider.metrics.overview.rows import FEWEST, Found
from twitch_provider.metrics.snapshots import Snapshot

#: How far back the newest snapshot may lie whose 24 hours are shown.
RECENT = 48
_WINDOW = 24
_HOUR = timedelta(hours=1)

_ENTITIES = ("games", "languages", "channels")
_TABLES = ("site_hour", *(f"{entity}_hour" for entity in _ENTITIES))
_NEWEST = ("games_snapshot", "languages_snapshot")

_INSTANT = pa.timestamp("us")
_WINDOWS = pa.schema([("scope", pa.string()), ("hour", _INSTANT), ("part", pa.string())])
_COMPARED = _WINDOWS.append(pa.field("least", pa.int64()))
_CHOSEN = pa.schema([("scope", pa.string()), ("key", pa.string())])
_NEWEST_COLUMNS = pa.schema(
    [("scope", pa.string()), ("dataset", pa.string()), ("run_after", _INSTANT), ("snapshot_at", _INSTANT)]
)

Json = dict[str, Any]


def find(
    store: Store,
    published: Published,
    listed: Mapping[str, bool],
    history: History,
    until: datetime,
    folder: Path,
) -> tuple[dict[str, Found], list[str]]:
    """Return what the published hours say of each scope, and sentences on what could not be read.

    :param store: of the lake
    :param published: hours
    :param listed: the scopes, and whether only listed games are covered
    :param history: snapshots
    :param until: hours that begin before it are looked at, aware UTC
    :param folder: a temporary one
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    founds = _look(published, listed, until)
    files = published.fetch("hour", _wanted(founds))
    for scope, found in founds.items():  # Not before: an hour may have been read again, or left out.
        found.covered = {hour: _of(published, scope, "covered_seconds", hour) for hour in _basis(found)}
    with open_engine(folder) as engine:
        for name in (*_TABLES, "site_snapshot", *_NEWEST):
            engine.load_files(name, files.get(name, {}).values())
        _ask_hours(engine, founds)
        notes = _ask_newest(engine, store, founds, history, folder)
    return founds, notes


def _look(published: Published, listed: Mapping[str, bool], until: datetime) -> dict[str, Found]:
    """Find the newest hour of each scope, and what is usual for it."""
    last = (until - timedelta(microseconds=1)).replace(minute=0, second=0, microsecond=0)
    recent = [last - number * _HOUR for number in range(RECENT)]
    published.look("hour", recent)
    newest = {scope: _newest_of(published, scope, recent) for scope in listed}
    founds = {scope: Found(hour, listed[scope]) for scope, hour in newest.items() if hour is not None}
    published.look("hour", {hour for found in founds.values() for hour in windows(found.newest)})
    for scope, found in founds.items():
        covered = partial(_of, published, scope, "covered_seconds")
        found.whole = compared_hour(found.newest, covered)
        published.look("hour", possible(found.whole) if found.whole else [])
        found.basis = basis_of(found.newest, covered)
    return founds


def windows(newest: datetime) -> dict[datetime, str]:
    """Return the part of each of 48 hours: ``now`` for the 24 up to the newest, ``before`` for the 24 before.

    :param newest: the hour of the newest snapshot, aware UTC
    """
    return {newest - number * _HOUR: "now" if number < _WINDOW else "before" for number in range(2 * _WINDOW)}


def _newest_of(published: Published, scope: str, hours: Iterable[datetime]) -> datetime | None:
    return next((hour for hour in hours if _of(published, scope, "samples", hour)), None)


def _of(published: Published, scope: str, figure: str, hour: datetime) -> int:
    manifest = published.manifest("hour", hour)
    return 0 if manifest is None else manifest.scopes.get(scope, {}).get(figure, 0)


def _wanted(founds: Mapping[str, Found]) -> dict[datetime, set[str]]:
    """The tables that are needed, by hour."""
    wanted: dict[datetime, set[str]] = defaultdict(set)
    for found in founds.values():
        for hour, part in windows(found.newest).items():
            wanted[hour].update(_TABLES, ("site_snapshot",) if part == "now" else ())
        wanted[found.newest].update(_NEWEST)
        for hour in _basis(found):
            wanted[hour].update(_TABLES)
    return wanted


def _basis(found: Found) -> list[datetime]:
    """The hours that are compared."""
    if found.basis is None:
        return []
    return [*found.basis.usual, *([found.basis.hour] if found.basis.hour else [])]


def _ask_hours(engine: Engine, founds: Mapping[str, Found]) -> None:
    """Ask the tables by hour."""
    relations = {
        "windows": pa.Table.from_pylist(
            [
                {"scope": scope, "hour": hour.replace(tzinfo=None), "part": part}
                for scope, found in founds.items()
                for hour, part in windows(found.newest).items()
            ],
            _WINDOWS,
        ),
        "compared": pa.Table.from_pylist(
            [{"scope": scope, **each} for scope, found in founds.items() for each in _compared(found)],
            _COMPARED,
        ),
    }

    def ask(sql: str, what: str) -> list[Json]:
        rows: list[Json] = engine.select(sql, relations, what).to_pylist()
        return rows

    for row in ask(queries.SITE, "site_hour"):
        founds[row["scope"]].site[row["part"]] = row
    for row in ask(queries.USUAL, "site_hour"):
        founds[row["scope"]].site["usual"] = row
    for row in ask(queries.HOURS, "site_hour"):
        founds[row["scope"]].hours[row["hour"].replace(tzinfo=UTC)] = row
    for row in ask(queries.SNAPSHOTS, "site_snapshot"):
        founds[row["scope"]].snapshots.append(row)
    for entity in _ENTITIES:
        for row in ask(queries.ranking(entity), f"{entity}_hour"):
            founds[row["scope"]].rankings.setdefault(entity, []).append(row)
        for row in ask(queries.compared(entity), f"{entity}_hour"):
            founds[row["scope"]].compared.setdefault(entity, []).append(row)


def _compared(found: Found) -> list[Json]:
    """The hours that are compared."""
    if found.basis is None:
        return []
    parts = {"now": [found.basis.hour] if found.basis.hour else [], "usual": found.basis.usual}
    return [
        {
            "hour": hour.replace(tzinfo=None),
            "part": part,
            # Of what the newest snapshot is compared with, nothing may be missing.
            "least": FEWEST * sum(map(found.covered.__getitem__, hours)) if found.basis.hour else 0,
        }
        for part, hours in parts.items()
        for hour in hours
    ]


def _ask_newest(
    engine: Engine, store: Store, founds: Mapping[str, Found], history: History, folder: Path
) -> list[str]:
    """Ask the newest snapshot of each scope; return what could not be read."""
    newest = {scope: found.snapshots[-1] for scope, found in founds.items() if found.snapshots}
    by_instant = {
        (each.scope, each.instant): each for each in history.by_table.values() if each.scope in newest
    }
    rows, tables, notes = [], [], []
    for scope, row in newest.items():
        snapshot = by_instant.get((scope, row["snapshot_at"].replace(tzinfo=UTC)))
        rows.append(_newest_row(scope, row["snapshot_at"], snapshot))
        if snapshot is not None:
            try:
                tables += fetch_streams(store, [snapshot], folder)
            except TwitchDataError as error:
                notes.append(f"The channels of the newest snapshot are left out: {error}")
    relations = {
        "newest": pa.Table.from_pylist(rows, _NEWEST_COLUMNS),
        "chosen": pa.Table.from_pylist(
            [{"scope": scope, "key": key} for scope in newest for key in _chosen(founds[scope])], _CHOSEN
        ),
    }
    for entity, sql in queries.NOW.items():
        for each in engine.select(sql, relations, f"{entity}_snapshot").to_pylist():
            founds[each["scope"]].now.setdefault(entity, {})[each["key"]] = each
    engine.load_live(tables)
    for each in engine.select(queries.LIVE, relations, "streams").to_pylist():
        founds[each["scope"]].live[each["key"]] = each
    for each in engine.select(queries.MATURE, relations, "streams").to_pylist():
        founds[each["scope"]].mature = each["mature"]
    for name, sql in (("top_channels", queries.TOP_CHANNELS), ("top_languages", queries.TOP_LANGUAGES)):
        for each in engine.select(sql, relations, "streams").to_pylist():
            getattr(founds[each["scope"]], name).setdefault(each["game_id"], []).append(each)
    return notes


def _chosen(found: Found) -> list[str | None]:
    """The channels of which the newest snapshot is looked at; None for all, where it is compared."""
    if found.basis is not None and found.basis.hour is None:
        return [None]
    return [row["user_id"] for row in found.rankings.get("channels", ())]


def _newest_row(scope: str, instant: datetime, snapshot: Snapshot | None) -> Json:
    run_after = None if snapshot is None else snapshot.run_after.replace(tzinfo=None)
    dataset = scope.partition(" ")[0]
    return {"scope": scope, "dataset": dataset, "run_after": run_after, "snapshot_at": instant}
