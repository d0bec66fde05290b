# SPDX-License-Identifier: Apache-2.0
"""The summary as a person reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from demo.report import files, introduce, render
from demo.settings import Lake, Twitch
from demo.summary import Snapshot, read_snapshot
from rich.console import Console, RenderableType


@pytest.fixture
def snapshot(objects: dict[str, bytes], tick: datetime) -> Snapshot:
    return read_snapshot(objects.get, "twitch", tick)


def printed(renderable: RenderableType) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(renderable, soft_wrap=not hasattr(renderable, "renderables"))
    return capture.get()


def test_says_that_data_are_simulated(snapshot: Snapshot, simulated: Twitch, local_lake: Lake) -> None:
    assert "SIMULATED data, not what is live on Twitch: a made-up world" in printed(
        render([snapshot], simulated, 1)
    )
    assert "a SIMULATED Twitch on this machine" in printed(introduce(simulated, local_lake))


def test_says_that_data_are_live(snapshot: Snapshot, simulated: Twitch) -> None:
    real = replace(simulated, simulated=None)
    text = printed(render([snapshot], real, None))
    assert "Live data from Twitch, observed at 2026-11-23 16:35:00 UTC" in text
    assert "SIMULATED" not in text
    assert "tokens" not in text
    assert "the real Twitch" in printed(introduce(real, Lake("bucket")))


def test_ranks_the_games(snapshot: Snapshot, simulated: Twitch) -> None:
    rows = [line.replace("│", " ").split() for line in printed(render([snapshot], simulated, 1)).splitlines()]
    assert ["1", "Just", "[red]Chatting", "1,500", "75.00%", "2+"] in rows
    assert ["2", "Counter-Strike", "500", "25.00%", "1"] in rows


def test_accounts_for_every_row(snapshot: Snapshot, simulated: Twitch) -> None:
    text = printed(render([snapshot, snapshot], simulated, 1))
    for line in (
        "2: viewer_count: negative",
        "1: started_at: in the future",
        "2: not live",
        "1 for all runs",
    ):
        assert line in text
    assert "2 (en 2, de 1)" in text
    assert "600 s before (one is missing)" in text


def test_prints_whole_paths(snapshot: Snapshot, local_lake: Lake) -> None:
    lines = [line.strip() for line in printed(files([snapshot], local_lake)).splitlines()]
    name = "twitch/top_streams/dt=2026-11-23/hour=16/streams_data_20261123T163500Z.csv"
    assert f"{local_lake.folder}/lake/{name}" in lines
    assert any("/rejects/top_streams/" in line for line in lines)


def test_prints_addresses_where_there_are_no_files(snapshot: Snapshot) -> None:
    text = printed(files([snapshot], Lake("bucket")))
    assert "s3://bucket/twitch/manifests/twitch_top_games/dt=2026-11-23/hour=16/20261123T163500Z.json" in text


def test_explains_the_rank_and_the_plus(snapshot: Snapshot, simulated: Twitch) -> None:
    text = printed(render([snapshot], simulated, 1))
    assert "\nrank is Twitch's order; viewers counts only the streams that were read\n" in text
    assert "\n+ there are more streams: raise the DAG's pages_per_game" in text
