# SPDX-License-Identifier: Apache-2.0
"""The manifest of one run: what was published, what became of every row, and what came before.

No manifest, no snapshot: it is written last, and readers start from it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from twitch_provider.exceptions import TwitchDataError, TwitchOwnerError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.raw_header import Owner
from twitch_provider.lake.shapes import require_plain, require_shape
from twitch_provider.lake.store import Store

_NAME = re.compile(r"/(\d{8}T\d{6}Z)\.json$")


@dataclass(frozen=True)
class ObjectEntry:
    """One object of the run.

    :param key: without the bucket
    :param bytes: its size
    :param sha256: of its bytes, in hex
    :param rows: rows of a table, pages of a raw object
    :param kind: ``table``, ``rejects`` or ``raw``
    :param dataset: that it belongs to
    """

    key: str
    bytes: int
    sha256: str
    rows: int
    kind: str
    dataset: str


def describe(key: str, body: bytes, *, rows: int, kind: str, dataset: str) -> ObjectEntry:
    """Describe the bytes that are, or will be, under this key.

    :param key: without the bucket
    :param body: its bytes
    :param rows: rows of a table, pages of a raw object
    :param kind: ``table``, ``rejects`` or ``raw``
    :param dataset: that it belongs to
    """
    return ObjectEntry(key, len(body), hashlib.sha256(body).hexdigest(), rows, kind, dataset)


def describe_like(entry: ObjectEntry, body: bytes) -> ObjectEntry:
    """Describe what lies under an entry's key, for a comparison with it."""
    return describe(entry.key, body, rows=entry.rows, kind=entry.kind, dataset=entry.dataset)


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

    It is true as long as its tables and rejects lie as listed; its raw object may have expired. Objects
    under ``latest/`` are not listed: the next run replaces them.

    :param dag_id: Airflow's name of the DAG, or ``{dag_id}.{dataset}`` of an operator
    :param run_id: Airflow's name of the run
    :param task_id: of the task that asked Twitch
    :param map_index: of that task where it is mapped; else -1
    :param run_type: Airflow's, for example ``scheduled``
    :param run_after: the tick; this and the other instants are aware UTC
    :param interval_seconds: how often a snapshot is due; None where none is
    :param first_answer_at: when Twitch answered first
    :param last_answer_at: when Twitch answered last
    :param clock_difference_seconds: the largest difference between Twitch's ``Date`` and the receipt
    :param published_at: when it was written
    :param complete: whether nothing is missing; else its tables lie under ``incomplete/``
    :param adhoc: whether the run's params differ from the DAG's own: all of it then lies under ``adhoc/``
    :param scope: ``asks``: what Twitch was asked for; ``writes``: the form of the tables
    :param requests: requests to Helix that it took
    :param points_left: of the rate limit, after the last answer; None where no answer said
    :param transport: further counters of the transport by name, for example tokens fetched and retries
    :param counts: for each dataset the account of its rows, ``filtered`` and ``rejects`` also by reason
    :param datasets: for each dataset ``viewers`` (their sum), ``missing`` (column -> rows without a value)
        and ``duplicate_keys``
    :param objects: everything written, data first and raw pages last
    :param previous: None for the first snapshot of the DAG
    :param schema_version: of the columns
    :param provider_version: of this package
    :param crawl: what a crawl did, by its own report; None where nothing was crawled
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    run_type: str
    run_after: datetime
    interval_seconds: int | None
    first_answer_at: datetime
    last_answer_at: datetime
    clock_difference_seconds: int
    published_at: datetime
    complete: bool
    adhoc: bool
    scope: Mapping[str, Mapping[str, Any]]
    requests: int
    points_left: int | None
    transport: Mapping[str, int]
    counts: Mapping[str, Mapping[str, Any]]
    datasets: Mapping[str, Mapping[str, Any]]
    objects: tuple[ObjectEntry, ...]
    previous: Previous | None
    schema_version: int
    provider_version: str
    crawl: Mapping[str, Any] | None = None

    def require_owner(self, owner: Owner, dataset: str, where: str) -> None:
        """Check that this manifest was published by a task.

        :param owner: the task
        :param dataset: whose raw pages it has
        :param where: the manifest's address
        :raises TwitchOwnerError: another one published it
        """
        owner.require(Owner(owner.dag_id, self.run_id, self.task_id, self.map_index), where)
        # The DAG is in the key, together with a dataset: x.y of a DAG x may be a DAG x.y, too.
        if self.raw is not None and self.raw.dataset != dataset:
            raise TwitchOwnerError(
                f"{where} is of the dataset {self.raw.dataset}, not of {dataset} of {owner}: rename this "
                "dataset or one of the DAGs, since a DAG's id with a dataset after a dot is another DAG's id."
            )

    @property
    def raw(self) -> ObjectEntry | None:
        """The raw object that the tables were made from."""
        return next((entry for entry in self.objects if entry.kind == "raw"), None)

    @property
    def cut_short(self) -> bool:
        """Whether its crawl lost a part of the list: its objects then have a try's digits in their keys."""
        return self.crawl is not None and self.crawl.get("complete") is not True

    def table(self, dataset: str) -> ObjectEntry | None:
        """Return the table of a dataset.

        :param dataset: for example ``top_streams``
        """
        return next((each for each in self.objects if (each.kind, each.dataset) == ("table", dataset)), None)

    @property
    def missed(self) -> bool:
        """Whether at least one snapshot that was due is missing before this one."""
        if self.previous is None or self.interval_seconds is None or self.adhoc:
            return False
        return self.previous.gap_seconds > self.interval_seconds

    def after(self, previous: Previous | None) -> Manifest:
        """Return the manifest with the snapshot before it.

        :param previous: None for the first one
        """
        return replace(self, previous=previous)

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
            values["objects"] = tuple(ObjectEntry(**entry) for entry in entries)
            if previous := values["previous"]:
                before = datetime.fromisoformat(previous["run_after"])
                values["previous"] = Previous(**{**_known_fields(Previous, previous), "run_after": before})
            manifest = cls(**values)
            require_shape(manifest, cls)
            require_plain(manifest.dag_id, manifest.task_id)
            require_plain(*(name for each in manifest.objects for name in (each.key, each.dataset)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise TwitchDataError(
                "This is not a manifest of this version's: delete it and clear its DAG run."
            ) from None
        return manifest


def _known_fields(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values which this version has a field for."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def _instant_text(value: datetime) -> str:
    return utc_text(value, "instant")


def published(store: Store, keys: SnapshotKeys) -> Manifest | None:
    """Return the manifest at the key of a run; None if there is no such key.

    :param store: of the lake
    :param keys: of the run
    :raises TwitchDataError: it is not a manifest of this version's
    """
    body = store.get(keys.manifest)
    return None if body is None else Manifest.from_json(body)


def find_previous(store: Store, keys: SnapshotKeys) -> Previous | None:
    """Find the newest snapshot of the same DAG strictly before this tick; never an ad hoc one.

    It takes two or three listings, however old the lake is: this day's manifests, else those of the newest
    earlier day that has any.
    """
    keys, now = keys.record, keys.run_after.replace(microsecond=0)
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
