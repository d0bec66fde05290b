# SPDX-License-Identifier: Apache-2.0
"""What looks at the lake of both DAGs finds every lie that is planted there."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.cluster.truth import find_lies, manifests

PLACE, TICK = "dt=2026-11-23/hour=16", "20261123T163500Z"
STREAMS = f"top_streams/{PLACE}/streams_data_{TICK}.csv"
GAMES = f"top_games/{PLACE}/games_data_{TICK}.csv"
RAW = f"raw/top_games/{PLACE}/pages_{TICK}.jsonl.gz"
MANIFEST = f"manifests/twitch_top_games/{PLACE}/{TICK}.json"

Lake = dict[str, bytes]


def lake(tick: str = TICK) -> Lake:
    """A run of ``twitch_top_games``: two streams, one of which came twice, and a game."""
    pages: list[dict[str, Any]] = [
        {"owner": {}, "try_id": "0123abcd", "scope": {}, "report": None},
        {"endpoint": "games/top", "body": '{"data": [{}]}'},
        {"endpoint": "streams", "body": '{"data": [{}, {}, {}]}'},
    ]
    raw = gzip.compress("".join(f"{json.dumps(page)}\n" for page in pages).encode(), mtime=0)
    bodies = {STREAMS: b"id\n1\n2\n", GAMES: b"id\n7\n", RAW: raw}
    rows = {STREAMS: 2, GAMES: 1, RAW: 2}
    nothing = {"duplicates": 0, "filtered": 0, "rejects": 0}
    manifest = {
        "run_id": f"run {tick}",
        "complete": True,
        "counts": {
            "top_streams": {"rows_in": 3, "rows_out": 2, **nothing, "duplicates": 1},
            "top_games": {"rows_in": 1, "rows_out": 1, **nothing},
        },
        "objects": [
            {
                "key": f"twitch/{key}",
                "bytes": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
                "rows": rows[key],
            }
            for key, body in bodies.items()
        ],
    }
    latest = {"latest/top_streams.csv": bodies[STREAMS], "latest/top_games.csv": bodies[GAMES]}
    text = json.dumps(manifest)
    objects = {**bodies, **latest, MANIFEST: text.encode()}
    return {
        f"twitch/{key.replace(TICK, tick)}": body.replace(TICK.encode(), tick.encode())
        for key, body in objects.items()
    }


def told(objects: Lake) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(objects[f"twitch/{MANIFEST}"])
    return manifest


def test_nothing_is_found_in_a_lake_that_tells_the_truth() -> None:
    assert find_lies(lake()) == []
    assert find_lies({}) == []


def test_manifests_are_found_by_their_run() -> None:
    both = lake() | lake("20261123T164000Z")
    assert manifests(both, "twitch_top_games").keys() == {f"run {TICK}", "run 20261123T164000Z"}
    assert manifests(both, "twitch_all_streams") == {}


def test_what_a_killed_run_left_without_a_manifest_is_no_lie() -> None:
    objects = lake()
    del objects[f"twitch/{MANIFEST}"]
    assert find_lies(objects) == []


def _say(objects: Lake, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = told(objects)
    change(manifest)
    objects[f"twitch/{MANIFEST}"] = json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("plant", "lie"),
    [
        (lambda lake: lake.pop(f"twitch/{GAMES}"), "which is not there"),
        (lambda lake: lake.update({f"twitch/{STREAMS}": b"id\n1\n3\n"}), "says sha256"),
        (lambda lake: lake.update({f"twitch/{STREAMS}": b"id\n1\n"}), "says rows 2 of"),
        (lambda lake: lake.update({f"twitch/rejects/top_games/{PLACE}/rejects_{TICK}.csv": b""}), "beside"),
        (lambda lake: lake.update({"twitch/latest/top_games.csv": b"id\n8\n"}), "is not top_games of"),
        (lambda lake: _say(lake, lambda told: told.update(complete=False)), "is not complete"),
        (
            lambda lake: _say(lake, lambda told: told["counts"]["top_streams"].update(duplicates=0)),
            "says rows_in 3 of top_streams",
        ),
        (
            lambda lake: _say(lake, lambda told: told["counts"]["top_games"].update(rows_out=2)),
            "says rows_out 2 of top_games",
        ),
    ],
)
def test_a_lie_is_found(plant: Callable[[Lake], object], lie: str) -> None:
    objects = lake()
    plant(objects)
    assert any(lie in found for found in find_lies(objects)), find_lies(objects)


def test_latest_is_that_of_the_newest_run() -> None:
    older, newer = lake(), lake("20261123T164000Z")
    newer["twitch/latest/top_games.csv"] = b"id\n6\n"
    assert find_lies(older | newer) == ["latest/top_games.csv is not top_games of 20261123T164000Z"]


def test_crawls_are_looked_at_too() -> None:
    objects = lake() | {f"twitch/manifests/twitch_all_streams/{PLACE}/{TICK}.json": b"{"}
    (lie,) = find_lies(objects)
    assert "half an object" in lie
