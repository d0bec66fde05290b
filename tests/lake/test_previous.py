# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from twitch_provider.exceptions import TwitchStoreError
from twitch_provider.lake.formats import Format
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, ObjectEntry, describe
from twitch_provider.lake.previous import MAX_MANIFESTS, Known, read_previous
from twitch_provider.lake.schema import STREAMS

HOUR = timedelta(hours=1)
PLAIN = Format()

#: Names no earlier row has, a title that looks like rows, a language that is not set.
ROWS = [
    {"user_id": "007", "language": "en", "title": "a"},
    {"user_id": "8", "language": "de", "title": 'b",\n"9","x\n'},
    {"user_id": "10", "language": "en", "tags": ["x", "y"]},
    {"user_id": "11", "language": "", "title": None},
    {"user_id": "12", "language": None},
]

#: Publishes a snapshot that is older than the run by a number of minutes.
Make = Callable[..., Manifest]


@pytest.fixture
def keys(run_after: datetime) -> SnapshotKeys:
    return SnapshotKeys("twitch", "d", run_after)


def entry(key: str, body: bytes, *, rows: int, kind: str = "table") -> ObjectEntry:
    return describe(key, body, rows=rows, kind=kind, dataset="all_streams")


@pytest.fixture
def snapshot(store: Any, keys: SnapshotKeys) -> Make:
    def snapshot(
        minutes: int = 5, *, rows: Sequence[Any] = ROWS, written: Format = PLAIN, **changes: Any
    ) -> Manifest:
        before = replace(
            keys, run_after=keys.run_after - timedelta(minutes=minutes), adhoc=changes.get("adhoc", False)
        )
        table = pa.Table.from_pylist(list(rows), schema=STREAMS.arrow)
        body, key = written.encode(table, STREAMS), before.data("all_streams", written.suffix)
        values: dict[str, Any] = {
            "dag_id": "d",
            "run_id": "r",
            "task_id": "crawl",
            "map_index": -1,
            "run_type": "scheduled",
            "interval_seconds": 300,
            "clock_difference_seconds": 0,
            "adhoc": False,
            "scope": {"asks": {}, "writes": {}},
            "points_left": None,
            "datasets": {},
            **dict.fromkeys(
                ("run_after", "first_answer_at", "last_answer_at", "published_at"), before.run_after
            ),
            "complete": True,
            "requests": 1,
            "transport": {},
            "counts": {},
            "objects": (
                entry("twitch/rejects/all_streams/x.csv", b"", rows=0, kind="rejects"),
                entry(key, body, rows=len(rows)),
            ),
            "previous": None,
            "schema_version": 1,
            "provider_version": "0",
            "crawl": {"checkpoints": {"en": ["abc", "def"]}},
        }
        manifest = Manifest(**(values | changes))
        store.objects[key] = body
        store.objects[before.manifest] = manifest.to_json()
        return manifest

    return snapshot


def read(store: Any, keys: SnapshotKeys, within: timedelta = HOUR) -> Known | None:
    return read_previous(store, keys, "all_streams", within=within)


FORMATS = [
    PLAIN,
    Format(compression="gzip"),
    Format(compression="zstd"),
    *(Format("parquet", compression) for compression in ("none", "gzip", "zstd")),
]


@pytest.mark.parametrize("written", FORMATS, ids=str)
def test_reads_what_was_live_from_every_format(
    store: Any, keys: SnapshotKeys, snapshot: Make, written: Format
) -> None:
    snapshot(written=written)
    known = read(store, keys)
    assert known == Known(
        users=frozenset({"007", "8", "10", "11", "12"}),
        languages={"en": 2, "de": 1},
        checkpoints={"en": ["abc", "def"]},
        manifest="twitch/manifests/d/dt=2026-11-23/hour=16/20261123T163000Z.json",
        run_after=keys.run_after - timedelta(minutes=5),
    )


@pytest.mark.parametrize("written", FORMATS, ids=str)
def test_reads_tables_that_were_written_in_pieces(
    store: Any, keys: SnapshotKeys, snapshot: Make, written: Format
) -> None:
    rows = [{"user_id": str(number), "language": "en"} for number in range(40_000)]
    snapshot(rows=rows, written=written)
    known = read(store, keys)
    assert known is not None
    assert (len(known.users), known.languages) == (40_000, {"en": 40_000})


