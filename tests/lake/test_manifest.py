# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchDataError, TwitchOwnerError
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, Previous, describe, find_previous
from twitch_provider.lake.raw_header import Owner


@pytest.fixture
def keys(run_after: datetime) -> SnapshotKeys:
    return SnapshotKeys("twitch", "d", run_after)


@pytest.fixture
def manifest(run_after: datetime) -> Manifest:
    return Manifest(
        dag_id="d",
        run_id="scheduled__2026-11-23T16:35:00+00:00",
        task_id="extract",
        map_index=-1,
        run_type="scheduled",
        run_after=run_after,
        interval_seconds=300,
        first_answer_at=run_after + timedelta(seconds=1),
        last_answer_at=run_after + timedelta(seconds=9),
        clock_difference_seconds=1,
        published_at=run_after + timedelta(seconds=20),
        complete=True,
        adhoc=False,
        scope={"asks": {"games": 20}, "writes": {"file_format": "csv", "compression": "none"}},
        requests=21,
        points_left=780,
        transport={"tokens": 1},
        counts={"top_games": {"rows_in": 1, "rows_out": 1, "filtered_by_reason": {}}},
        datasets={"top_games": {"viewers": None, "missing": {"igdb_id": 1}, "duplicate_keys": 0}},
        objects=(
            describe("twitch/x.csv", b"abc", rows=1, kind="table", dataset="top_games"),
            describe("twitch/raw/x.gz", b"d", rows=2, kind="raw", dataset="top_games"),
        ),
        previous=Previous("twitch/manifests/d/x.json", run_after - timedelta(minutes=5), 300),
        schema_version=1,
        provider_version="1.0.0",
    )


def test_comes_back_from_json(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json()) == manifest
    first = replace(manifest, previous=None)
    assert Manifest.from_json(first.to_json()) == first


def test_says_what_a_crawl_did_and_what_it_lacked(manifest: Manifest) -> None:
    report = {
        "complete": False,
        "cut": {"en": "no time"},
        "languages": {"\ud83d": 1},
        "language_walks": [{"pages": 3}],
    }
    crawled = replace(manifest, crawl=report, complete=False)
    assert Manifest.from_json(crawled.to_json()) == crawled
    assert json.loads(crawled.to_json())["crawl"] == report


def test_reads_a_manifest_without_what_has_a_default(manifest: Manifest) -> None:
    values = json.loads(manifest.to_json())
    del values["crawl"]
    assert Manifest.from_json(json.dumps(values).encode()) == manifest


def test_ignores_what_a_newer_version_adds(manifest: Manifest) -> None:
    values = json.loads(manifest.to_json()) | {"schema_version": 2, "colour": "red"}
    values["objects"][0]["etag"] = "x"
    values["previous"]["complete"] = True
    assert Manifest.from_json(json.dumps(values).encode()) == replace(manifest, schema_version=2)


@pytest.mark.parametrize(
    "change",
    [
        {"crawl": 5},
        {"crawl": []},
        {"complete": "yes"},
        {"objects": [5]},
        {"objects": None},
        {"previous": 5},
        {"adhoc": 1},
    ],
    ids=str,
)
def test_refuses_values_of_another_kind(manifest: Manifest, change: dict[str, Any]) -> None:
    values = json.loads(manifest.to_json()) | change
    with pytest.raises(
        TwitchDataError, match="not a manifest of this version's: delete it and clear its DAG run"
    ):
        Manifest.from_json(json.dumps(values).encode())


def test_refuses_an_object_without_a_key(manifest: Manifest) -> None:
    values = json.loads(manifest.to_json())
    values["objects"][0]["key"] = None
    with pytest.raises(
        TwitchDataError, match="not a manifest of this version's: delete it and clear its DAG run"
    ):
        Manifest.from_json(json.dumps(values).encode())


def test_json_is_for_people_and_programs(manifest: Manifest) -> None:
    text = manifest.to_json().decode()
    assert text.startswith('{\n  "dag_id": "d",\n')
    assert text.endswith("}\n")
    values = json.loads(text)
    assert values["run_after"] == "2026-11-23T16:35:00Z"
    assert values["objects"][0] == {
        "key": "twitch/x.csv",
        "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "rows": 1,
        "kind": "table",
        "dataset": "top_games",
    }
    assert values["previous"]["gap_seconds"] == 300


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"run_after": 5}'], ids=range(7)
)
def test_refuses_what_is_not_a_manifest(data: bytes) -> None:
    with pytest.raises(
        TwitchDataError, match="not a manifest of this version's: delete it and clear its DAG run"
    ):
        Manifest.from_json(data)


@pytest.mark.parametrize(("seconds", "missed"), [(60, False), (300, False), (301, True), (600, True)])
def test_says_whether_a_snapshot_is_missing(manifest: Manifest, seconds: int, missed: bool) -> None:
    previous = Previous("x", manifest.run_after - timedelta(seconds=seconds), seconds)
    after = manifest.after(previous)
    assert after.missed is missed
    assert manifest.after(None).missed is False
    assert replace(after, interval_seconds=3600).missed is False


