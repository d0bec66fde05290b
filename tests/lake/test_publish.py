# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.lake.crashing import CrashingStore, Killed, check_manifests

from twitch_provider import __version__
from twitch_provider.exceptions import TwitchOwnerError, TwitchStoreError
from twitch_provider.lake.extract import Extract, keep
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, describe
from twitch_provider.lake.publish import publish
from twitch_provider.lake.raw_header import Owner
from twitch_provider.lake.raw_lines import RawObject
from twitch_provider.lake.raw_pages import RawPage
from twitch_provider.lake.schema import SCHEMA_VERSION
from twitch_provider.lake.tables import CleanTable
from twitch_provider.lake.top_games import transform

Make = Callable[..., Any]
Run = Callable[..., Manifest]


@pytest.fixture
def keys(run_after: datetime) -> SnapshotKeys:
    return SnapshotKeys("twitch", "twitch_top_games", run_after)


@pytest.fixture
def store() -> CrashingStore:
    return CrashingStore()


@pytest.fixture(scope="session")
def snapshot(page: Make, game: Make, stream: Make) -> Callable[..., list[RawPage]]:
    """Pages of one game with one stream, and a row to refuse where asked for."""

    def snapshot(*, bad_row: bool = False, title: str = "a") -> list[RawPage]:
        rows = [stream(game_id="a", title=title), *([stream(viewer_count=-1)] if bad_row else [])]
        return [page("games/top", [game(id="a")]), page("streams", rows, params=[("game_id", "a")])]

    return snapshot


@pytest.fixture(scope="session")
def cleaned() -> Callable[..., dict[str, CleanTable]]:
    """The tables of a raw object; the same over and over, so that each is made once."""
    done: dict[tuple[str, str], dict[str, CleanTable]] = {}

    def cleaned(store: Any, extract: Extract, keys: SnapshotKeys) -> dict[str, CleanTable]:
        which = extract.raw.sha256, keys.tick
        if which not in done:
            done[which] = transform(extract.pages(store), run_after=keys.run_after)
        return done[which]

    return cleaned


@pytest.fixture
def run(store: CrashingStore, keys: SnapshotKeys, header: Make, cleaned: Make) -> Run:
    """A whole try: raw pages, then everything that is made of them."""
    tries = itertools.count()

    def run(
        pages: list[RawPage],
        keys: SnapshotKeys = keys,
        *,
        latest: bool = True,
        formulas: bool = True,
        **values: Any,
    ) -> Manifest:
        number = next(tries)
        raw = RawObject.of(pages, header(try_id=f"{number:08x}", adhoc=keys.adhoc, **values))
        extract = keep(store, keys, "top_games", raw)
        return publish(
            store,
            keys,
            cleaned(store, extract, keys),
            extract=extract,
            published_at=keys.run_after + timedelta(seconds=number),
            latest=latest,
            formulas=formulas,
        )

    return run


def changes(store: Any) -> list[tuple[str, str]]:
    return [(operation, key) for operation, key in store.calls if operation in {"put", "delete"}]


def of_another_version(store: Any, keys: SnapshotKeys) -> str:
    """Make the manifest one of a version that wrote one table otherwise; returns the key of that table."""
    manifest = Manifest.from_json(store.objects[keys.manifest])
    key = keys.data("top_streams", ".csv.gz")
    entry = describe(key, b"zipped", rows=1, kind="table", dataset="top_streams")
    objects = (entry, *(each for each in manifest.objects if each.key != keys.data("top_streams")))
    store.objects[key] = b"zipped"
    store.objects.pop(keys.data("top_streams"))
    store.objects[keys.manifest] = replace(manifest, objects=objects, provider_version="0").to_json()
    return key


def test_the_manifest_comes_after_what_it_lists_and_latest_comes_last(
    store: Any, run: Run, keys: SnapshotKeys, snapshot: Make
) -> None:
    run(snapshot(bad_row=True))
    assert changes(store) == [
        ("put", keys.raw("top_games")),
        ("put", keys.data("top_streams")),
        ("put", keys.data("top_games")),
        ("put", keys.rejects("top_streams")),
        ("put", keys.manifest),
        ("put", keys.latest("top_streams")),
        ("put", keys.latest("top_games")),
    ]


