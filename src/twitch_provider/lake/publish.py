# SPDX-License-Identifier: Apache-2.0
"""Writing a run to the store, in an order in which no manifest ever describes what is not there.

Tables, rejects and manifest are a pure function of the raw object and of this package's version, so all tries
of a run write the same bytes under the same keys, and it does not matter which of them is frozen, wakes or
dies. Only a manifest of another version lists something else: it is withdrawn first, on condition that it is
the one that was looked at, and then what it listed and this version does not write. Then come tables,
rejects, the manifest, and ``latest/`` last. A crawl that was cut short has a raw object and keys of its own
for each try, and its manifest never replaces another one.

Not covered: two versions of the package that build one run at the same time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from twitch_provider import __version__
from twitch_provider.exceptions import TwitchDataError, TwitchRawObjectError, TwitchStoreError
from twitch_provider.lake.csv import csv_bytes
from twitch_provider.lake.extract import Extract
from twitch_provider.lake.formats import Format
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.latest import put_latest
from twitch_provider.lake.manifest import Manifest, ObjectEntry, describe, find_previous
from twitch_provider.lake.raw_header import Owner, RawHeader
from twitch_provider.lake.schema import REJECTS, SCHEMA_VERSION
from twitch_provider.lake.store import Store, StoredObject
from twitch_provider.lake.summary import account, cost
from twitch_provider.lake.tables import CleanTable

CSV = Format()
JSON = "application/json"

#: Twitch's ``Date`` may differ by that much from the receipt before the log says so.
CLOCK_WARNING = timedelta(minutes=5)

#: How often another try may change the manifest while this one is about to.
_ROUNDS = 5

log = logging.getLogger(__name__)


class _Object(NamedTuple):
    entry: ObjectEntry
    body: bytes
    content_type: str


def publish(
    store: Store,
    keys: SnapshotKeys,
    tables: Mapping[str, CleanTable],
    *,
    extract: Extract,
    published_at: datetime,
    latest: bool = False,
    complete: bool = True,
    formulas: bool = True,
) -> Manifest:
    """Write the tables of one run and what describes them.

    :param store: of the lake
    :param keys: of the run
    :param tables: each dataset's clean table
    :param extract: the raw object that the tables were made from, which is stored already
    :param published_at: aware UTC
    :param latest: replace the fixed keys under ``latest/`` too, unless a newer run wrote them
    :param complete: whether nothing is missing; else the tables go under ``incomplete/``, and never to
        ``latest/``
    :param formulas: whether text under ``latest/`` may begin like a formula; the tables are the same
    :returns: the manifest that lies there now: it may be another try's, which then lists the same objects, or
        a complete snapshot where this one is cut short
    :raises TwitchOwnerError: the manifest there is another run's or task's
    :raises TwitchStoreError: the store failed; clear the task to publish again
    """
    written = _objects(keys, tables, extract, complete=complete)
    entries = (*(each.entry for each in written), extract.raw)
    _make_way(store, keys, entries, extract.header)
    for entry, body, content_type in written:
        store.put(entry.key, body, content_type=content_type)
    manifest = _put_manifest(
        store,
        keys,
        _manifest(keys, tables, entries, extract, published_at=published_at, complete=complete),
        extract.header.owner,
        replaces=not extract.header.cut_short,
    )
    if latest and manifest.complete and not manifest.adhoc:
        for (entry, body, _), table in zip(written, tables.values(), strict=False):
            as_it_is = formulas and entry.key.endswith(CSV.suffix)
            plain = body if as_it_is else csv_bytes(table.table, table.schema, formulas=formulas)
            put_latest(store, keys, entry.dataset, plain, content_type=CSV.content_type)
    _log(store, keys, manifest)
    return manifest


def _objects(
    keys: SnapshotKeys, tables: Mapping[str, CleanTable], extract: Extract, *, complete: bool
) -> list[_Object]:
    """Return tables, then rejects, each with its place: a function of the raw object alone."""
    file_format = Format(**extract.header.scope["writes"])
    try_id = extract.header.try_id if extract.header.cut_short else ""
    data: list[_Object] = []
    rejects: list[_Object] = []
    for dataset, table in tables.items():
        if complete:
            key = keys.data(dataset, file_format.suffix)
        else:
            key = keys.incomplete(dataset, file_format.suffix, try_id=try_id)
        body = file_format.encode(table.table, table.schema)
        entry = describe(key, body, rows=len(table.table), kind="table", dataset=dataset)
        data.append(_Object(entry, body, file_format.content_type))
        if len(table.rejects):
            key, body = keys.rejects(dataset, try_id=try_id), CSV.encode(table.rejects, REJECTS)
            entry = describe(key, body, rows=len(table.rejects), kind="rejects", dataset=dataset)
            rejects.append(_Object(entry, body, CSV.content_type))
    return data + rejects


def _manifest(
    keys: SnapshotKeys,
    tables: Mapping[str, CleanTable],
    entries: tuple[ObjectEntry, ...],
    extract: Extract,
    *,
    published_at: datetime,
    complete: bool,
) -> Manifest:
    header = extract.header
    return Manifest(
        dag_id=keys.dag_id,
        run_id=header.owner.run_id,
        task_id=header.owner.task_id,
        map_index=header.owner.map_index,
        run_type=header.run_type,
        run_after=keys.run_after,
        interval_seconds=header.interval_seconds,
        first_answer_at=extract.first_answer_at,
        last_answer_at=extract.last_answer_at,
        clock_difference_seconds=extract.clock_difference_seconds,
        published_at=published_at,
        complete=complete,
        adhoc=header.adhoc,
        scope=header.scope,
        requests=header.requests,
        points_left=header.points_left,
        transport=header.transport,
        counts={dataset: _account(table) for dataset, table in tables.items()},
        datasets={dataset: table.figures for dataset, table in tables.items()},
        objects=entries,
        previous=None,
        schema_version=SCHEMA_VERSION,
        provider_version=__version__,
        crawl=header.report,
    )


def _make_way(store: Store, keys: SnapshotKeys, entries: Sequence[ObjectEntry], header: RawHeader) -> None:
    """Delete a manifest that would become false, then the tables and rejects of it that are not written anew.

    It becomes false if a table or a rejects object that it lists is written with other bytes, or no longer:
    this version does not write what another one wrote. What has the digits of another try in its key stays.

    :raises TwitchOwnerError: the manifest is another run's or task's
    """
    ours, raw = {entry.key: entry for entry in entries}, entries[-1]
    for _ in range(_ROUNDS):
        there = store.read(keys.manifest)
        if there is None:
            return
        listed: list[ObjectEntry] = []
        if (manifest := _readable(there)) is not None:
            manifest.require_owner(header.owner, raw.dataset, store.uri(keys.manifest))
            listed = [entry for entry in manifest.objects if entry.kind != "raw"]
            if all(ours.get(entry.key) == entry for entry in listed):
                return
        other_try = manifest is None or raw.key not in {entry.key for entry in manifest.objects}
        if other_try and (header.cut_short or (manifest is not None and manifest.cut_short)):
            return
        if manifest is None:
            log.warning("%s cannot be read: keeping the objects that it listed.", store.uri(keys.manifest))
        if store.delete_unchanged(keys.manifest, there.etag):
            store.delete([entry.key for entry in listed if entry.key not in ours])
            return
    raise _contested(store, keys)


def _put_manifest(
    store: Store, keys: SnapshotKeys, manifest: Manifest, owner: Owner, *, replaces: bool
) -> Manifest:
    """Write the manifest, unless one that lists the same objects lies there.

    :param owner: of the raw object
    :param replaces: whether it replaces one that lists others; else that one counts
    :returns: what lies there now
    :raises TwitchOwnerError: the manifest there is another run's or task's
    :raises TwitchRawObjectError: what lies there cannot be read, and this one replaces none
    """
    body, place = None, store.uri(keys.manifest)
    for _ in range(_ROUNDS):
        there = store.read(keys.manifest)
        present = there and _readable(there)
        if present is not None:
            present.require_owner(owner, manifest.raw.dataset if manifest.raw else "", place)
            if present.objects == manifest.objects or not replaces:
                return present
        elif there is not None and not replaces:
            raise TwitchRawObjectError(f"{place} cannot be read: delete it by hand and clear the run.")
        if body is None:
            manifest = manifest.after(find_previous(store, keys))
            body = manifest.to_json()
        etag = there and there.etag
        if store.replace(keys.manifest, body, content_type=JSON, metadata={}, etag=etag):
            return manifest
    raise _contested(store, keys)


def _readable(there: StoredObject) -> Manifest | None:
    try:
        return Manifest.from_json(there.body)
    except TwitchDataError:
        return None


def _contested(store: Store, keys: SnapshotKeys) -> TwitchStoreError:
    place = store.uri(keys.manifest)
    return TwitchStoreError(f"{place} changes all the time: another try of this run is at work.", key=place)


def _log(store: Store, keys: SnapshotKeys, manifest: Manifest) -> None:
    tables = {dataset: manifest.table(dataset) for dataset in manifest.counts}
    places = {dataset: store.uri(entry.key) for dataset, entry in tables.items() if entry}
    log.info(
        "Published %s; %s; manifest %s",
        account(manifest.counts, places),
        cost(manifest.requests, manifest.points_left),
        store.uri(keys.manifest),
    )
    if not manifest.complete:
        log.warning("Incomplete: the tables of this run are under incomplete/, not among complete ones.")
    if manifest.adhoc:
        log.warning("Ad hoc: the params of this run differ from the DAG's own, so it lies under adhoc/.")
    if manifest.clock_difference_seconds > CLOCK_WARNING.total_seconds():
        log.warning(
            "Twitch's Date and this worker's clock differ by %d s: correct the clock, or the proxy that sets "
            "Date.",
            manifest.clock_difference_seconds,
        )
    if manifest.previous and manifest.missed:
        log.warning(
            "Gap: the previous snapshot is %d s older (%s).",
            manifest.previous.gap_seconds,
            store.uri(manifest.previous.manifest),
        )


def _account(table: CleanTable) -> dict[str, int | dict[str, int]]:
    return {
        **table.counts,
        "filtered_by_reason": dict(table.filtered),
        "rejects_by_reason": dict(table.rejected),
    }
