# SPDX-License-Identifier: Apache-2.0
"""Publishing crawls: in every format, complete or not, and after a failure anywhere."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from tests.lake.crashing import CrashingStore, Killed, check_manifests

from twitch_provider.exceptions import TwitchRawObjectError, TwitchStoreError
from twitch_provider.lake.extract import keep, set_aside
from twitch_provider.lake.formats import Format
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest
from twitch_provider.lake.publish import publish
from twitch_provider.lake.raw_lines import RawObject
from twitch_provider.lake.raw_pages import RawBody
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
    """One try of the run, and what its crawl reads."""

    try_id: str = "aaaa0001"
    complete: bool = True
    file_format: str = "csv"
    compression: str = "gzip"
    refused: tuple[str, ...] = ()
    few: bool = False

    @property
    def whole(self) -> bool:
        """Whether a table of it is among complete ones."""
        return self.complete and not self.few


TRIES = [
    Try(),
    Try("aaaa0002", compression="zstd", refused=("a row",)),
    Try("aaaa0003", file_format="parquet"),
    Try("aaaa0004", refused=("a row",), few=True),
    Try("aaaa0005", complete=False, refused=("a row",)),
    Try("aaaa0006", complete=False, compression="none"),
]


@pytest.fixture
def keys(run_after: datetime) -> SnapshotKeys:
    return SnapshotKeys("twitch", "twitch_all_streams", run_after)


#: One try of the run: crawl, keep and publish.
Run = Callable[..., Manifest]


@pytest.fixture
def run(header: Callable[..., Any]) -> Run:
    def run(store: CrashingStore, keys: SnapshotKeys, this: Try, *, latest: bool = False) -> Manifest:
        """Every row says whether it is of a whole table; what is made is a function of the raw object."""
        at = keys.run_after
        raw = RawObject.of(
            [RawBody("streams", (), at, at, json.dumps(this).encode())],
            header(
                try_id=this.try_id,
                report=REPORT | {"complete": this.complete},
                scope={
                    "asks": {"strategy": "languages"},
                    "writes": {"file_format": this.file_format, "compression": this.compression},
                },
            ),
        )
        extract = (keep if this.complete else set_aside)(store, keys, "all_streams", raw)
        (page,) = extract.bodies(store)
        read = Try(*json.loads(page.body))
        return publish(
            store,
            keys,
            {"all_streams": table_of(["whole" if read.whole else "lacking"], read.refused)},
            extract=extract,
            published_at=at,
            latest=latest,
            complete=read.whole,
        )

    return run


@pytest.mark.parametrize("this", TRIES, ids=str)
def test_keys_of_tables_depend_on_format_and_completeness(run: Run, keys: SnapshotKeys, this: Try) -> None:
    store = CrashingStore()
    manifest = run(store, keys, this)
    form = Format(this.file_format, this.compression)
    digits = "" if this.complete else this.try_id
    if this.whole:
        key = keys.data("all_streams", form.suffix)
    else:
        key = keys.incomplete("all_streams", form.suffix, try_id=digits)
    assert manifest.objects[0].key == key
    assert store.content_types[key] == form.content_type
    rejects = [entry.key for entry in manifest.objects if entry.kind == "rejects"]
    assert rejects == [keys.rejects("all_streams", try_id=digits) for _ in this.refused]
    raw = keys.raw("all_streams") if this.complete else keys.incomplete_raw("all_streams", this.try_id)
    assert manifest.objects[-1].key == raw
    assert (manifest.complete, manifest.crawl) == (this.whole, REPORT | {"complete": this.complete})
    assert Manifest.from_json(store.objects[keys.manifest]) == manifest
    check_whole(store, keys, [this])


def test_an_incomplete_run_says_so_in_the_log(
    run: Run, keys: SnapshotKeys, caplog: pytest.LogCaptureFixture
) -> None:
    run(CrashingStore(), keys, Try())
    assert "Incomplete" not in caplog.text
    run(CrashingStore(), keys, Try(complete=False))
    assert "Incomplete: the tables of this run are under incomplete/" in caplog.text


def test_one_line_of_the_log_says_what_was_published(
    run: Run, keys: SnapshotKeys, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    manifest = run(CrashingStore(), keys, Try())
    (table,) = [entry for entry in manifest.objects if entry.kind == "table"]
    account = "1 rows in, 1 out, 0 duplicates, 0 filtered, 0 rejected; 2 requests, 780 points left"
    assert caplog.messages == [
        f"Published all_streams (memory://{table.key}): {account}; manifest memory://{keys.manifest}"
    ]


@pytest.mark.parametrize(("first", "second"), [*itertools.permutations(TRIES, 2)], ids=str)
def test_a_second_try_publishes_the_first_ones_raw_object_or_replaces_what_it_lacked(
    run: Run, keys: SnapshotKeys, first: Try, second: Try
) -> None:
    store = CrashingStore()
    store.watch = lambda: check_sides(store)
    manifest = run(store, keys, first)
    again = run(store, keys, second)
    if first.complete or not second.complete:
        assert again == manifest
    else:
        assert again.raw is not None
        assert (again.raw.key, again.complete) == (keys.raw("all_streams"), second.whole)
    check_whole(store, keys, [first, second])
    before = dict(store.objects)
    assert run(store, keys, first) == again
    check_whole(store, keys, [first, second])
    assert store.objects == before


def test_what_was_cut_short_does_not_replace_a_manifest_that_cannot_be_read(
    run: Run, keys: SnapshotKeys
) -> None:
    """It may be that of a complete snapshot."""
    store = CrashingStore()
    store.objects[keys.manifest] = b"damaged"
    with pytest.raises(TwitchRawObjectError, match=f"{keys.manifest} cannot be read: delete it by hand"):
        run(store, keys, Try(complete=False))
    assert store.objects[keys.manifest] == b"damaged"
    assert run(store, keys, Try("aaaa0002")).complete
    check_whole(store, keys, [Try(complete=False)])


def test_another_version_builds_a_crawl_that_was_cut_short(
    run: Run, keys: SnapshotKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its table has the same key and other bytes: the manifest is withdrawn before it becomes false."""
    store, this = CrashingStore(), Try(complete=False, compression="none")
    run(store, keys, this)
    store.watch = lambda: check_sides(store)
    encode = Format.encode
    monkeypatch.setattr(Format, "encode", lambda *args: encode(*args).replace(b"lacking", b"lacking more"))
    manifest = run(store, keys, this)
    assert b"lacking more" in store.objects[manifest.objects[0].key]
    check_whole(store, keys, [this])


