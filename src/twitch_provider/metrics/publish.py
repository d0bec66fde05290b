# SPDX-License-Identifier: Apache-2.0
"""Writing the tables of an hour or a day, so that no manifest ever describes what is not there.

Their keys are fixed, since query engines read whatever lies in a folder. Each object is replaced on
condition that it is the one that was there before the snapshots were listed: a try that saw older snapshots
than the one that published last therefore loses, and begins anew. All tables of a period have a digest of
what they were computed from in their metadata, so that other inputs always give other bytes, and with them
another entity tag. The manifest is replaced by a claim first and written last, on condition that the claim
lies there: of two tries that write at once, one at most publishes. Tries with equal inputs write equal bytes.

A compacted table has no digest: it only changes where a snapshot of its day arrives or vanishes.

Not covered: a snapshot that vanishes and comes back unchanged while a try that did not see it is frozen. That
try begins anew when it wakes, and writes what is right.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.store import Entry, Store
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.manifest import MetricsManifest
from twitch_provider.metrics.tables import TABLES

JSON = "application/json"
PARQUET = "application/vnd.apache.parquet"


class Seen:
    """What of metrics lay there before the snapshots were listed.

    :param store: of the lake
    :param entries: of listings
    """

    def __init__(self, store: Store, entries: Iterable[Entry]) -> None:
        self._store = store
        self._entries = {entry.key: entry for entry in entries}

    @classmethod
    def look(cls, store: Store, keys: MetricsKeys, kind: str, days: Iterable[date]) -> Seen:
        """List what lies there.

        :param store: of the lake
        :param keys: of metrics
        :param kind: ``hour`` or ``day``
        :param days: UTC
        :raises TwitchStoreError: the store failed
        """
        names = ["manifests", *(name for name, table in TABLES.items() if table.period == kind)]
        folders = [keys.folder(name, day) for day in days for name in names]
        if kind == "day":
            datasets = store.folders(keys.all_compacted)
            folders += [f"{dataset}dt={day.isoformat()}/" for day in days for dataset in datasets]
        return cls(store, [entry for folder in folders for entry in store.entries(folder)])

    def tag(self, key: str) -> str | None:
        """Return the entity tag of an object, None where the key was free.

        :param key: without the bucket
        """
        entry = self._entries.get(key)
        return entry and entry.etag

    def manifest(self, key: str) -> MetricsManifest | None:
        """Return a period's manifest if all its tables lie there, else None.

        :param key: of the manifest
        :raises TwitchStoreError: the store failed
        """
        there = self._store.read(key) if key in self._entries else None
        if there is None or there.etag != self.tag(key):
            return None  # Another try is at work, which the condition of writing will notice.
        try:
            manifest = MetricsManifest.from_json(there.body)
        except TwitchDataError:
            return None
        sizes = {each.key: each.bytes for each in manifest.objects}
        there_now = {each: self._entries[each].size for each in sizes if each in self._entries}
        return manifest if sizes == there_now else None

    def __contains__(self, key: str) -> bool:
        """Whether there was such a key."""
        return key in self._entries


def publish(
    store: Store,
    seen: Seen,
    key: str,
    manifest: MetricsManifest,
    files: Mapping[str, Path],
    *,
    metadata: Mapping[str, str],
) -> bool:
    """Replace the tables of a period, and its manifest last.

    :param store: of the lake
    :param seen: before the snapshots were listed
    :param key: of the manifest
    :param manifest: of the period
    :param files: the tables by their keys; none where they lie there already
    :param metadata: of the manifest's object
    :returns: False if another try has changed something since: begin anew
    :raises TwitchStoreError: the store failed
    """
    tag = seen.tag(key)
    if files:
        tag = _claim(store, key, tag)
        if tag is None:
            return False
    for table, path in files.items():
        if not _put(store, table, path.read_bytes(), seen.tag(table), content_type=PARQUET):
            return False
    return _put(store, key, manifest.to_json(), tag, content_type=JSON, metadata=metadata)


def _claim(store: Store, key: str, tag: str | None) -> str | None:
    """Put a claim in the place of the manifest; return its entity tag, None if another try was faster."""
    claim = json.dumps({"being_written_by": secrets.token_hex(8)}).encode()
    store.replace(key, claim, content_type=JSON, metadata={}, etag=tag)
    there = store.read(key)
    return there.etag if there is not None and there.body == claim else None


def _put(
    store: Store,
    key: str,
    body: bytes,
    tag: str | None,
    *,
    content_type: str,
    metadata: Mapping[str, str] | None = None,
) -> bool:
    """Whether the object lies there now: written by this try, or by one with the same inputs."""
    written = store.replace(key, body, content_type=content_type, metadata=metadata or {}, etag=tag)
    return written or store.get(key) == body