def test_nobody_was_live(store: Any, keys: SnapshotKeys, snapshot: Make) -> None:
    snapshot(rows=[])
    known = read(store, keys)
    assert known is not None
    assert (known.users, known.languages) == (frozenset(), {})


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [([5, 10], 5), ([10, 65], 10), ([60], 60), ([61], None), ([0], None), ([-5, 15], 15), ([], None)],
)
def test_takes_the_newest_before_this_run_that_is_not_too_old(
    store: Any, keys: SnapshotKeys, snapshot: Make, minutes: list[int], expected: int | None, caplog: Any
) -> None:
    for each in minutes:
        snapshot(each)
    known = read(store, keys)
    if expected is None:
        assert known is None
        assert "no usable snapshot in the 1:00:00 before 20261123T163500Z" in caplog.text
    else:
        assert known is not None
        assert known.run_after == keys.run_after - timedelta(minutes=expected)


def test_walks_back_over_midnight(store: Any, keys: SnapshotKeys, snapshot: Make) -> None:
    snapshot(17 * 60)
    known = read(store, keys, timedelta(days=1))
    assert known is not None
    assert known.manifest.startswith("twitch/manifests/d/dt=2026-11-22/")


def test_an_ad_hoc_run_reads_the_record_and_is_never_read(
    store: Any, keys: SnapshotKeys, snapshot: Make
) -> None:
    snapshot(5, adhoc=True)
    snapshot(10)
    for asking in (keys, replace(keys, adhoc=True)):
        known = read(store, asking)
        assert known is not None
        assert known.run_after == keys.run_after - timedelta(minutes=10)


def test_skips_incomplete_ones(store: Any, keys: SnapshotKeys, snapshot: Make) -> None:
    for minutes in (5, 10):
        snapshot(minutes, complete=False)
    snapshot(15)
    known = read(store, keys)
    assert known is not None
    assert known.run_after == keys.run_after - timedelta(minutes=15)


def test_reads_few_objects_however_long_no_snapshot_was_complete(
    store: Any, keys: SnapshotKeys, snapshot: Make
) -> None:
    for minutes in range(5, 24 * 60, 5):
        snapshot(minutes, complete=False, objects=())
    store.calls.clear()
    assert read(store, keys, timedelta(days=1)) is None
    # The last three look for which languages there were.
    done = [operation for operation, _ in store.calls]
    assert done == ["list", *["get"] * MAX_MANIFESTS, "folders", "list", "get"]


def test_an_incomplete_one_is_better_than_none(store: Any, keys: SnapshotKeys, snapshot: Make) -> None:
    before = replace(keys, run_after=keys.run_after - timedelta(minutes=5))
    table = PLAIN.encode(pa.Table.from_pylist(list(ROWS), schema=STREAMS.arrow), STREAMS)
    key = before.incomplete("all_streams", ".csv")
    store.objects[key] = table
    snapshot(5, complete=False, objects=(entry(key, table, rows=len(ROWS)),))
    known = read(store, keys)
    assert known is not None
    assert known.languages == {"en": 2, "de": 1}
    whole = snapshot(10)
    known = read(store, keys)
    assert known is not None
    assert known.run_after == whole.run_after


def test_reads_one_manifest_and_one_table_normally(store: Any, keys: SnapshotKeys, snapshot: Make) -> None:
    for minutes in (5, 10, 15):
        snapshot(minutes)
    read(store, keys)
    assert [operation for operation, _ in store.calls] == ["list", "get", "get"]


UNREADABLE = "cannot be read, or lacks user_id or language"


def _table(store: Any) -> str:
    return next(str(key) for key in store.objects if "/all_streams/dt=" in key)


def _manifest(store: Any) -> str:
    return next(str(key) for key in store.objects if "/manifests/" in key)