def test_publishing_again_leaves_the_manifest_alone(
    store: Any, run: Run, keys: SnapshotKeys, snapshot: Make
) -> None:
    first = run(snapshot(bad_row=True))
    before = dict(store.objects)
    store.calls.clear()
    again = run(snapshot(title="other pages in hand"))
    assert again == first
    assert again.published_at == keys.run_after
    assert store.objects == before
    assert [key for operation, key in changes(store) if operation == "delete" or "manifests" in key] == []


def test_publishing_again_repairs_a_table_that_was_deleted(
    store: Any, run: Run, keys: SnapshotKeys, snapshot: Make
) -> None:
    run(snapshot(bad_row=True))
    before = dict(store.objects)
    for key in (keys.data("top_streams"), keys.rejects("top_streams")):
        del store.objects[key]
        run(snapshot(bad_row=True))
        assert store.objects == before


def test_what_another_version_listed_and_this_one_does_not_write_is_withdrawn_first(
    store: Any, run: Run, keys: SnapshotKeys, snapshot: Make
) -> None:
    run(snapshot(bad_row=True))
    before = dict(store.objects)
    stale = of_another_version(store, keys)
    check_manifests(store)
    store.calls.clear()
    store.watch = lambda: check_manifests(store)
    manifest = run(snapshot())
    assert changes(store)[1:3] == [("delete", keys.manifest), ("delete", stale)]
    assert changes(store)[-1] == ("put", keys.manifest)
    assert (manifest.provider_version, manifest.published_at > keys.run_after) == (__version__, True)
    assert {key for key in before if before[key] != store.objects.get(key)} == {keys.manifest}
    assert store.objects.keys() == before.keys()


def test_a_manifest_of_another_raw_object_is_not_withdrawn_where_the_tables_are_the_same(
    store: Any, run: Run, keys: SnapshotKeys, snapshot: Make
) -> None:
    """It is true all the time, since raw objects may expire; it is replaced in one step."""
    first = run(snapshot())
    objects = tuple(replace(each, sha256="0" * 64) if each.kind == "raw" else each for each in first.objects)
    store.objects[keys.manifest] = replace(first, objects=objects).to_json()
    store.calls.clear()
    assert run(snapshot()).objects == first.objects
    assert ("delete", keys.manifest) not in store.calls
    assert Manifest.from_json(store.objects[keys.manifest]).raw == first.raw


def test_an_unreadable_manifest_is_replaced_and_what_it_listed_is_kept(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys, caplog: pytest.LogCaptureFixture
) -> None:
    store.objects[keys.manifest] = b"damaged"
    store.objects[keys.data("top_streams", ".csv.gz")] = b"of another version"
    run(snapshot())
    check_manifests(store)
    assert keys.data("top_streams", ".csv.gz") in store.objects
    assert f"memory://{keys.manifest} cannot be read" in caplog.text


@pytest.mark.parametrize(
    "other", [{"run_id": "r2"}, {"task_id": "other"}, {"map_index": 1}], ids=lambda other: next(iter(other))
)
def test_another_owners_manifest_is_left_alone(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys, header: Make, other: dict[str, Any]
) -> None:
    """Its raw object has expired, or lies under another dataset."""
    run(snapshot())
    del store.objects[keys.raw("top_games")]
    before = dict(store.objects)
    owner = replace(header().owner, **other)
    with pytest.raises(TwitchOwnerError) as refused:
        run(snapshot(title="b"), owner=owner)
    assert str(refused.value).startswith(
        f"memory://{keys.manifest} belongs to {header().owner}, not to {owner}: "
    )
    assert {key: store.objects[key] for key in before} == before
    assert store.objects.keys() - before.keys() == {keys.raw("top_games")}


