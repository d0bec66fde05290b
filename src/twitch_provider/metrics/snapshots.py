# SPDX-License-Identifier: Apache-2.0
"""The snapshots of a lake, by their manifests.

Manifests are found in every folder below ``manifests/`` and chosen by the datasets of their tables, not by
DAG: two DAGs that write one dataset with the same ``asks`` are one series, which is called a *scope*. Ad hoc
runs have their manifests elsewhere, and are not among them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.instants import in_utc
from twitch_provider.lake.keys import dataset_beside
from twitch_provider.lake.manifest import Manifest, ObjectEntry
from twitch_provider.lake.schema import SCHEMA_VERSION
from twitch_provider.lake.store import Store


@dataclass(frozen=True)
class Snapshot:
    """One table of streams that a run published, or tried to.

    Within a lake its dataset and its tick identify it: they are in the table's key.

    :param scope: the dataset and, as canonical JSON, what Twitch was asked for
    :param dataset: of the table of streams
    :param manifest: its key
    :param etag: the store's tag of the manifest
    :param run_after: the tick, aware UTC
    :param run_id: Airflow's name of the run
    :param run_type: Airflow's, for example ``scheduled``
    :param instant: when Twitch answered first, aware UTC, in whole seconds
    :param interval_seconds: how often a snapshot is due; None where none is
    :param complete: whether nothing is missing
    :param schema_version: of the columns
    :param table: the streams
    :param games: the top games that were asked about, if the run has such a table
    :param missing: how many rows have no value, by column
    :param duplicate_keys: rows whose id an earlier row has
    :param viewers: of all rows
    :param dag_id: Airflow's name of the DAG, or ``{dag_id}.{dataset}`` of an operator
    :param rejects: rows that cleaning refused
    """

    scope: str
    dataset: str
    manifest: str
    etag: str
    run_after: datetime
    run_id: str
    run_type: str
    instant: datetime
    interval_seconds: int | None
    complete: bool
    schema_version: int
    table: ObjectEntry
    games: ObjectEntry | None
    missing: Mapping[str, int]
    duplicate_keys: int
    viewers: int
    dag_id: str
    rejects: int

    @property
    def rows(self) -> int:
        """How many streams it has."""
        return self.table.rows

    @property
    def readable(self) -> bool:
        """Whether it is complete, and of columns that this version knows."""
        return self.complete and 1 <= self.schema_version <= SCHEMA_VERSION

    @property
    def order(self) -> tuple[datetime, datetime, str]:
        """Its place within its scope: by instant, then tick, then run id."""
        return self.instant, self.run_after, self.run_id

    @property
    def identity(self) -> tuple[str, str]:
        """What it is told from all others by: a manifest may list several tables of streams."""
        return self.manifest, self.dataset


def scope_of(dataset: str, asks: Mapping[str, Any]) -> str:
    """Return the name of a series: the dataset and, as canonical JSON, what Twitch is asked for.

    :param dataset: for example ``top_streams``
    :param asks: of the manifest's scope
    """
    return f"{dataset} {json.dumps(asks, sort_keys=True, separators=(',', ':'), ensure_ascii=False)}"


def snapshots_of(manifest: Manifest, *, key: str, etag: str) -> list[Snapshot]:
    """Return a manifest's snapshots: one for each of its tables that has viewers.

    :param manifest: of one run
    :param key: where it lies
    :param etag: the store's tag of it
    :returns: none of an ad hoc run
    :raises TwitchDataError: the manifest contradicts itself
    """
    if manifest.adhoc:
        return []
    try:
        return list(_snapshots(manifest, key, etag))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise TwitchDataError(
            f"The manifest {key} is not as this version writes it ({error!r:.80}), so its snapshot is left "
            "out: clear its DAG run to publish it again."
        ) from None


def _snapshots(manifest: Manifest, key: str, etag: str) -> Iterator[Snapshot]:
    asks = manifest.scope["asks"]
    tables = {entry.dataset: entry for entry in manifest.objects if entry.kind == "table"}
    for dataset, figures in manifest.datasets.items():
        if figures["viewers"] is None:
            continue
        yield Snapshot(
            scope=scope_of(dataset, {**asks}),
            dataset=dataset,
            manifest=key,
            etag=etag,
            run_after=_whole_seconds(manifest.run_after, "run_after"),
            run_id=manifest.run_id,
            run_type=manifest.run_type,
            instant=_whole_seconds(manifest.first_answer_at, "first_answer_at"),
            interval_seconds=_interval(manifest.interval_seconds),
            complete=manifest.complete,
            schema_version=_whole("schema_version", manifest.schema_version),
            table=_counted(tables[dataset]),
            games=(games := _companion(dataset, tables)) and _counted(games),
            missing={name: _whole(name, number) for name, number in figures["missing"].items()},
            duplicate_keys=_whole("duplicate_keys", figures["duplicate_keys"]),
            viewers=_whole("viewers", figures["viewers"]),
            dag_id=manifest.dag_id,
            rejects=int(manifest.counts[dataset]["rejects"]),
        )


def _whole(name: str, value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} is {value!r:.40}")
    return value


def _interval(seconds: Any) -> int | None:
    """Whole seconds, of which two can be counted."""
    if seconds is None:
        return None
    interval = _whole("interval_seconds", seconds)
    if not timedelta(seconds=2 * interval):
        raise ValueError("interval_seconds is 0")
    return interval


def _counted(table: ObjectEntry) -> ObjectEntry:
    _whole("rows", table.rows)
    return table


def _whole_seconds(instant: datetime, name: str) -> datetime:
    return in_utc(instant, name).replace(microsecond=0)


def _companion(dataset: str, tables: Mapping[str, ObjectEntry]) -> ObjectEntry | None:
    """The games whose streams these are: ``top_games``, or the first dataset of an operator."""
    if dataset == "top_streams":
        return tables.get("top_games")
    return next((entry for name, entry in tables.items() if dataset_beside(name, "streams") == dataset), None)


@dataclass(frozen=True)
class Found:
    """What manifests say.

    :param snapshots: in no particular order
    :param refused: a sentence for each manifest that cannot be read, by its key
    """

    snapshots: list[Snapshot] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def read_manifest(store: Store, key: str, found: Found) -> None:
    """Add a manifest's snapshots to what was found, or the reason why they are left out.

    :param store: of the lake
    :param key: of the manifest
    :param found: is added to
    :raises TwitchStoreError: the store failed
    """
    there = store.read(key)
    if there is not None:  # Else it was withdrawn since it was listed.
        add_manifest(there.body, found, key=key, etag=there.etag, place=store.uri(key))


def add_manifest(body: bytes, found: Found, *, key: str, etag: str, place: str) -> None:
    """Add a manifest's snapshots to what was found, or the reason why they are left out.

    :param body: of the manifest
    :param found: is added to
    :param key: of the manifest
    :param etag: the store's tag of it
    :param place: its address, for a sentence
    """
    try:
        manifest = Manifest.from_json(body)
    except TwitchDataError:
        found.refused[key] = (
            f"{place} is not a manifest of this version's, so its snapshot is left out: clear its "
            "DAG run to publish it again."
        )
        return
    try:
        found.snapshots.extend(snapshots_of(manifest, key=key, etag=etag))
    except TwitchDataError as error:
        found.refused[key] = str(error)
