# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from tests.lake.conftest import MemoryStore
from tests.metrics.lake import found_in

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.manifest import Manifest, ObjectEntry
from twitch_provider.metrics.snapshots import scope_of, snapshots_of

TICK = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
KEY = "twitch/manifests/twitch_top_games/dt=2026-11-23/hour=16/20261123T163500Z.json"


def _manifest(*names: str, **values: Any) -> Manifest:
    """A manifest of these tables; those that are called games have no viewers."""
    objects = tuple(ObjectEntry(f"{name}.csv", 1, "", 7, "table", name) for name in names)
    figures = {
        name: {"viewers": None if "games" in name else 12, "missing": {"language": 1}, "duplicate_keys": 0}
        for name in names
    }
    known: dict[str, Any] = {
        "dag_id": "twitch_top_games",
        "run_id": "scheduled__1",
        "task_id": "extract",
        "map_index": -1,
        "run_type": "scheduled",
        "run_after": TICK,
        "interval_seconds": 300,
        "first_answer_at": TICK + timedelta(seconds=2),
        "last_answer_at": TICK + timedelta(seconds=3),
        "clock_difference_seconds": 0,
        "published_at": TICK + timedelta(seconds=9),
        "complete": True,
        "adhoc": False,
        "scope": {"asks": {"pages_per_game": 1, "games": 20}, "writes": {"file_format": "csv"}},
        "requests": 3,
        "points_left": 700,
        "transport": {},
        "counts": {dataset: {"rejects": 2} for dataset in figures},
        "datasets": figures,
        "objects": objects,
        "previous": None,
        "schema_version": 1,
        "provider_version": "1",
    }
    return Manifest(**known | values)


def test_a_scope_is_the_dataset_and_what_was_asked_however_it_was_written() -> None:
    (snapshot,) = snapshots_of(_manifest("top_streams", "top_games"), key=KEY, etag="e")
    assert snapshot.scope == 'top_streams {"games":20,"pages_per_game":1}'
    assert (snapshot.dataset, snapshot.manifest, snapshot.etag) == ("top_streams", KEY, "e")
    assert snapshot.table.key == "top_streams.csv"
    assert snapshot.games is not None
    assert snapshot.games.key == "top_games.csv"
    assert (snapshot.rows, snapshot.viewers, snapshot.missing) == (7, 12, {"language": 1})
    assert scope_of("x", {"b": "ü", "a": None}) == 'x {"a":null,"b":"ü"}'


@pytest.mark.parametrize(
    ("names", "dataset", "games"),
    [
        (["all_streams"], "all_streams", None),
        (["by_language"], "by_language", None),
        (["games_of_today", "games_of_today__streams"], "games_of_today__streams", "games_of_today"),
    ],
)
def test_the_table_that_has_viewers_is_a_snapshot(names: list[str], dataset: str, games: str | None) -> None:
    manifest = _manifest(*names)
    figures = {"viewers": 5, "missing": {}, "duplicate_keys": 0}
    manifest = replace(manifest, datasets={**manifest.datasets, dataset: figures})
    (snapshot,) = snapshots_of(manifest, key=KEY, etag="e")
    assert (snapshot.dataset, snapshot.games and snapshot.games.dataset) == (dataset, games)


def test_instants_are_whole_seconds_in_utc() -> None:
    moscow = timezone(timedelta(hours=3))
    manifest = _manifest(
        "all_streams",
        run_after=TICK.replace(microsecond=9).astimezone(moscow),
        first_answer_at=TICK.replace(second=2, microsecond=999_999).astimezone(moscow),
    )
    (snapshot,) = snapshots_of(manifest, key=KEY, etag="e")
    assert (snapshot.run_after, snapshot.instant) == (TICK, TICK + timedelta(seconds=2))
    assert snapshot.instant.tzinfo is UTC


def test_ad_hoc_runs_do_not_exist() -> None:
    assert snapshots_of(_manifest("all_streams", adhoc=True), key=KEY, etag="e") == []


@pytest.mark.parametrize(
    "values",
    [
        {"objects": ()},
        {"scope": {}},
        {"scope": {"asks": None}},
        {"datasets": {"all_streams": {}}},
        {"datasets": {"all_streams": None}},
        {"first_answer_at": datetime(2026, 11, 23, 16, 35)},  # noqa: DTZ001
        {"interval_seconds": 0},
        {"interval_seconds": -300},
        {"interval_seconds": "300"},
        {"interval_seconds": 10**15},
        {"schema_version": None},
        {"objects": (ObjectEntry("all_streams.csv", 1, "", -1, "table", "all_streams"),)},
    ],
)
def test_a_manifest_that_contradicts_itself(values: dict[str, Any]) -> None:
    with pytest.raises(TwitchDataError, match=r"The manifest .*Z\.json is not as this version writes it"):
        snapshots_of(_manifest("all_streams", **values), key=KEY, etag="e")


def test_manifests_are_found_in_every_folder() -> None:
    store = MemoryStore()
    body = _manifest("top_streams", "top_games").to_json()
    old = json.loads(body)
    del old["scope"]
    for key, content in {
        KEY: body,
        KEY.replace("twitch_top_games", "my_copy"): body,
        KEY.replace("twitch_top_games", "other.by_language"): _manifest("by_language").to_json(),
        KEY.replace("twitch_top_games", "old"): json.dumps(old).encode(),
        KEY.replace("twitch_top_games", "odd"): _manifest("x", objects=()).to_json(),
        KEY.replace("11-23", "11-22"): body,
        KEY.replace(".json", ".txt"): b"",
        KEY.replace("twitch/", "twitch/adhoc/"): body,
    }.items():
        store.put(key, content, content_type="application/json")
    found = found_in(store, "/twitch/", [date(2026, 11, 23), date(2026, 11, 24)])
    assert sorted(each.manifest.split("/")[2] for each in found.snapshots) == [
        "my_copy",
        "other.by_language",
        "twitch_top_games",
    ]
    reasons = {key.split("/")[2]: sentence for key, sentence in found.refused.items()}
    assert sorted(reasons) == ["odd", "old"]
    assert "is not as this version writes it (KeyError('x'))" in reasons["odd"]
    assert "is not a manifest of this version's" in reasons["old"]


def test_a_manifest_that_was_withdrawn_since_is_ignored() -> None:
    class Withdrawing(MemoryStore):
        def read(self, key: str) -> None:
            self.objects.pop(key, None)

    store = Withdrawing()
    store.put(KEY, b"", content_type="application/json")
    found = found_in(store, "twitch", [TICK.date()])
    assert (found.snapshots, found.refused) == ([], {})
