# SPDX-License-Identifier: Apache-2.0
"""What manifests said when they were last read, so that a run reads only those that are new or changed.

It holds nothing that cannot be read again: a key with its entity tag names the bytes that a record was made
of, and a record with another tag is not used. A write that another run overtakes costs time only.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, TypedDict

from twitch_provider.lake.manifest import ObjectEntry
from twitch_provider.lake.shapes import from_gzip, require_plain, require_shape
from twitch_provider.lake.store import Entry, Store
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.snapshots import Found, Snapshot, read_manifest

#: Of the form of records: another one's are not read.
_FORM = 2


class Index:
    """The records of one day.

    :param store: of the lake
    :param keys: of metrics
    :param day: UTC
    """

    def __init__(self, store: Store, keys: MetricsKeys, day: date) -> None:
        self._store, self._key = store, keys.index(day)
        there = store.read(self._key)
        self._etag = there and there.etag
        self._known: dict[str, list[Any]] = {} if there is None else _records(there.body)
        self._used: dict[str, list[Any]] = {}

    def read(self, entry: Entry, make: Callable[[str], Any]) -> Any:
        """Return the record of an object.

        :param entry: of a listing
        :param make: reads the object of a key and returns its record, as values of JSON
        """
        known = self._known.get(entry.key)
        record = known if known and known[0] == entry.etag else [entry.etag, make(entry.key)]
        self._used[entry.key] = record
        return record[1]

    def save(self) -> None:
        """Keep the records that were used, if any is new, or an object has vanished."""
        if self._used != self._known:
            body = gzip.compress(json.dumps([_FORM, self._used]).encode(), 6, mtime=0)
            self._store.replace(
                self._key, body, content_type="application/gzip", metadata={}, etag=self._etag
            )


class _Record(TypedDict):
    snapshots: list[dict[str, Any]]
    refused: str | None


def _records(body: bytes) -> dict[str, list[Any]]:
    kept = from_gzip(body, tuple[int, dict[str, tuple[str, _Record]]])
    if kept is None or kept[0] != _FORM:
        return {}
    return {key: record for key, record in kept[1].items() if _is_whole(record[1])}


def _is_whole(record: _Record) -> bool:
    try:
        require_shape([_snapshot(each) for each in record["snapshots"]], list[Snapshot])
        require_plain(record["refused"] or "")
    except (KeyError, TypeError, ValueError):
        return False
    return True


def read_day(store: Store, keys: MetricsKeys, folders: Iterable[str], day: date, found: Found) -> None:
    """Add the snapshots of a day's ticks, of every DAG.

    :param store: of the lake
    :param keys: of metrics
    :param folders: of the DAGs' manifests
    :param day: UTC
    :param found: is added to
    :raises TwitchStoreError: the store failed
    """
    index = Index(store, keys, day)
    for folder in folders:
        for entry in store.entries(f"{folder}dt={day.isoformat()}/"):
            if entry.key.endswith(".json"):
                record = index.read(entry, lambda key: _record(store, key))
                found.snapshots.extend(map(_snapshot, record["snapshots"]))
                if record["refused"]:
                    found.refused[entry.key] = record["refused"]
    index.save()


def _record(store: Store, key: str) -> dict[str, Any]:
    found = Found()
    read_manifest(store, key, found)
    return {"snapshots": [_values(each) for each in found.snapshots], "refused": found.refused.get(key)}


def _values(snapshot: Snapshot) -> dict[str, Any]:
    values = {**vars(snapshot), "missing": dict(snapshot.missing)}
    for name in ("run_after", "instant"):
        values[name] = values[name].isoformat()
    for name in ("table", "games"):
        values[name] = values[name] and vars(values[name])
    return values


def _snapshot(values: dict[str, Any]) -> Snapshot:
    instants = {name: datetime.fromisoformat(values[name]) for name in ("run_after", "instant")}
    entries = {name: values[name] and ObjectEntry(**values[name]) for name in ("table", "games")}
    return Snapshot(**values | instants | entries)