def test_a_manifest_that_another_try_writes_meanwhile_is_not_withdrawn(
    store: Any, run: Run, keys: SnapshotKeys, snapshot: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This try has seen one of another version, and the other try has replaced that."""
    run(snapshot())
    current = store.objects[keys.manifest], store.objects[keys.data("top_streams")]
    of_another_version(store, keys)
    delete = store.delete_unchanged

    def replaced_meanwhile(key: str, etag: str) -> bool:
        store.objects[keys.manifest], store.objects[keys.data("top_streams")] = current
        return bool(delete(key, etag))

    monkeypatch.setattr(store, "delete_unchanged", replaced_meanwhile)
    assert run(snapshot()).published_at == keys.run_after
    assert store.objects[keys.manifest] == current[0]


def test_a_manifest_that_changes_all_the_time_is_an_error_to_retry(
    store: Any, run: Run, keys: SnapshotKeys, snapshot: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(snapshot())
    of_another_version(store, keys)
    monkeypatch.setattr(store, "delete_unchanged", lambda *_: False)
    with pytest.raises(TwitchStoreError, match="changes all the time: another try of this run") as contested:
        run(snapshot())
    assert not contested.value.fatal


def test_a_store_that_ignores_conditions_is_served(
    store: Any, run: Run, keys: SnapshotKeys, snapshot: Make
) -> None:
    store.conditions = False
    run(snapshot())
    of_another_version(store, keys)
    run(snapshot())
    check_manifests(store)
    assert keys.manifest in store.objects


def test_no_rejects_no_object(store: Any, run: Run, keys: SnapshotKeys, snapshot: Make) -> None:
    manifest = run(snapshot())
    assert not any("/rejects/" in key for key in store.objects)
    assert [(entry.key, entry.kind, entry.dataset) for entry in manifest.objects] == [
        (keys.data("top_streams"), "table", "top_streams"),
        (keys.data("top_games"), "table", "top_games"),
        (keys.raw("top_games"), "raw", "top_games"),
    ]


def test_content_types(store: Any, run: Run, keys: SnapshotKeys, snapshot: Make) -> None:
    run(snapshot(bad_row=True))
    assert store.content_types[keys.raw("top_games")] == "application/gzip"
    assert store.content_types[keys.manifest] == "application/json"
    csvs = {kind for key, kind in store.content_types.items() if key.endswith(".csv")}
    assert csvs == {"text/csv; charset=utf-8"}


def test_the_form_of_the_tables_is_the_raw_objects(
    store: Any, run: Run, keys: SnapshotKeys, snapshot: Make
) -> None:
    """However the DAG has changed since."""
    parquet = {"asks": {}, "writes": {"file_format": "parquet", "compression": "zstd"}}
    run(snapshot(), scope=parquet)
    manifest = run(snapshot())
    assert manifest.scope == parquet
    assert [key for key in store.objects if "/dt=" in key and key.endswith(".csv")] == []
    assert keys.data("top_streams", ".parquet") in store.objects


def test_manifest_accounts_for_every_row(run: Run, snapshot: Make) -> None:
    manifest = run(snapshot(bad_row=True))
    assert manifest.counts["top_streams"] == {
        "rows_in": 2,
        "rows_out": 1,
        "duplicates": 0,
        "filtered": 0,
        "rejects": 1,
        "filtered_by_reason": {},
        "rejects_by_reason": {"viewer_count: negative": 1},
    }
    assert {entry.key.split("/")[1]: entry.rows for entry in manifest.objects} == {
        "top_streams": 1,
        "top_games": 1,
        "rejects": 1,
        "raw": 2,
    }


def test_manifest_says_what_the_raw_object_and_the_tables_say(
    store: Any, run: Run, keys: SnapshotKeys, snapshot: Make, header: Make
) -> None:
    manifest = run(snapshot(), run_type="manual", transport={"retries": 2})
    assert Manifest.from_json(store.objects[keys.manifest]) == manifest
    owner = Owner(manifest.dag_id, manifest.run_id, manifest.task_id, manifest.map_index)
    assert (owner, manifest.run_type, manifest.adhoc) == (header().owner, "manual", False)
    assert (manifest.scope, manifest.interval_seconds) == (header().scope, 300)
    assert (manifest.requests, manifest.points_left, manifest.transport) == (2, 780, {"retries": 2})
    assert (manifest.schema_version, manifest.provider_version) == (SCHEMA_VERSION, __version__)
    assert (manifest.complete, manifest.crawl, manifest.clock_difference_seconds) == (True, None, 0)
    assert manifest.datasets == {
        "top_streams": {"viewers": 4109, "missing": {}, "duplicate_keys": 0},
        "top_games": {"viewers": None, "missing": {"igdb_id": 1}, "duplicate_keys": 0},
    }


def test_manifest_knows_the_snapshot_before(run: Run, snapshot: Make, keys: SnapshotKeys) -> None:
    assert run(snapshot()).previous is None
    later = SnapshotKeys("twitch", "twitch_top_games", keys.run_after + timedelta(minutes=15))
    manifest = run(snapshot(), later)
    assert manifest.previous is not None
    assert (manifest.previous.manifest, manifest.previous.gap_seconds) == (keys.manifest, 900)
    assert manifest.missed


@pytest.mark.parametrize(("minutes", "due", "warned"), [(5, 300, False), (10, 300, True), (10, None, False)])
def test_a_gap_is_a_warning_too(
    run: Run, snapshot: Make, keys: SnapshotKeys, caplog: Any, minutes: int, due: int | None, warned: bool
) -> None:
    run(snapshot())
    later = replace(keys, run_after=keys.run_after + timedelta(minutes=minutes))
    run(snapshot(), later, interval_seconds=due)
    assert ("Gap: the previous snapshot is 600 s older" in caplog.text) is warned


@pytest.mark.parametrize(("seconds", "warned"), [(300, False), (301, True)])
def test_clocks_that_differ_by_more_than_five_minutes_are_a_warning_and_a_field(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys, caplog: Any, seconds: int, warned: bool
) -> None:
    first, second = snapshot()
    late = replace(second, received_at=second.answered_at + timedelta(seconds=seconds))
    manifest = run([first, late])
    assert manifest.clock_difference_seconds == seconds
    assert (f"differ by {seconds} s: correct the clock" in caplog.text) is warned


# --- latest -------------------------------------------------------------------


def latest(store: Any) -> dict[str, bytes]:
    return {key: body for key, body in store.objects.items() if "/latest/" in key}


@pytest.fixture
def older(keys: SnapshotKeys) -> SnapshotKeys:
    return replace(keys, run_after=keys.run_after - timedelta(minutes=5))


def test_latest_is_the_newest_run(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys, older: SnapshotKeys
) -> None:
    run(snapshot(title="older"), older)
    run(snapshot())
    assert store.objects[keys.latest("top_streams")] == store.objects[keys.data("top_streams")]
    assert store.metadata[keys.latest("top_streams")]["run-after"] == "2026-11-23T16:35:00Z"


def test_formulas_are_escaped_there_alone_where_that_is_asked_for(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys
) -> None:
    published = run(snapshot(title="=1+1"), formulas=False)
    assert b'"\'=1+1"' in store.objects[keys.latest("top_streams")]
    assert b'"=1+1"' in store.objects[keys.data("top_streams")]
    assert run(snapshot(title="=1+1")).objects == published.objects
    assert store.objects[keys.latest("top_streams")] == store.objects[keys.data("top_streams")]


def test_an_older_run_never_replaces_it_and_does_not_read_it(
    store: Any, run: Run, snapshot: Make, older: SnapshotKeys
) -> None:
    run(snapshot())
    before = latest(store)
    store.calls.clear()
    run(snapshot(title="older"), older)
    assert latest(store) == before
    assert {operation for operation, key in store.calls if "/latest/" in key} == {"stat"}


def test_the_same_bytes_are_not_written_again(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys
) -> None:
    run(snapshot())
    store.calls.clear()
    run(snapshot())
    assert {operation for operation, key in store.calls if "/latest/" in key} == {"stat"}
    # Unless this run's version of it is another one.
    store.metadata[keys.latest("top_games")]["sha256"] = "0"
    store.objects[keys.latest("top_games")] = b"of another version"
    run(snapshot())
    assert store.objects[keys.latest("top_games")] == store.objects[keys.data("top_games")]


@pytest.mark.parametrize("there", [True, False])
def test_a_newer_run_that_writes_it_between_the_look_and_the_write_stays(
    store: Any,
    run: Run,
    snapshot: Make,
    keys: SnapshotKeys,
    older: SnapshotKeys,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
) -> None:
    if there:
        run(snapshot(title="oldest"), replace(keys, run_after=older.run_after - timedelta(minutes=5)))
    replaced, newer = store.replace, [snapshot(title="newer")]

    def overtaken(key: str, body: bytes, **arguments: Any) -> bool:
        if "/latest/" in key and newer:
            run(newer.pop())
        return bool(replaced(key, body, **arguments))

    monkeypatch.setattr(store, "replace", overtaken)
    run(snapshot(title="older"), older)
    assert not newer
    for dataset in ("top_streams", "top_games"):
        assert store.objects[keys.latest(dataset)] == store.objects[keys.data(dataset)]


def test_an_older_run_that_writes_it_meanwhile_is_replaced(
    store: Any,
    run: Run,
    snapshot: Make,
    keys: SnapshotKeys,
    older: SnapshotKeys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replaced, others = store.replace, [snapshot(title="older")]

    def overtaken(key: str, body: bytes, **arguments: Any) -> bool:
        if "/latest/" in key and others:
            run(others.pop(), older)
        return bool(replaced(key, body, **arguments))

    monkeypatch.setattr(store, "replace", overtaken)
    run(snapshot())
    assert not others
    assert store.objects[keys.latest("top_streams")] == store.objects[keys.data("top_streams")]


def test_a_run_that_never_gets_to_write_it_says_so(
    store: Any, run: Run, snapshot: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    replaced = store.replace
    monkeypatch.setattr(
        store, "replace", lambda key, body, **each: "/latest/" not in key and replaced(key, body, **each)
    )
    run(snapshot())
    assert latest(store) == {}
    assert "twitch/latest/top_games.csv: other runs replace it all the time" in caplog.text


def test_latest_is_written_only_where_asked_for(store: Any, run: Run, snapshot: Make) -> None:
    run(snapshot(), latest=False)
    assert latest(store) == {}


def test_an_ad_hoc_run_lies_apart_and_is_never_the_latest(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys, older: SnapshotKeys, caplog: Any
) -> None:
    run(snapshot(title="older"), older)
    before = dict(store.objects)
    manifest = run(snapshot(), replace(keys, adhoc=True))
    assert manifest.adhoc
    assert {key: store.objects[key] for key in before} == before
    assert {key.split("/")[1] for key in store.objects.keys() - before.keys()} == {"adhoc"}
    # It may read the record, and changes nothing of it.
    assert manifest.previous is not None
    assert manifest.previous.manifest == older.manifest
    assert "Ad hoc: the params of this run differ" in caplog.text
    check_manifests(store)


def test_latest_stays_whole_when_a_newer_run_had_no_streams(
    store: Any, run: Run, page: Make, game: Make, snapshot: Make, older: SnapshotKeys
) -> None:
    run([page("games/top", [game(id="a")]), page("streams", [], params=[("game_id", "a")])])
    before = latest(store)
    run(snapshot(), older)
    assert latest(store) == before


@pytest.mark.parametrize("metadata", [{}, {"run-after": "2026-11-23T16:35:00Z"}, {"owner": "somebody else"}])
def test_latest_without_a_newer_tick_is_replaced(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys, metadata: dict[str, str]
) -> None:
    store.put(keys.latest("top_games"), b"x", content_type="text/csv", metadata=metadata)
    run(snapshot())
    assert store.objects[keys.latest("top_games")] == store.objects[keys.data("top_games")]


def test_each_dataset_is_compared_for_itself(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys
) -> None:
    """As when the newer run was killed between the two."""
    newer = {"run-after": "2026-11-23T16:40:00Z"}
    store.put(keys.latest("top_games"), b"newer", content_type="text/csv", metadata=newer)
    run(snapshot())
    assert store.objects[keys.latest("top_games")] == b"newer"
    assert store.objects[keys.latest("top_streams")] == store.objects[keys.data("top_streams")]


# --- failures -----------------------------------------------------------------


@pytest.mark.parametrize("there", ["nothing", "this version's", "another version's", "damaged"])
def test_no_manifest_ever_describes_what_is_not_there(
    store: CrashingStore, run: Run, snapshot: Make, keys: SnapshotKeys, there: str
) -> None:
    """A try fails or is killed at every operation; manifests are checked after every change."""
    for fail_at in itertools.count(1):
        store.watch = lambda: None
        store.objects.clear()
        if there != "nothing":
            run(snapshot(bad_row=True))
        if there == "another version's":
            of_another_version(store, keys)
        if there == "damaged":
            store.objects[keys.manifest] = b"damaged"
        store.calls.clear()
        if there != "damaged":
            store.watch = lambda: check_manifests(store)
        store.kills, store.fail_at = fail_at % 2 == 0, fail_at
        try:
            run(snapshot(bad_row=True))
        except (TwitchStoreError, Killed):
            pass
        else:
            break
        store.fail_at = None
        # Whatever a failed try left, the next one publishes, whatever it has read.
        run(snapshot(title="b"))
        check_manifests(store)
        listed = {entry.key for entry in Manifest.from_json(store.objects[keys.manifest]).objects}
        assert {key for key in store.objects if "/latest/" not in key} >= listed | {keys.manifest}
    assert fail_at > 8
    store.fail_at = None
