# SPDX-License-Identifier: Apache-2.0
"""Writing a run to the store, in an order that never leaves a manifest describing what is not there.

A rerun deletes its old manifest first, then what that listed and will not be written again; then come the
data, the rejects, ``latest/``, and the new manifest last. A failure anywhere leaves no manifest.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from twitch_provider import __version__
from twitch_provider.lake.clean import Cleaned
from twitch_provider.lake.csv import newest_run_after, to_csv
from twitch_provider.lake.extract import Extract
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, ObjectEntry, describe, find_previous, withdraw
from twitch_provider.lake.schema import REJECTS, SCHEMA_VERSION
from twitch_provider.lake.store import Store

CSV = "text/csv; charset=utf-8"
JSON = "application/json"

log = logging.getLogger(__name__)


def publish(
    store: Store,
    keys: SnapshotKeys,
    tables: Mapping[str, Cleaned],
    *,
    extract: Extract,
    run_id: str,
    published_at: datetime,
    latest: bool = False,
    interval: timedelta | None = None,
) -> Manifest:
    """Write the tables of one complete run and what describes them.

    :param store: of the lake
    :param keys: of the run
    :param tables: each dataset's clean table
    :param extract: the raw object that the tables were made from, already written, and what it took
    :param run_id: Airflow's name of the run
    :param published_at: aware UTC
    :param latest: replace the fixed keys under ``latest/`` too, where no newer run wrote them
    :param interval: how often a snapshot is due: a gap is then also a warning in the log
    :returns: the manifest as it was written
    :raises TwitchStoreError: the store failed; the run then has no manifest
    """
    data = {
        dataset: _object(keys.data(dataset), to_csv(table.frame, table.schema), rows=len(table.frame))
        for dataset, table in tables.items()
    }
    rejects = [
        _object(keys.rejects(dataset), to_csv(table.rejects, REJECTS), rows=len(table.rejects))
        for dataset, table in tables.items()
        if len(table.rejects)
    ]
    written = [*data.values(), *rejects]
    entries = (*(entry for entry, _ in written), extract.raw)

    withdraw(store, keys, keep={entry.key for entry in entries})
    # A run that broke off before its manifest may have left rejects that nothing lists.
    store.delete(keys.rejects(dataset) for dataset, table in tables.items() if table.rejects.empty)
    for entry, body in written:
        store.put(entry.key, body, content_type=CSV)
    if latest and not _is_newer_there(store, keys, data):
        for dataset, (_, body) in data.items():
            store.put(keys.latest(dataset), body, content_type=CSV)
    manifest = Manifest(
        dag_id=keys.dag_id,
        run_id=run_id,
        run_after=keys.run_after,
        first_answer_at=extract.first_answer_at,
        last_answer_at=extract.last_answer_at,
        published_at=published_at,
        complete=True,
        requests=extract.requests,
        transport=extract.transport,
        counts={dataset: _account(table) for dataset, table in tables.items()},
        objects=entries,
        previous=find_previous(store, keys),
        schema_version=SCHEMA_VERSION,
        provider_version=__version__,
    )
    store.put(keys.manifest, manifest.to_json(), content_type=JSON)
    _report(store, keys, manifest, interval)
    return manifest


def _report(store: Store, keys: SnapshotKeys, manifest: Manifest, interval: timedelta | None) -> None:
    for dataset, counts in manifest.counts.items():
        log.info("%s: %s", dataset, ", ".join(f"{name} {count}" for name, count in counts.items() if count))
    log.info("Published %s", store.uri(keys.manifest))
    if interval is not None and manifest.previous and manifest.missed(interval):
        log.warning(
            "Gap: the snapshot before this one is %d s older (%s).",
            manifest.previous.gap_seconds,
            store.uri(manifest.previous.manifest),
        )


def _object(key: str, body: bytes, *, rows: int) -> tuple[ObjectEntry, bytes]:
    return describe(key, body, rows=rows), body


def _is_newer_there(store: Store, keys: SnapshotKeys, datasets: Iterable[str]) -> bool:
    """Whether a newer run wrote ``latest/``. Any of the tables tells: one without rows cannot."""
    present = [store.get(keys.latest(dataset)) for dataset in datasets]
    ticks = [newest_run_after(body) for body in present if body is not None]
    return max((tick for tick in ticks if tick), default="") > utc_text(keys.run_after, "run_after")


def _account(table: Cleaned) -> dict[str, int | dict[str, int]]:
    return {**table.counts, "filtered_by_reason": dict(table.filtered), "rejects_by_reason": table.rejected}