def test_a_rerun_leaves_other_runs_alone(run: Run, keys: SnapshotKeys) -> None:
    store = CrashingStore()
    others = [
        SnapshotKeys("twitch", "twitch_all_streams", keys.run_after + timedelta(minutes=minutes))
        for minutes in (-60, -5, 5)
    ]
    for other, this in zip(others, TRIES[-3:], strict=True):
        run(store, other, this)
    before = dict(store.objects)
    for this in TRIES[::-1]:
        run(store, keys, this)
    assert before.items() <= store.objects.items()


def test_latest_is_plain_csv_whatever_the_format(run: Run, keys: SnapshotKeys) -> None:
    store = CrashingStore()
    run(store, keys, Try(compression="zstd"), latest=True)
    assert store.objects[keys.latest("all_streams")] == Format().encode(table_of(["whole"]).table, STREAMS)


@pytest.mark.parametrize("this", [each for each in TRIES if not each.whole], ids=str)
def test_what_lacks_rows_is_never_the_latest(run: Run, keys: SnapshotKeys, this: Try) -> None:
    store = CrashingStore()
    older = replace(keys, run_after=keys.run_after - timedelta(minutes=5))
    run(store, older, Try(), latest=True)
    run(store, keys, this, latest=True)
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


def check_whole(store: CrashingStore, keys: SnapshotKeys, tries: Sequence[Try]) -> None:
    """The run is published; beside what its manifest lists lies only what tries left that were cut short."""
    check_sides(store)
    manifest = Manifest.from_json(store.objects[keys.manifest])
    listed = {entry.key for entry in manifest.objects}
    cut_short = {this.try_id for this in tries if not this.complete}
    others = store.objects.keys() - listed - {keys.manifest}
    assert all("/incomplete/" in key and any(f"_{name}." in key for name in cut_short) for key in others)
    # What has the run's usual keys is what counts.
    assert manifest.cut_short is (keys.raw("all_streams") not in store.objects)


@pytest.mark.parametrize("there", [None, *TRIES], ids=str)
def test_after_a_failure_anywhere_the_next_try_publishes(
    run: Run, keys: SnapshotKeys, there: Try | None, encoded_once: Callable[[], None]
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
            if not next_try.complete and keys.raw("all_streams") in store.objects:
                # A complete try was killed before its manifest, and this one has not looked for it.
                run(store, keys, failing)
            check_whole(store, keys, [each for each in (there, failing, next_try) if each is not None])
        assert fail_at > 3


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
