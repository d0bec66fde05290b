# SPDX-License-Identifier: Apache-2.0
"""What the last complete snapshot knew: who was live, in which languages, and the crawl's checkpoints.

It only makes the next crawl better: without a usable one, the crawl starts from nothing.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv
from pyarrow import parquet

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import (
    Manifest,
    ObjectEntry,
    describe_like,
    find_previous,
    manifests_by_tick,
)
from twitch_provider.lake.schema import SCHEMA_VERSION
from twitch_provider.lake.store import Store

#: How many manifests are read at most: incomplete snapshots are skipped.
MAX_MANIFESTS = 12
#: How many tables are read at most: where one is damaged, the one before it may not be.
MAX_TABLES = 3

_NEEDED = ["user_id", "language"]

#: How a CSV is compressed, by its suffix.
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


class _NotUsableError(Exception):
    """Why a snapshot is not usable."""


def read_previous(store: Store, keys: SnapshotKeys, dataset: str, *, within: timedelta) -> Known | None:
    """Read the newest complete snapshot of the same DAG strictly before this tick; never an ad hoc one.

    This takes a listing for each day, some manifests and a table or two. What is wrong with a snapshot is a
    warning in the log, since a crawl does not need one. Who was live and the checkpoints are soon out of
    date; the list of languages is not, and is read from an older snapshot if there is no other.

    :param store: of the lake
    :param keys: of the run that is about to crawl
    :param dataset: of streams, for example ``all_streams``
    :param within: how much older it may be
    :returns: None if there is no usable one
    :raises TwitchStoreError: the store failed
    """
    keys = keys.record
    for key, manifest in islice(_manifests(store, keys, within), MAX_TABLES):
        try:
            return _read_known(store, dataset, key, manifest)
        except _NotUsableError as reason:
            log.warning("%s: ignoring it.", reason)
    log.warning(
        "%s: no usable snapshot in the %s before %s: this crawl reads a sample of its pages once more, to "
        "estimate how complete it is.",
        dataset,
        within,
        keys.tick,
    )
    return _languages_alone(store, keys)


def _manifests(store: Store, keys: SnapshotKeys, within: timedelta) -> Iterator[tuple[str, Manifest]]:
    """Iterate over the manifests before this tick, newest first, those of incomplete snapshots last.

    An incomplete one is better than none: the crawl looks its broadcasters up, and so notices a list that
    still lacks them. Otherwise the first crawl after half an hour of losses would count as complete.
    """
    incomplete: list[tuple[str, Manifest]] = []
    for key in _candidates(store, keys, within):
        body = store.get(key)
        try:
            manifest = None if body is None else Manifest.from_json(body)
        except TwitchDataError:
            log.warning("%s is not a manifest: ignoring it.", store.uri(key))
            continue
        if manifest is not None and manifest.complete:
            yield key, manifest
        elif manifest is not None:
            incomplete.append((key, manifest))
    yield from incomplete


def _read_known(store: Store, dataset: str, key: str, manifest: Manifest) -> Known:
    """Read the table that a manifest lists; raise :class:`_NotUsableError` if it is not usable."""
    if manifest.schema_version != SCHEMA_VERSION:
        version = manifest.schema_version
        raise _NotUsableError(f"{store.uri(key)} is of schema version {version}, not {SCHEMA_VERSION}")
    entry = manifest.table(dataset)
    if entry is None:
        raise _NotUsableError(f"{store.uri(key)} lists no table {dataset}")
    table = _table(store, entry)
    return Known(
        users=frozenset(filter(None, table["user_id"].to_pylist())),
        languages=_counts(table["language"]),
        checkpoints=_checkpoints(manifest.crawl or {}),
        manifest=key,
        run_after=manifest.run_after,
    )


def _languages_alone(store: Store, keys: SnapshotKeys) -> Known | None:
    """Read the languages from the newest manifest, however old and however complete it is."""
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


def _candidates(store: Store, keys: SnapshotKeys, within: timedelta) -> Iterator[str]:
    """Keys of the manifests before this one, newest first."""
    now = keys.run_after.replace(microsecond=0)
    oldest = keys.run_after - within
    left = MAX_MANIFESTS
    day = now.date()
    while day >= oldest.date() and left:
        by_tick = manifests_by_tick(store.list(f"{keys.manifests}dt={day:%Y-%m-%d}/"))
        usable = sorted((tick for tick in by_tick if oldest <= tick < now), reverse=True)[:left]
        yield from (by_tick[tick] for tick in usable)
        left -= len(usable)
        day -= timedelta(days=1)


def _table(store: Store, entry: ObjectEntry) -> pa.Table:
    """Return what is needed of a table, if the table is what its manifest says."""
    body = store.get(entry.key)
    if body is None:
        raise _NotUsableError(f"{store.uri(entry.key)} is missing")
    if describe_like(entry, body) != entry:
        raise _NotUsableError(f"{store.uri(entry.key)} is not what its manifest says")
    try:
        table = _read(body, f".{entry.key.rpartition('/')[2].partition('.')[2]}")
    except (pa.ArrowException, KeyError, OSError):
        raise _NotUsableError(
            f"{store.uri(entry.key)} cannot be read, or lacks {' or '.join(_NEEDED)}"
        ) from None
    if table.num_rows != entry.rows:
        raise _NotUsableError(
            f"{store.uri(entry.key)} has {table.num_rows} rows, not {entry.rows} as its manifest says"
        )
    return table


def _read(body: bytes, suffix: str) -> pa.Table:
    if suffix == ".parquet":
        return parquet.read_table(io.BytesIO(body), columns=_NEEDED)
    codec = _CODECS[suffix]
    file = pa.BufferReader(body)
    return pa_csv.read_csv(
        pa.CompressedInputStream(file, codec) if codec else file,
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            include_columns=_NEEDED, column_types=dict.fromkeys(_NEEDED, pa.string())
        ),
    )


def _counts(languages: pa.ChunkedArray) -> dict[str, int]:
    counted = pc.value_counts(languages).to_pylist()
    return {each["values"]: each["counts"] for each in counted if each["values"]}


def _checkpoints(crawl: Mapping[str, Any]) -> dict[str, list[str]]:
    """The remembered cursors, without what is not a list of cursors."""
    checkpoints = crawl.get("checkpoints")
    if not isinstance(checkpoints, dict):
        return {}
    return {
        language: cursors
        for language, cursors in checkpoints.items()
        if isinstance(cursors, list) and all(isinstance(cursor, str) and cursor for cursor in cursors)
    }
