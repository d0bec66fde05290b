# SPDX-License-Identifier: Apache-2.0
"""Writing a run to the store, in an order in which no manifest ever describes what is not there.

A rerun deletes its old manifest first, then what that listed and will not be written again, then what an
unfinished try left in another format or place; then come the tables, the rejects, ``latest/``, and the new
manifest last. A failure anywhere leaves no manifest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from twitch_provider import __version__
from twitch_provider.lake.extract import Extract
from twitch_provider.lake.formats import Format
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, ObjectEntry, describe, find_previous, withdraw
from twitch_provider.lake.schema import REJECTS, SCHEMA_VERSION
from twitch_provider.lake.store import Store
from twitch_provider.lake.tables import CleanTable

CSV = Format()
JSON = "application/json"

#: The metadata under which an object of ``latest/`` has the tick of the run that wrote it.
_TICK = "run-after"
#: Longer lines of a crawl's report are cut in the log: the manifest has all of it.
_MAX_LINE = 1000

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
    run_id: str,
    published_at: datetime,
    latest: bool = False,
    interval: timedelta | None = None,
    file_format: Format | None = None,
    complete: bool = True,
) -> Manifest:
    """Write the tables of one run and what describes them.

    :param store: of the lake
    :param keys: of the run
    :param tables: each dataset's clean table
    :param extract: the raw object that the tables were made from, which is stored already
    :param run_id: Airflow's name of the run
    :param published_at: aware UTC
    :param latest: replace the fixed keys under ``latest/`` too, unless a newer run wrote them
    :param interval: how often a snapshot is due: a gap is then also a warning in the log
    :param file_format: of the tables, where it may change from try to try: copies in another format are then
        looked for and deleted. None: they are always plain CSV
    :param complete: whether nothing is missing; else the tables go under ``incomplete/``, and never to
        ``latest/``
    :returns: the manifest as it was written
    :raises TwitchStoreError: the store failed; the run then has no manifest
    """
    key_of = keys.data if complete else keys.incomplete
    data = {dataset: _table(key_of, dataset, table, file_format or CSV) for dataset, table in tables.items()}
    rejects = {dataset: _rejects(keys, dataset, table) for dataset, table in tables.items()}
    written = [*data.values(), *filter(None, rejects.values())]
    entries = (*(each.entry for each in written), extract.raw)

    withdraw(store, keys, keep={entry.key for entry in entries})
    # A try that ended before its manifest may have left tables and rejects that nothing lists.
    if file_format is not None or not complete:
        _delete_copies(store, keys, tables, keep={entry.key for entry in entries})
    store.delete(keys.rejects(dataset) for dataset, found in rejects.items() if found is None)
    for entry, body, content_type in written:
        store.put(entry.key, body, content_type=content_type)
    if latest and complete:
        _put_latest(store, keys, tables, data)
    manifest = Manifest(
        dag_id=keys.dag_id,
        run_id=run_id,
        run_after=keys.run_after,
        first_answer_at=extract.first_answer_at,
        last_answer_at=extract.last_answer_at,
        published_at=published_at,
        complete=complete,
        requests=extract.requests,
        transport=extract.transport,
        counts={dataset: _account(table) for dataset, table in tables.items()},
        objects=entries,
        previous=find_previous(store, keys),
        schema_version=SCHEMA_VERSION,
        provider_version=__version__,
        crawl=extract.report,
    )
    store.put(keys.manifest, manifest.to_json(), content_type=JSON)
    _log(store, keys, manifest, interval)
    return manifest


def _table(
    key_of: Callable[[str, str], str], dataset: str, table: CleanTable, file_format: Format
) -> _Object:
    body = file_format.encode(table.table, table.schema)
    entry = describe(key_of(dataset, file_format.suffix), body, rows=len(table.table))
    return _Object(entry, body, file_format.content_type)


def _rejects(keys: SnapshotKeys, dataset: str, table: CleanTable) -> _Object | None:
    if not len(table.rejects):
        return None
    body = CSV.encode(table.rejects, REJECTS)
    return _Object(describe(keys.rejects(dataset), body, rows=len(table.rejects)), body, CSV.content_type)


def _delete_copies(
    store: Store, keys: SnapshotKeys, datasets: Iterable[str], *, keep: Collection[str]
) -> None:
    """Delete this run's other tables, in any format, under ``incomplete/`` and outside of it."""
    for dataset in datasets:
        for any_format in (keys.data(dataset, "."), keys.incomplete(dataset, ".")):
            store.delete([key for key in store.list(any_format) if key not in keep])


def _log(store: Store, keys: SnapshotKeys, manifest: Manifest, interval: timedelta | None) -> None:
    for line in _lines(manifest.crawl or {}):
        log.info("Crawl: %s", line)
    for dataset, counts in manifest.counts.items():
        log.info("%s: %s", dataset, ", ".join(f"{name} {count}" for name, count in counts.items() if count))
    log.info("Published %s", store.uri(keys.manifest))
    if not manifest.complete:
        log.warning("Incomplete: the tables of this run are under incomplete/, not among complete ones.")
    if interval is not None and manifest.previous and manifest.missed(interval):
        log.warning(
            "Gap: the previous snapshot is %d s older (%s).",
            manifest.previous.gap_seconds,
            store.uri(manifest.previous.manifest),
        )


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    """What a crawl did: the numbers in one line, and a line for each list that has anything in it."""
    numbers = []
    for name, value in report.items():
        if name in {"checkpoints", "cut"}:
            continue  # Cursors tell a reader nothing, and the crawl has logged what was cut short.
        if not isinstance(value, Mapping | list | tuple):
            numbers.append(f"{name} {value}")
        elif value:
            yield _shortened(f"{name}: {', '.join(_items(value))}")
    if numbers:
        yield _shortened(", ".join(numbers))


def _items(value: Mapping[str, Any] | Sequence[Any]) -> list[str]:
    if isinstance(value, Mapping):
        return [
            f"{name} ({', '.join(_items(item))})" if isinstance(item, Mapping) else f"{name} {item}"
            for name, item in value.items()
        ]
    return [" ".join(map(str, item.values())) if isinstance(item, Mapping) else str(item) for item in value]


def _shortened(line: str) -> str:
    return line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]}…"


def _put_latest(
    store: Store, keys: SnapshotKeys, tables: Mapping[str, CleanTable], data: Mapping[str, _Object]
) -> None:
    """Replace the fixed keys, all of them or none: a newer run's tables stay."""
    tick = utc_text(keys.run_after, "run_after")
    present = [store.metadata(keys.latest(dataset)) for dataset in tables]
    # What has no tick was written by an older version, or not by us.
    if any((metadata or {}).get(_TICK, "") > tick for metadata in present):
        return
    for dataset, table in tables.items():
        entry, body, _ = data[dataset]
        plain = body if entry.key.endswith(CSV.suffix) else CSV.encode(table.table, table.schema)
        store.put(keys.latest(dataset), plain, content_type=CSV.content_type, metadata={_TICK: tick})


def _account(table: CleanTable) -> dict[str, int | dict[str, int]]:
    return {
        **table.counts,
        "filtered_by_reason": dict(table.filtered),
        "rejects_by_reason": dict(table.rejected),
    }
