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
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv
from pyarrow import parquet

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, ObjectEntry, describe, ticks
from twitch_provider.lake.schema import SCHEMA_VERSION
from twitch_provider.lake.store import Store

#: Incomplete snapshots are passed over, but no more manifests than these are read.
MOST_MANIFESTS = 12

COLUMNS = ["user_id", "language"]

#: How a CSV is packed, by its ending.
_CODECS = {".csv": None, ".csv.gz": "gzip", ".csv.zst": "zstd"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """The last complete snapshot, as far as the next crawl needs it.

    :param users: every broadcaster that was live
    :param languages: how many streams each language had
    :param marks: cursors that the crawl remembered, by language
    :param manifest: key of its manifest
    :param run_after: its tick, aware UTC
    """

    users: frozenset[str] = field(repr=False)
    languages: Mapping[str, int]
    marks: Mapping[str, Sequence[str]] = field(repr=False)
    manifest: str
    run_after: datetime


class _UselessError(Exception):
    """Why there is nothing to be known."""


def read_previous(store: Store, keys: SnapshotKeys, dataset: str, *, within: timedelta) -> Known | None:
    """Read the newest complete snapshot of the same DAG strictly before this tick.

    A listing for each day, some manifests and one table are read. What is wrong with a snapshot is a warning
    in the log: a crawl does not need one.

    :param store: of the lake
    :param keys: of the run that is about to crawl
    :param dataset: of streams, for example ``all_streams``
    :param within: how much older it may be
    :returns: None where there is none, or none to be trusted
    :raises TwitchStoreError: the store failed
    """
    try:
        return _known(store, keys, dataset, within)
    except _UselessError as reason:
        log.warning("%s: the crawl goes on without a snapshot to be compared with.", reason)
        return None


def _known(store: Store, keys: SnapshotKeys, dataset: str, within: timedelta) -> Known:
    for key, tick in _candidates(store, keys, within):
        body = store.get(key)
        try:
            manifest = None if body is None else Manifest.from_json(body)
        except TwitchDataError:
            raise _UselessError(f"{store.uri(key)} is no manifest") from None
        if manifest is None or not manifest.complete:
            continue
        if manifest.schema_version != SCHEMA_VERSION:
            version = manifest.schema_version
            raise _UselessError(f"{store.uri(key)} is of schema version {version}, not {SCHEMA_VERSION}")
        before = SnapshotKeys(keys.prefix, keys.dag_id, tick)
        entry = next(
            (entry for entry in manifest.objects if entry.key.startswith(before.data(dataset, "."))), None
        )
        if entry is None:
            raise _UselessError(f"{store.uri(key)} lists no table {dataset}")
        table = _table(store, entry, ending=entry.key.removeprefix(before.data(dataset, "")))
        return Known(
            users=frozenset(filter(None, table["user_id"].to_pylist())),
            languages=_counts(table["language"]),
            marks=_marks(manifest.crawl or {}),
            manifest=key,
            run_after=tick,
        )
    raise _UselessError(f"{dataset}: there is no complete snapshot of the last {within} before {keys.tick}")


def _candidates(store: Store, keys: SnapshotKeys, within: timedelta) -> Iterator[tuple[str, datetime]]:
    """Keys and ticks of the manifests before this one, newest first."""
    oldest = SnapshotKeys(keys.prefix, keys.dag_id, keys.run_after - within)
    left = MOST_MANIFESTS
    day = keys.run_after.date()
    while day >= oldest.run_after.date():
        listed = ticks(store.list(f"{keys.manifests}dt={day:%Y-%m-%d}/"))
        for tick in sorted((tick for tick in listed if oldest.tick <= tick < keys.tick), reverse=True):
            yield listed[tick], datetime.strptime(tick, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            left -= 1
            if not left:
                return
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


def _marks(crawl: Mapping[str, Any]) -> dict[str, list[str]]:
    """The remembered cursors, those of them that are some."""
    marks = crawl.get("marks")
    if not isinstance(marks, dict):
        return {}
    return {
        language: cursors
        for language, cursors in marks.items()
        if isinstance(cursors, list) and all(isinstance(cursor, str) and cursor for cursor in cursors)
    }
