# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, Previous, describe, find_previous


@pytest.fixture
def keys(run_after: datetime) -> SnapshotKeys:
    return SnapshotKeys("twitch", "d", run_after)


@pytest.fixture
def manifest(run_after: datetime) -> Manifest:
    return Manifest(
        dag_id="d",
        run_id="scheduled__2026-11-23T16:35:00+00:00",
        run_after=run_after,
        first_answer_at=run_after + timedelta(seconds=1),
        last_answer_at=run_after + timedelta(seconds=9),
        published_at=run_after + timedelta(seconds=20),
        complete=True,
        requests=21,
        transport={"tokens": 1},
        counts={"top_games": {"rows_in": 1, "rows_out": 1, "filtered_by_reason": {}}},
        objects=(describe("twitch/x.csv", b"abc", rows=1),),
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


def test_reads_manifests_from_before_there_were_crawls(manifest: Manifest) -> None:
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
    [{"crawl": 5}, {"crawl": []}, {"complete": "yes"}, {"objects": [5]}, {"objects": None}, {"previous": 5}],
    ids=str,
)
def test_refuses_values_of_another_kind(manifest: Manifest, change: dict[str, Any]) -> None:
    values = json.loads(manifest.to_json()) | change
    with pytest.raises(TwitchDataError, match="not a manifest of ours"):
        Manifest.from_json(json.dumps(values).encode())


def test_refuses_an_object_without_a_key(manifest: Manifest) -> None:
    values = json.loads(manifest.to_json())
    values["objects"][0]["key"] = None
    with pytest.raises(TwitchDataError, match="not a manifest of ours"):
        Manifest.from_json(json.dumps(values).encode())


def test_json_is_for_people_and_programs(manifest: Manifest) -> None:
    text = manifest.to_json().decode()
    assert text.startswith('{\n  "dag_id": "d",\n')
    assert text.endswith("}\n")
    values = json.loads(text)
    assert values["run_after"] == "2026-11-23T16:35:00Z"
    assert values["objects"] == [
        {
            "key": "twitch/x.csv",
            "bytes": 3,
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "rows": 1,
        }
    ]
    assert values["previous"]["gap_seconds"] == 300


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"run_after": 5}'], ids=range(7)
)
def test_refuses_what_is_not_a_manifest(data: bytes) -> None:
    with pytest.raises(TwitchDataError, match="not a manifest of ours"):
        Manifest.from_json(data)


@pytest.mark.parametrize(("seconds", "missed"), [(60, False), (300, False), (301, True), (600, True)])
def test_says_whether_a_snapshot_is_missing(manifest: Manifest, seconds: int, missed: bool) -> None:
    previous = Previous("x", manifest.run_after - timedelta(seconds=seconds), seconds)
    assert replace(manifest, previous=previous).missed(timedelta(minutes=5)) is missed
    assert replace(manifest, previous=None).missed(timedelta(minutes=5)) is False
    assert replace(manifest, previous=previous).missed(timedelta(hours=1)) is False


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


def test_gap_counts_from_tick_to_tick(store: Any) -> None:
    store.objects[at("2026-11-23T16:30").manifest] = b"{}"
    manual = SnapshotKeys("twitch", "d", datetime(2026, 11, 23, 16, 35, 7, 900_000, UTC))
    found = find_previous(store, manual)
    assert found is not None
    assert found.gap_seconds == 307
