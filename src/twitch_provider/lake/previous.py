# SPDX-License-Identifier: Apache-2.0
"""What the last complete snapshot knew: who was live, in which languages, and where its lists could be cut.

It only makes the next crawl better: where there is none to be trusted, the crawl goes on without.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv
from pyarrow import parquet

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, ObjectEntry, describe, find_previous, ticks
from twitch_provider.lake.schema import SCHEMA_VERSION
from twitch_provider.lake.store import Store

#: Incomplete snapshots are passed over, but no more manifests than these are read.
MOST_MANIFESTS = 12

#: Where one table is damaged, its neighbour may not be; who finds none whole goes on without.
MOST_TABLES = 3

COLUMNS = ["user_id", "language"]

#: How a CSV is packed, by its ending.
_CODECS = {".csv": None, ".csv.gz": "gzip", ".csv.zst": "zstd"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """The last complete snapshot, as far as the next crawl needs it.

    :param users: every broadcaster that was live
    :param languages: how many streams each language had
    :param checkpoints: cursors that the crawl remembered, by language
    :param manifest: key of its manifest
    :param run_after: its tick, aware UTC
    """

    users: frozenset[str] = field(repr=False)
    languages: Mapping[str, int]
    checkpoints: Mapping[str, Sequence[str]] = field(repr=False)
    manifest: str
    run_after: datetime


class _UselessError(Exception):
    """Why there is nothing to be known."""


def read_previous(store: Store, keys: SnapshotKeys, dataset: str, *, within: timedelta) -> Known | None:
    """Read the newest complete snapshot of the same DAG strictly before this tick.

    A listing for each day, some manifests and a table or two are read. What is wrong with a snapshot is a
    warning in the log: a crawl does not need one. Who was live and where lists could be cut is soon out of
    date; which languages there are is not, and is read from an older one where there is no other.

    :param store: of the lake
    :param keys: of the run that is about to crawl
    :param dataset: of streams, for example ``all_streams``
    :param within: how much older it may be
    :returns: None where there is none, or none to be trusted
    :raises TwitchStoreError: the store failed
    """
    for key, manifest in islice(_manifests(store, keys, within), MOST_TABLES):
        try:
            return _known(store, keys, dataset, key, manifest)
        except _UselessError as reason:
            log.warning("%s: it is not gone by.", reason)
    log.warning(
        "%s: there is no complete snapshot of the last %s before %s to be trusted: the crawl goes on without "
        "one to be compared with, and nothing will tell how complete it is.",
        dataset,
        within,
        keys.tick,
    )
    return _languages_alone(store, keys)


def _manifests(store: Store, keys: SnapshotKeys, within: timedelta) -> Iterator[tuple[str, Manifest]]:
    """Give the manifests before this tick, newest first, those of incomplete snapshots last.

    An incomplete one is better than none: whoever it has is asked for, and a list that still lacks them is
    found out. Without, the first crawl after half an hour of losses would pass for a complete one.
    """
    incomplete: list[tuple[str, Manifest]] = []
    for key, _ in _candidates(store, keys, within):
        body = store.get(key)
        try:
            manifest = None if body is None else Manifest.from_json(body)
        except TwitchDataError:
            log.warning("%s is no manifest: it is not gone by.", store.uri(key))
            continue
        if manifest is not None and manifest.complete:
            yield key, manifest
        elif manifest is not None:
            incomplete.append((key, manifest))
    yield from incomplete


def _known(store: Store, keys: SnapshotKeys, dataset: str, key: str, manifest: Manifest) -> Known:
    if manifest.schema_version != SCHEMA_VERSION:
        version = manifest.schema_version
        raise _UselessError(f"{store.uri(key)} is of schema version {version}, not {SCHEMA_VERSION}")
    before = SnapshotKeys(keys.prefix, keys.dag_id, manifest.run_after)
    at = before.data if manifest.complete else before.incomplete
    entry = next((entry for entry in manifest.objects if entry.key.startswith(at(dataset, "."))), None)
    if entry is None:
        raise _UselessError(f"{store.uri(key)} lists no table {dataset}")
    table = _table(store, entry, ending=entry.key.removeprefix(at(dataset, "")))
    return Known(
        users=frozenset(filter(None, table["user_id"].to_pylist())),
        languages=_counts(table["language"]),
        checkpoints=_checkpoints(manifest.crawl or {}),
        manifest=key,
        run_after=manifest.run_after,
    )


def _languages_alone(store: Store, keys: SnapshotKeys) -> Known | None:
    """Read from the newest manifest, however old and however complete, which languages there were."""
    previous = find_previous(store, keys)
    body = store.get(previous.manifest) if previous else None
    if previous is None or body is None:
        return None
    try:
        languages = (Manifest.from_json(body).crawl or {}).get("languages")
    except TwitchDataError:
        return None
    if not isinstance(languages, dict) or not all(isinstance(count, int) for count in languages.values()):
        return None
    return Known(frozenset(), languages, {}, previous.manifest, previous.run_after)


def _candidates(store: Store, keys: SnapshotKeys, within: timedelta) -> Iterator[tuple[str, datetime]]:
    """Keys and ticks of the manifests before this one, newest first."""
    oldest = keys.run_after - within
    left = MOST_MANIFESTS
    day = keys.run_after.date()
    while day >= oldest.date() and left:
        folder = f"{keys.manifests}dt={day:%Y-%m-%d}/"
        for tick, key in sorted(ticks(store.list(folder)).items(), reverse=True):
            run_after = datetime.strptime(tick, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            if tick < keys.tick and run_after >= oldest and left:
                left -= 1
                yield key, run_after
        day -= timedelta(days=1)


def _table(store: Store, entry: ObjectEntry, *, ending: str) -> pa.Table:
    """Return the columns of a table, if it is what its manifest says."""
    body = store.get(entry.key)
    if body is None:
        raise _UselessError(f"{store.uri(entry.key)} is gone")
    if describe(entry.key, body, rows=entry.rows) != entry:
        raise _UselessError(f"{store.uri(entry.key)} is not what its manifest says")
    try:
        table = _read(body, ending)
    except (pa.ArrowException, KeyError, OSError):
        raise _UselessError(
            f"{store.uri(entry.key)} has no columns {' and '.join(COLUMNS)} to be read"
        ) from None
    if table.num_rows != entry.rows:
        raise _UselessError(
            f"{store.uri(entry.key)} has {table.num_rows} rows, not {entry.rows} as its manifest says"
        )
    return table


def _read(body: bytes, ending: str) -> pa.Table:
    if ending == ".parquet":
        return parquet.read_table(io.BytesIO(body), columns=COLUMNS)
    codec = _CODECS[ending]
    file = pa.BufferReader(body)
    return pa_csv.read_csv(
        pa.CompressedInputStream(file, codec) if codec else file,
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            include_columns=COLUMNS, column_types=dict.fromkeys(COLUMNS, pa.string())
        ),
    )


def _counts(languages: pa.ChunkedArray) -> dict[str, int]:
    counted = pc.value_counts(languages).to_pylist()
    return {each["values"]: each["counts"] for each in counted if each["values"]}


def _checkpoints(crawl: Mapping[str, Any]) -> dict[str, list[str]]:
    """The remembered cursors, those of them that are some."""
    checkpoints = crawl.get("checkpoints")
    if not isinstance(checkpoints, dict):
        return {}
    return {
        language: cursors
        for language, cursors in checkpoints.items()
        if isinstance(cursors, list) and all(isinstance(cursor, str) and cursor for cursor in cursors)
    }