@pytest.mark.parametrize("change", [{"interval_seconds": None}, {"adhoc": True}], ids=str)
def test_nothing_is_missing_where_no_snapshot_is_due(manifest: Manifest, change: dict[str, Any]) -> None:
    previous = Previous("x", manifest.run_after - timedelta(days=1), 86_400)
    assert replace(manifest.after(previous), **change).missed is False


def test_finds_its_objects_by_kind_and_dataset(manifest: Manifest) -> None:
    assert manifest.table("top_games") == manifest.objects[0]
    assert manifest.table("top_streams") is None
    assert manifest.raw == manifest.objects[1]
    assert replace(manifest, objects=()).raw is None


@pytest.mark.parametrize(
    ("crawl", "cut_short"),
    [(None, False), ({"complete": True}, False), ({"complete": False}, True), ({}, True)],
)
def test_a_crawl_without_a_part_of_the_list_was_cut_short(
    manifest: Manifest, crawl: dict[str, Any] | None, cut_short: bool
) -> None:
    assert replace(manifest, crawl=crawl).cut_short is cut_short


def test_another_task_does_not_own_it(manifest: Manifest) -> None:
    owner, raw = Owner("d", manifest.run_id, "extract"), manifest.raw
    assert raw is not None
    manifest.require_owner(owner, raw.dataset, "s3://lake/x.json")
    with pytest.raises(TwitchOwnerError, match=r"^s3://lake/x\.json belongs to task extract of run"):
        manifest.require_owner(replace(owner, task_id="load"), raw.dataset, "s3://lake/x.json")


def test_a_dag_whose_id_looks_like_another_ones_with_a_dataset_does_not_own_it(manifest: Manifest) -> None:
    """The manifests of the dataset y of a DAG x, and those of a DAG x.y, lie in one folder."""
    owner = Owner("d", manifest.run_id, "extract")
    with pytest.raises(
        TwitchOwnerError, match=r"^s3://lake/x\.json is of the dataset .* not of mine of task"
    ):
        manifest.require_owner(owner, "mine", "s3://lake/x.json")


def at(text: str) -> SnapshotKeys:
    return SnapshotKeys("twitch", "d", datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ([], None),
        (["2026-11-23T16:30"], "2026-11-23T16:30"),
        (["2026-11-23T16:25", "2026-11-23T16:30", "2026-11-23T09:00"], "2026-11-23T16:30"),
        (["2026-11-23T16:35"], None),
        (["2026-11-23T16:35", "2026-11-23T16:40", "2026-11-24T00:00"], None),
        (["2026-11-22T23:55", "2026-11-23T16:40"], "2026-11-22T23:55"),
        (["2025-12-31T23:55", "2026-01-05T00:00"], "2026-01-05T00:00"),
    ],
)
def test_finds_the_newest_snapshot_before_this_one(
    store: Any, keys: SnapshotKeys, present: list[str], expected: str | None
) -> None:
    for tick in present:
        store.objects[at(tick).manifest] = b"{}"
    store.objects["twitch/manifests/another_dag/dt=2026-11-23/hour=16/20261123T163400Z.json"] = b"{}"
    store.objects["twitch/manifests/d/dt=2026-11-23/hour=16/notes.txt"] = b"foreign"
    found = find_previous(store, keys)
    if expected is None:
        assert found is None
    else:
        before = at(expected)
        gap = int((keys.run_after - before.run_after).total_seconds())
        assert found == Previous(before.manifest, before.run_after, gap)


def test_lists_two_days_at_most(store: Any) -> None:
    for day in range(1, 29):
        store.objects[at(f"2026-02-{day:02}T12:00").manifest] = b"{}"
    find_previous(store, at("2026-03-01T00:00"))
    find_previous(store, at("2026-02-28T12:00"))
    assert [operation for operation, _ in store.calls] == ["folders", "list", "folders", "list", "list"]


def test_an_ad_hoc_run_comes_after_the_record_and_is_not_part_of_it(store: Any, keys: SnapshotKeys) -> None:
    store.objects[at("2026-11-23T16:25").manifest] = b"{}"
    store.objects[replace(at("2026-11-23T16:30"), adhoc=True).manifest] = b"{}"
    for asking in (keys, replace(keys, adhoc=True)):
        found = find_previous(store, asking)
        assert found is not None
        assert (found.manifest, found.gap_seconds) == (at("2026-11-23T16:25").manifest, 600)


def test_gap_counts_from_tick_to_tick(store: Any) -> None:
    store.objects[at("2026-11-23T16:30").manifest] = b"{}"
    manual = SnapshotKeys("twitch", "d", datetime(2026, 11, 23, 16, 35, 7, 900_000, UTC))
    found = find_previous(store, manual)
    assert found is not None
    assert found.gap_seconds == 307
