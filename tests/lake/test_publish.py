# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.lake.crashing import check_manifests

from twitch_provider.exceptions import TwitchStoreError
from twitch_provider.lake.extract import find, keep
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest
from twitch_provider.lake.publish import publish
from twitch_provider.lake.raw_lines import RawObject, RawPage
from twitch_provider.lake.top_games import transform

Make = Callable[..., Any]
Run = Callable[..., Manifest]


@pytest.fixture
def keys(run_after: datetime) -> SnapshotKeys:
    return SnapshotKeys("twitch", "twitch_top_games", run_after)


@pytest.fixture
def snapshot(page: Make, game: Make, stream: Make) -> Callable[..., list[RawPage]]:
    """Pages of one game with one stream, and a row to refuse where asked for."""

    def snapshot(*, bad_row: bool = False, title: str = "a") -> list[RawPage]:
        rows = [stream(game_id="a", title=title), *([stream(viewer_count=-1)] if bad_row else [])]
        return [page("games/top", [game(id="a")]), page("streams", rows, params=[("game_id", "a")])]

    return snapshot


@pytest.fixture
def run(store: Any, keys: SnapshotKeys) -> Run:
    """A whole run: raw pages, then everything that is made of them."""
    cleaned: dict[tuple[str, str], Any] = {}

    def run(pages: list[RawPage], keys: SnapshotKeys = keys) -> Manifest:
        raw = RawObject.of(pages)
        extract = keep(store, keys, "top_games", raw, stats={"requests": 2, "tokens": 1})
        which = extract.raw.sha256, keys.tick
        if which not in cleaned:
            cleaned[which] = transform(pages, run_after=keys.run_after)
        return publish(
            store, keys, cleaned[which], extract=extract, run_id="r", published_at=keys.run_after, latest=True
        )

    return run


def changes(store: Any) -> list[tuple[str, str]]:
    return [(operation, key) for operation, key in store.calls if operation in {"put", "delete"}]


def test_first_run_writes_the_manifest_last(store: Any, run: Run, keys: SnapshotKeys, snapshot: Make) -> None:
    run(snapshot(bad_row=True))
    assert changes(store) == [
        ("put", keys.raw("top_games")),
        ("delete", keys.rejects("top_games")),
        ("put", keys.data("top_streams")),
        ("put", keys.data("top_games")),
        ("put", keys.rejects("top_streams")),
        ("put", keys.latest("top_streams")),
        ("put", keys.latest("top_games")),
        ("put", keys.manifest),
    ]


def test_rerun_deletes_the_manifest_first_and_stale_objects_then(
    store: Any, run: Run, keys: SnapshotKeys, snapshot: Make
) -> None:
    run(snapshot(bad_row=True))
    store.calls.clear()
    run(snapshot())
    assert changes(store)[0] == ("delete", keys.manifest)
    assert ("delete", keys.rejects("top_streams")) in changes(store)
    assert changes(store)[-1] == ("put", keys.manifest)
    assert keys.rejects("top_streams") not in store.objects


def test_publishing_again_from_the_same_pages_withdraws_first(
    store: Any, keys: SnapshotKeys, snapshot: Make
) -> None:
    """As when only `load` is cleared."""
    extract = keep(store, keys, "top_games", RawObject.of(snapshot()), stats={})
    for pages in (snapshot(bad_row=True), snapshot()):
        store.calls.clear()
        tables = transform(pages, run_after=keys.run_after)
        publish(store, keys, tables, extract=extract, run_id="r", published_at=keys.run_after)
    assert changes(store)[:2] == [("delete", keys.manifest), ("delete", keys.rejects("top_streams"))]
    assert keys.raw("top_games") in store.objects


def test_no_rejects_no_object(store: Any, run: Run, keys: SnapshotKeys, snapshot: Make) -> None:
    manifest = run(snapshot())
    assert not any("/rejects/" in key for key in store.objects)
    assert [entry.key for entry in manifest.objects] == [
        keys.data("top_streams"),
        keys.data("top_games"),
        keys.raw("top_games"),
    ]


def test_content_types(store: Any, run: Run, keys: SnapshotKeys, snapshot: Make) -> None:
    run(snapshot(bad_row=True))
    assert store.content_types[keys.raw("top_games")] == "application/gzip"
    assert store.content_types[keys.manifest] == "application/json"
    csvs = {kind for key, kind in store.content_types.items() if key.endswith(".csv")}
    assert csvs == {"text/csv; charset=utf-8"}


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


def test_manifest_knows_the_snapshot_before(run: Run, snapshot: Make, keys: SnapshotKeys) -> None:
    assert run(snapshot()).previous is None
    later = SnapshotKeys("twitch", "twitch_top_games", keys.run_after + timedelta(minutes=15))
    manifest = run(snapshot(), later)
    assert manifest.previous is not None
    assert (manifest.previous.manifest, manifest.previous.gap_seconds) == (keys.manifest, 900)
    assert manifest.missed(timedelta(minutes=5))


@pytest.mark.parametrize(("minutes", "warned"), [(5, False), (10, True)])
def test_a_gap_is_a_warning_too(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys, caplog: Any, minutes: int, warned: bool
) -> None:
    run(snapshot())
    later = SnapshotKeys("twitch", "twitch_top_games", keys.run_after + timedelta(minutes=minutes))
    extract = keep(store, later, "top_games", RawObject.of(snapshot()), stats={})
    tables = transform(snapshot(), run_after=later.run_after)
    interval = timedelta(minutes=5)
    publish(
        store, later, tables, extract=extract, run_id="r", published_at=later.run_after, interval=interval
    )
    assert ("Gap: the previous snapshot is 600 s older" in caplog.text) is warned


