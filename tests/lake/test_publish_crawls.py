# SPDX-License-Identifier: Apache-2.0
"""Publishing crawls: in every format, complete or not, and after a failure anywhere."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from tests.lake.crashing import CrashingStore, Killed, check_manifests

from twitch_provider.exceptions import TwitchStoreError
from twitch_provider.lake.extract import Extract, find, keep
from twitch_provider.lake.formats import Format
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest
from twitch_provider.lake.publish import publish
from twitch_provider.lake.raw_lines import RawBody, RawObject
from twitch_provider.lake.schema import REJECTS, STREAMS, Schema
from twitch_provider.lake.tables import CleanTable

REPORT: dict[str, Any] = {
    "complete": True,
    "completeness": 0.9998,
    "requests": 3,
    "retries": {"500": 1, "timeout": 2},
    "languages": {"en": 20, "de": 10},
    "new_languages": ["eo"],
    "cut": {},
    "language_walks": [{"label": "en", "pages": 2, "rows": 150, "ended": "end"}],
    "checkpoints": {"en": ["eyJiIjp7", "eyJiIjp8"]},
}


def table_of(words: Sequence[str], refused: Sequence[str] = ()) -> CleanTable:
    """A table whose rows are a word each."""
    return CleanTable(
        schema=STREAMS,
        table=_rows(STREAMS, "title", words),
        rejects=_rows(REJECTS, "reason", refused),
        rows_in=len(words) + len(refused),
        duplicates=0,
        filtered={},
    )


def _rows(schema: Schema, column: str, values: Sequence[str]) -> pa.Table:
    rows = [{"user_id": str(place), "language": "de", column: value} for place, value in enumerate(values)]
    return pa.Table.from_pylist(rows, schema=schema.arrow)


class Try(NamedTuple):
    """One try of the run."""

    complete: bool = True
    file_format: str = "csv"
    compression: str = "gzip"
    refused: tuple[str, ...] = ()


@pytest.fixture
def keys(run_after: datetime) -> SnapshotKeys:
    return SnapshotKeys("twitch", "twitch_all_streams", run_after)


def run(store: CrashingStore, keys: SnapshotKeys, this: Try, **arguments: Any) -> Manifest:
    """Crawl, keep and publish: every row says whether it is of a complete crawl."""
    word = "whole" if this.complete else "lacking"
    page = RawBody("streams", (), keys.run_after, json.dumps(this).encode())
    raw = RawObject.of([page], REPORT | {"complete": this.complete})
    extract = keep(store, keys, "all_streams", raw, stats={"requests": 3})
    return load(store, keys, this, extract, table_of([word], this.refused), **arguments)


def load(
    store: CrashingStore, keys: SnapshotKeys, this: Try, extract: Extract, table: CleanTable, **arguments: Any
) -> Manifest:
    return publish(
        store,
        keys,
        {"all_streams": table},
        extract=extract,
        run_id="r",
        published_at=keys.run_after,
        file_format=Format(this.file_format, this.compression),
        complete=this.complete,
        **arguments,
    )


TRIES = [
    Try(),
    Try(compression="zstd", refused=("a row",)),
    Try(file_format="parquet"),
    Try(complete=False, refused=("a row",)),
    Try(complete=False, compression="none"),
]


@pytest.mark.parametrize("this", TRIES, ids=str)
def test_keys_of_tables_depend_on_format_and_completeness(keys: SnapshotKeys, this: Try) -> None:
    store = CrashingStore()
    manifest = run(store, keys, this)
    wanted = Format(this.file_format, this.compression)
    key = (keys.data if this.complete else keys.incomplete)("all_streams", wanted.suffix)
    assert manifest.objects[0].key == key
    assert store.content_types[key] == wanted.content_type
    assert (manifest.complete, manifest.crawl) == (this.complete, REPORT | {"complete": this.complete})
    assert Manifest.from_json(store.objects[keys.manifest]) == manifest
    check_whole(store, keys)


def test_an_incomplete_run_says_so_in_the_log(keys: SnapshotKeys, caplog: pytest.LogCaptureFixture) -> None:
    run(CrashingStore(), keys, Try())
    assert "Incomplete" not in caplog.text
    run(CrashingStore(), keys, Try(complete=False))
    assert "Incomplete: the tables of this run are under incomplete/" in caplog.text


def test_the_log_says_what_the_crawl_did(
    keys: SnapshotKeys, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    many = [{"label": f"language {number}", "pages": 1} for number in range(1000)]
    monkeypatch.setitem(REPORT, "many", many)
    run(CrashingStore(), keys, Try())
    said = [line.removeprefix("Crawl: ") for line in caplog.messages if line.startswith("Crawl: ")]
    assert said[:-2] == [
        "retries: 500 1, timeout 2",
        "languages: en 20, de 10",
        "new_languages: eo",
        "language_walks: en 2 150 end",
    ]
    assert said[-2].startswith("many: language 0 1, language 1 1, ")
    assert said[-2].endswith("…")
    assert len(said[-2]) < 1100
    assert said[-1] == "complete True, completeness 0.9998, requests 3"


@pytest.mark.parametrize(("first", "second"), [*itertools.permutations(TRIES, 2)], ids=str)
def test_a_rerun_leaves_no_second_copy(keys: SnapshotKeys, first: Try, second: Try) -> None:
    store = CrashingStore()
    store.watch = lambda: check_sides(store)
    run(store, keys, first)
    run(store, keys, second)
    check_whole(store, keys)
    load(store, keys, first, _found(store, keys), table_of(["whole" if first.complete else "lacking"]))
    check_whole(store, keys)


def _found(store: CrashingStore, keys: SnapshotKeys) -> Extract:
    found = find(store, keys, "all_streams")
    assert found is not None
    return found


def test_a_rerun_leaves_other_runs_alone(keys: SnapshotKeys) -> None:
    store = CrashingStore()
    others = [
        SnapshotKeys("twitch", "twitch_all_streams", keys.run_after + timedelta(minutes=minutes))
        for minutes in (-60, -5, 5)
    ]
    for other, this in zip(others, TRIES, strict=False):
        run(store, other, this)
    before = dict(store.objects)
    for this in TRIES:
        run(store, keys, this)
    assert before.items() <= store.objects.items()


def test_latest_is_plain_csv_whatever_the_format(keys: SnapshotKeys) -> None:
    store = CrashingStore()
    run(store, keys, Try(compression="zstd"), latest=True)
    assert store.objects[keys.latest("all_streams")] == Format().encode(table_of(["whole"]).table, STREAMS)
    run(store, keys, Try(complete=False), latest=True)
    assert b"lacking" not in store.objects[keys.latest("all_streams")]


def check_sides(store: CrashingStore) -> None:
    """A table that lacks rows is never among complete ones, not for a moment."""
    check_manifests(store)
    for key, body in store.objects.items():
        if "/streams_data_" in key:
            assert (b"lacking" in opened(key, body)) is ("/incomplete/" in key)


def opened(key: str, body: bytes) -> bytes:
    if key.endswith(".parquet"):
        return body
    codec = {"gz": "gzip", "zst": "zstd"}.get(key.rpartition(".")[2])
    file = pa.BufferReader(body)
    return bytes((pa.CompressedInputStream(file, codec) if codec else file).read())


def check_whole(store: CrashingStore, keys: SnapshotKeys) -> None:
    """The run is published, and there is nothing but what its manifest lists."""
    check_sides(store)
    listed = {entry.key for entry in Manifest.from_json(store.objects[keys.manifest]).objects}
    assert store.objects.keys() == listed | {keys.manifest}


@pytest.mark.parametrize("there", [None, *TRIES], ids=str)
def test_after_a_failure_anywhere_the_next_try_publishes(
    keys: SnapshotKeys, there: Try | None, encoded_once: Callable[[], None]
) -> None:
    """A try fails or is killed at every operation, whatever was there before; then comes the next one."""
    encoded_once()
    for failing, next_try in [
        *zip(TRIES, TRIES, strict=True),
        *zip(TRIES, TRIES[2:] + TRIES[:2], strict=True),
    ]:
        for fail_at in itertools.count(1):
            store = CrashingStore(kills=fail_at % 2 == 0)
            if there is not None:
                run(store, keys, there)
            store.watch = lambda store=store: check_sides(store)  # type: ignore[misc]
            store.calls.clear()
            store.fail_at = fail_at
            try:
                run(store, keys, failing)
            except (TwitchStoreError, Killed):
                pass
            else:
                break
            check_sides(store)
            store.fail_at = None
            run(store, keys, next_try)
            check_whole(store, keys)
        assert fail_at > 8


@pytest.fixture
def encoded_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Tables are the same over and over: write each once."""

    def encoded_once() -> None:
        encode, done = Format.encode, {}

        def remembered(self: Format, table: pa.Table, schema: Schema) -> bytes:
            which = (self, schema.name, str(table.to_pylist()))
            if which not in done:
                done[which] = encode(self, table, schema)
            return done[which]

        monkeypatch.setattr(Format, "encode", remembered)

    return encoded_once
