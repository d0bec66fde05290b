# SPDX-License-Identifier: Apache-2.0
"""A lake of two runs, and what a demo starts from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from demo.children import Child
from demo.settings import Lake, Simulated, Twitch

from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, Previous, describe

TICK = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)

GAMES = """\
id,name,box_art_url,igdb_id,snapshot_at,run_after,rank,streams_seen,viewers_seen,viewers_share,capped
509658,Just [red]Chatting,,,2026-11-23T16:35:01Z,2026-11-23T16:35:00Z,1,2,1500,0.75,true
32399,Counter-Strike,,,2026-11-23T16:35:01Z,2026-11-23T16:35:00Z,2,1,500,0.25,false
"""
STREAMS = """\
id,language,viewer_count,is_mature,title
1,en,1000,true,"one
line more"
2,de,500,false,=1+1
3,en,500,false,
"""
REJECTS = """\
reason,row
viewer_count: negative,{}
viewer_count: negative,{}
started_at: in the future,{}
"""


@pytest.fixture
def objects() -> dict[str, bytes]:
    """A published run, by key."""
    keys = SnapshotKeys("twitch", "twitch_top_games", TICK)
    bodies = {
        keys.data("top_games"): GAMES.encode(),
        keys.data("top_streams"): STREAMS.encode(),
        keys.rejects("top_streams"): REJECTS.encode(),
    }
    kinds = zip(
        bodies, ("table", "table", "rejects"), ("top_games", "top_streams", "top_streams"), strict=True
    )
    nothing = {"duplicates": 0, "filtered": 0, "rejects": 0, "filtered_by_reason": {}}
    manifest = Manifest(
        dag_id="twitch_top_games",
        run_id="manual__1",
        task_id="extract",
        map_index=-1,
        run_type="manual",
        run_after=TICK,
        interval_seconds=300,
        first_answer_at=TICK,
        last_answer_at=TICK,
        clock_difference_seconds=0,
        published_at=TICK,
        complete=True,
        adhoc=False,
        scope={"asks": {"games": 20}, "writes": {"file_format": "csv", "compression": "none"}},
        requests=21,
        points_left=780,
        transport={},
        counts={
            "top_streams": {
                **nothing,
                "rows_in": 8,
                "rows_out": 3,
                "filtered": 2,
                "rejects": 3,
                "filtered_by_reason": {"not live": 2},
            },
            "top_games": {**nothing, "rows_in": 2, "rows_out": 2},
        },
        datasets={},
        objects=tuple(
            describe(key, bodies[key], rows=1, kind=kind, dataset=dataset) for key, kind, dataset in kinds
        ),
        previous=Previous("twitch/manifests/…", TICK.replace(minute=25), 600),
        schema_version=1,
        provider_version="0",
    )
    return {**bodies, keys.manifest: manifest.to_json()}


@pytest.fixture
def tick() -> datetime:
    """The run's tick."""
    return TICK


@pytest.fixture
def local_lake(tmp_path: Path) -> Lake:
    """A lake of plain files."""
    return Lake("lake", "twitch", "http://127.0.0.1:9", "AK", "hunter3", tmp_path)


@pytest.fixture
def simulated() -> Twitch:
    """A simulated Twitch."""
    return Twitch("client", "hunter2", Simulated("http://127.0.0.1:8", "a made-up world"))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Start shell commands that end with the test."""
    children: list[Child] = []

    def start(script: str) -> Child:
        command = ["sh", "-c", script]
        children.append(Child("The child", command, env=os.environ, log=tmp_path / "child.log"))
        return children[-1]

    yield start
    for child in children:
        child.stop()
