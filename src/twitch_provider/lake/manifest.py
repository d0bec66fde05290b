# SPDX-License-Identifier: Apache-2.0
"""The manifest of one run: what was published, what became of every row, and what came before.

No manifest, no snapshot: it is written last, and readers start from it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.store import Store

log = logging.getLogger(__name__)

_NAME = re.compile(r"/(\d{8}T\d{6}Z)\.json$")


@dataclass(frozen=True)
class ObjectEntry:
    """One object of the run.

    :param key: without the bucket
    :param bytes: its size
    :param sha256: of its bytes, in hex
    :param rows: rows of a table, pages of a raw object
    """

    key: str
    bytes: int
    sha256: str
    rows: int


def describe(key: str, body: bytes, *, rows: int) -> ObjectEntry:
    """Describe the bytes that are, or will be, under this key.

    :param key: without the bucket
    :param body: its bytes
    :param rows: rows of a table, pages of a raw object
    """
    return ObjectEntry(key, len(body), hashlib.sha256(body).hexdigest(), rows)


@dataclass(frozen=True)
class Previous:
    """The snapshot before this one.

    :param manifest: its manifest's key
    :param run_after: its tick, aware UTC
    :param gap_seconds: from its tick to this one
    """

    manifest: str
    run_after: datetime
    gap_seconds: int


@dataclass(frozen=True)
class Manifest:
    """What one run published.

    Objects under ``latest/`` are not listed: the next run replaces them, and a manifest never describes
    what is not there.

    :param dag_id: Airflow's name of the DAG, or ``{dag_id}.{task_id}`` of an operator
    :param run_id: Airflow's name of the run
    :param run_after: the tick; this and the other instants are aware UTC
    :param first_answer_at: when Twitch answered first
    :param last_answer_at: when Twitch answered last
    :param published_at: when it was written
    :param complete: whether nothing is missing; else its tables lie under ``incomplete/``
    :param requests: requests to Helix that it took
    :param transport: further counters of the transport by name, for example tokens fetched and retries
    :param counts: for each dataset the account of its rows, ``filtered`` and ``rejects`` also by reason
    :param objects: everything written, data first and raw pages included
    :param previous: None for the first snapshot of the DAG
    :param schema_version: of the columns
    :param provider_version: of this package
    :param crawl: what a crawl did, by its own report; None where nothing was crawled
    """

    dag_id: str
    run_id: str
    run_after: datetime
    first_answer_at: datetime
    last_answer_at: datetime
    published_at: datetime
    complete: bool
    requests: int
    transport: Mapping[str, int]
    counts: Mapping[str, Mapping[str, Any]]
    objects: tuple[ObjectEntry, ...]
    previous: Previous | None
    schema_version: int
    provider_version: str
    crawl: Mapping[str, Any] | None = None

    def missed(self, interval: timedelta) -> bool:
        """Whether at least one snapshot is missing before this one."""
        return self.previous is not None and self.previous.gap_seconds > interval.total_seconds()

    def to_json(self) -> bytes:
        """Return the manifest for people and programs: indented, keys in a fixed order."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False, default=_instant_text)
        # UTF-8 cannot hold half a surrogate pair; what backslashreplace writes is JSON's own escape of it.
        return f"{text}\n".encode(errors="backslashreplace")

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Read a manifest of this version or another: what a newer one adds is ignored.

        :param data: the object's bytes
        :raises TwitchDataError: it is not a manifest
        """
        try:
            values = _known_fields(cls, json.loads(data))
            for name in ("run_after", "first_answer_at", "last_answer_at", "published_at"):
                values[name] = datetime.fromisoformat(values[name])
            entries = [_known_fields(ObjectEntry, entry) for entry in values["objects"]]
            values["objects"] = tuple(ObjectEntry(**{**entry, "key": entry["key"] + ""}) for entry in entries)
            if previous := values["previous"]:
                before = datetime.fromisoformat(previous["run_after"])
                values["previous"] = Previous(**{**_known_fields(Previous, previous), "run_after": before})
            manifest = cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            manifest = None
        if (
            manifest is None
            or type(manifest.complete) is not bool
            or not isinstance(manifest.crawl, dict | None)
        ):
            raise TwitchDataError("This is not a manifest of ours: delete it and run its DAG run again.")
        return manifest


def _known_fields(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values which this version has a field for."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def _instant_text(value: datetime) -> str:
    return utc_text(value, "instant")


def published(store: Store, keys: SnapshotKeys) -> Manifest | None:
    """Return the manifest that this run wrote earlier; None if it did not, or it cannot be read."""
    body = store.get(keys.manifest)
    try:
        return None if body is None else Manifest.from_json(body)
    except TwitchDataError:
        return None


def find_previous(store: Store, keys: SnapshotKeys) -> Previous | None:
    """Find the newest snapshot of the same DAG strictly before this tick.

    It takes two or three listings, however old the lake is: this day's manifests, else those of the newest
    earlier day that has any.
    """
    now = keys.run_after.replace(microsecond=0)
    days = [day for day in store.folders(keys.manifests) if day <= f"{keys.manifests}{keys.day}/"]
    for day in reversed(days):
        by_tick = manifests_by_tick(store.list(day))
        if earlier := [tick for tick in by_tick if tick < now]:
            tick = max(earlier)
            return Previous(by_tick[tick], tick, round((now - tick).total_seconds()))
    return None


def manifests_by_tick(keys: Iterable[str]) -> dict[datetime, str]:
    """Return the keys of manifests by the tick of their run, which is in their name."""
    found = {match[1]: key for key in keys if (match := _NAME.search(key))}
    return {datetime.strptime(tick, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC): key for tick, key in found.items()}


def withdraw(store: Store, keys: SnapshotKeys, *, keep: Collection[str]) -> None:
    """Delete this run's manifest, then the objects that it listed, but for the keys to keep."""
    old = store.get(keys.manifest)
    if old is None:
        return
    try:
        listed = [entry.key for entry in Manifest.from_json(old).objects]
    except TwitchDataError:
        log.warning("%s cannot be read: keeping the objects that it listed.", store.uri(keys.manifest))
        listed = []
    store.delete([keys.manifest])
    store.delete([key for key in listed if key not in keep])