def _relisted(store: Any, body: bytes, rows: int = 5) -> None:
    """Replace the table, and list it in the manifest."""
    manifest = Manifest.from_json(store.objects[_manifest(store)])
    key = _table(store)
    store.objects[key] = body
    store.objects[_manifest(store)] = replace(manifest, objects=(entry(key, body, rows=rows),)).to_json()


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda store: store.objects.pop(_table(store)), "streams_data_20261123T163000Z.csv is missing"),
        (
            lambda store: store.objects.update({_table(store): b"another"}),
            "streams_data_20261123T163000Z.csv is not what its manifest says",
        ),
        (
            lambda store: store.objects.update({_manifest(store): b"{"}),
            ".json is not a manifest",
        ),
        (lambda store: _relisted(store, b"a,b\n1,2\n"), UNREADABLE),
        (lambda store: _relisted(store, b"user_id\n1\n"), UNREADABLE),
        (lambda store: _relisted(store, b""), UNREADABLE),
        (lambda store: _relisted(store, b"user_id,language\n1\n"), UNREADABLE),
        (
            lambda store: _relisted(store, b"user_id,language\n\xff,x\n"),
            UNREADABLE,
        ),
        (
            lambda store: _relisted(store, b"user_id,language\n1,en\n"),
            "has 1 rows, not 5 as",
        ),
    ],
    ids=["gone", "hash", "no manifest", "no columns", "one column", "empty", "ragged", "no text", "rows"],
)
def test_an_unusable_snapshot_is_one_warning_and_no_error(
    store: Any, keys: SnapshotKeys, snapshot: Make, caplog: Any, harm: Callable[[Any], None], sentence: str
) -> None:
    snapshot(10)
    store.objects.clear()
    snapshot(5)
    harm(store)
    assert read(store, keys) is None
    message, last = caplog.messages
    assert sentence in message
    assert message.startswith("memory://")
    assert message.endswith(": ignoring it.")
    assert last.startswith("all_streams: no usable snapshot in the")


def test_where_the_newest_is_not_usable_the_one_before_may_be(
    store: Any, keys: SnapshotKeys, snapshot: Make
) -> None:
    older = snapshot(10)
    newest = snapshot(5)
    store.objects[newest.objects[1].key] += b"x"
    known = read(store, keys)
    assert known is not None
    assert known.run_after == older.run_after


@pytest.mark.parametrize("version", [0, 2])
def test_a_snapshot_of_another_schema_version_is_ignored(
    store: Any, keys: SnapshotKeys, snapshot: Make, caplog: Any, version: int
) -> None:
    snapshot(schema_version=version)
    assert read(store, keys) is None
    assert f"is of schema version {version}, not 1" in caplog.text


def test_a_manifest_without_the_table_says_so(
    store: Any, keys: SnapshotKeys, snapshot: Make, caplog: Any
) -> None:
    snapshot(objects=())
    assert read(store, keys) is None
    assert "lists no table all_streams" in caplog.text


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.zst", ".parquet", ".csv.bz2", ".exe"])
def test_a_table_that_is_not_what_its_name_says(
    store: Any, keys: SnapshotKeys, snapshot: Make, caplog: Any, ending: str
) -> None:
    manifest = snapshot()
    plain = manifest.objects[1]
    key = plain.key.replace(".csv", ending)
    store.objects[key] = store.objects.pop(plain.key)
    store.objects[_manifest(store)] = replace(manifest, objects=(replace(plain, key=key),)).to_json()
    assert read(store, keys) is None
    assert "cannot be read" in caplog.text


@pytest.mark.parametrize(
    "crawl",
    [
        None,
        {},
        {"checkpoints": None},
        {"checkpoints": ["a"]},
        {"checkpoints": {"en": "a", "de": [5], "fr": [""], "it": {}}},
    ],
    ids=str,
)
def test_malformed_checkpoints_are_ignored(
    store: Any, keys: SnapshotKeys, snapshot: Make, crawl: dict[str, Any] | None
) -> None:
    snapshot(crawl=crawl)
    known = read(store, keys)
    assert known is not None
    assert known.checkpoints == {}
    assert known.users


def test_a_manifest_that_is_deleted_meanwhile_is_skipped(
    store: Any, keys: SnapshotKeys, snapshot: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the run before is cleared meanwhile."""
    snapshot(10)
    listed = store.list

    def gone_since(prefix: str) -> list[str]:
        return [*listed(prefix), "twitch/manifests/d/dt=2026-11-23/hour=16/20261123T163000Z.json"]

    monkeypatch.setattr(store, "list", gone_since)
    known = read(store, keys)
    assert known is not None
    assert known.run_after == keys.run_after - timedelta(minutes=10)


def test_foreign_objects_among_the_manifests_are_skipped(
    store: Any, keys: SnapshotKeys, snapshot: Make
) -> None:
    snapshot()
    store.objects["twitch/manifests/d/dt=2026-11-23/hour=16/notes.txt"] = b"x"
    assert read(store, keys) is not None


@pytest.mark.parametrize("fail_at", [1, 2, 3])
def test_a_store_that_fails_is_an_error(store: Any, keys: SnapshotKeys, snapshot: Make, fail_at: int) -> None:
    snapshot()
    store.fail_at = fail_at
    with pytest.raises(TwitchStoreError):
        read(store, keys)