def test_same_pages_give_the_same_keys_and_bytes(store: Any, run: Run, snapshot: Make) -> None:
    run(snapshot(bad_row=True))
    before = dict(store.objects)
    run(snapshot(bad_row=True))
    assert store.objects == before


def test_latest_is_the_newest_run(store: Any, run: Run, snapshot: Make, keys: SnapshotKeys) -> None:
    older = SnapshotKeys("twitch", "twitch_top_games", keys.run_after - timedelta(minutes=5))
    run(snapshot())
    newest = store.objects[keys.data("top_streams")]
    run(snapshot(title="older"), older)
    assert store.objects[keys.latest("top_streams")] == newest
    run(snapshot(title="rerun"))
    assert store.objects[keys.latest("top_streams")] == store.objects[keys.data("top_streams")] != newest


def test_latest_is_written_only_where_asked_for(store: Any, keys: SnapshotKeys, snapshot: Make) -> None:
    extract = keep(store, keys, "top_games", RawObject.of(snapshot()), stats={})
    tables = transform(snapshot(), run_after=keys.run_after)
    publish(store, keys, tables, extract=extract, run_id="r", published_at=keys.run_after)
    assert not [key for key in store.objects if "/latest/" in key]


def test_latest_stays_whole_when_a_newer_run_had_no_streams(
    store: Any, run: Run, page: Make, game: Make, snapshot: Make, keys: SnapshotKeys
) -> None:
    empty = [page("games/top", [game(id="a")]), page("streams", [], params=[("game_id", "a")])]
    run(empty)
    before = {key: body for key, body in store.objects.items() if "/latest/" in key}
    run(snapshot(), SnapshotKeys("twitch", "twitch_top_games", keys.run_after - timedelta(minutes=5)))
    assert {key: body for key, body in store.objects.items() if "/latest/" in key} == before


def test_deletes_rejects_that_an_unfinished_try_left(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys
) -> None:
    store.objects[keys.rejects("top_streams")] = b"of an unfinished try"
    run(snapshot())
    assert keys.rejects("top_streams") not in store.objects


@pytest.mark.parametrize("metadata", [{}, {"run-after": "2026-11-23T16:35:00Z"}, {"owner": "somebody else"}])
def test_latest_without_a_newer_tick_is_replaced(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys, metadata: dict[str, str]
) -> None:
    store.put(keys.latest("top_games"), b"x", content_type="text/csv", metadata=metadata)
    run(snapshot())
    assert store.objects[keys.latest("top_games")] == store.objects[keys.data("top_games")]


def test_latest_stays_whole_where_a_newer_run_wrote_a_part_of_it(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys
) -> None:
    newer = {"run-after": "2026-11-23T16:40:00Z"}
    store.put(keys.latest("top_games"), b"newer", content_type="text/csv", metadata=newer)
    run(snapshot())
    assert [key for key in store.objects if "/latest/" in key] == [keys.latest("top_games")]
    assert store.objects[keys.latest("top_games")] == b"newer"


def test_a_raw_object_that_is_found_again_took_what_its_manifest_says(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys
) -> None:
    run([*snapshot(), *snapshot()[1:]])
    found = find(store, keys, "top_games")
    assert found is not None
    assert (found.raw.rows, found.requests, found.transport) == (3, 2, {"tokens": 1})


def test_latest_is_not_read_to_learn_who_wrote_it(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys
) -> None:
    run(snapshot())
    store.calls.clear()
    run(snapshot(), SnapshotKeys("twitch", "twitch_top_games", keys.run_after - timedelta(minutes=5)))
    assert {operation for operation, key in store.calls if "/latest/" in key} == {"metadata"}


def test_an_unreadable_old_manifest_does_not_stop_a_rerun(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys
) -> None:
    store.objects[keys.manifest] = b"damaged"
    run(snapshot())
    check_manifests(store)


def test_no_manifest_ever_describes_what_is_not_there(
    store: Any, run: Run, snapshot: Make, keys: SnapshotKeys
) -> None:
    """First runs and reruns fail at every operation; manifests are checked after every change."""
    store.watch = lambda: check_manifests(store)
    run(snapshot(bad_row=True))
    first_run = len(store.calls)
    run(snapshot(title="b"))
    rerun = len(store.calls) - first_run

    for already_there, operations in (([], first_run), ([snapshot(bad_row=True)], rerun)):
        for fail_at in range(1, operations + 1):
            store.objects.clear()
            for pages in already_there:
                run(pages)
            store.calls.clear()
            store.fail_at = fail_at
            with pytest.raises(TwitchStoreError):
                run(snapshot(title="b", bad_row=not already_there))
            store.fail_at = None
            # Whatever a failed try left, the next one publishes.
            run(snapshot(title="b"))
            assert keys.manifest in store.objects


def test_a_failure_leaves_no_manifest(store: Any, run: Run, snapshot: Make, keys: SnapshotKeys) -> None:
    run(snapshot(bad_row=True))
    started = len(store.calls)
    deleted = started + 2  # the old manifest is read, then deleted
    run(snapshot(title="b"))
    for fail_at in range(deleted + 1, len(store.calls) + 1):
        store.objects.clear()
        store.calls.clear()
        run(snapshot(bad_row=True))
        store.fail_at = fail_at
        with pytest.raises(TwitchStoreError):
            run(snapshot(title="b"))
        store.fail_at = None
        assert keys.manifest not in store.objects
