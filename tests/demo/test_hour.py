# SPDX-License-Identifier: Apache-2.0
"""The hour that the demo plays, from its snapshots to what is printed."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from unittest import mock

import pytest
from demo.errors import DemoError
from demo.hour import Hour, hour_files, read_hour, render_hour, report_file
from demo.played import compute, play, ticks, write_report
from demo.settings import PLAYED, Lake, hour_to_play
from rich.console import Console, RenderableType
from tests.lake.conftest import MemoryStore

from twitch_provider.metrics import ddl

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")

HOUR = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    """A lake with an hour of a small world."""
    store = MemoryStore()
    with mock.patch.dict(os.environ):
        play(store, HOUR, streams=120)
    compute(store, HOUR)
    return store


@pytest.fixture(scope="module")
def hour(store: MemoryStore) -> Hour:
    return read_hour(store.get, HOUR)


def printed(renderable: RenderableType) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(renderable, soft_wrap=not hasattr(renderable, "renderables"))
    return capture.get()


def test_two_ticks_in_a_row_are_missing_and_one_is_late() -> None:
    played = [*ticks(HOUR)]
    assert len(played) == 13
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(played)]
    assert sorted(gaps)[-2:] == [timedelta(minutes=5), timedelta(minutes=15)]
    late = [tick for tick, instant in played if instant - tick > timedelta(seconds=60)]
    assert late == [HOUR + timedelta(minutes=40)]


def test_the_day_that_is_played_is_over() -> None:
    for now in (datetime(2026, 11, 23, 0, 5, tzinfo=UTC), datetime(2026, 11, 23, 23, 55, tzinfo=UTC)):
        days = {tick.date() for tick, _ in ticks(hour_to_play(now))}
        assert days == {now.date() - timedelta(days=1)}


def test_coverage_says_what_is_missing(hour: Hour) -> None:
    assert hour.coverage == pytest.approx(3300 / 3600, abs=0.002)
    assert (hour.site["samples"], hour.missing, hour.late) == (10, 2, 1)
    assert "91.7%: 10 snapshots, 2 ticks missing, 1 late; 300 s are not covered" in printed(render_hour(hour))


def test_shows_hours_watched_and_how_games_change(hour: Hour) -> None:
    text = printed(render_hour(hour))
    assert f"{hour.site['viewer_seconds'] / 3600:,.0f}, in the time that snapshots cover" in text
    top = hour.games[0]
    assert top["viewer_seconds"] == max(row["viewer_seconds"] for row in hour.tables["games_hour"])
    sampled = [row["viewers"] for row in hour.tables["games_snapshot"] if row["game_id"] == top["game_id"]]
    assert (top["first"], top["last"]) == (sampled[0], sampled[-1])
    assert f"{top['first']:,} → {top['last']:,}" in text
    assert "SIMULATED" in text


def test_says_where_the_parquet_lies(hour: Hour, store: MemoryStore, local_lake: Lake) -> None:
    paths = printed(hour_files(hour, local_lake)).split("\n")[1:4]
    start = f"{local_lake.where('')}/"
    keys = [path.strip().removeprefix(start) for path in paths]
    assert {*keys[:2]} <= store.objects.keys()
    assert keys[2] == f"{PLAYED}/metrics"


def test_the_command_that_is_printed_makes_what_the_ten_questions_read(
    hour: Hour, store: MemoryStore, local_lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    import duckdb

    for key, body in store.objects.items():
        path = Path(local_lake.where(key))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    text = printed(hour_files(hour, local_lake))
    (command,) = re.findall(r"-m twitch_provider\.metrics\.ddl (.*) > metrics", text)
    ddl.main(command.split())
    with duckdb.connect(":memory:", config={"threads": 1}) as lake:
        lake.execute(capsys.readouterr().out)
        found = lake.sql("SELECT samples, missing FROM site_by_day JOIN completeness USING (scope, day)")
        assert found.fetchall() == [(13, 288 - 13)]


def test_ends_with_the_path_of_a_report_of_the_hour(hour: Hour, store: MemoryStore, local_lake: Lake) -> None:
    write_report(store, HOUR)
    path = printed(report_file(HOUR, local_lake)).rstrip("\n").split("\n")[-1]
    document = store.objects[path.removeprefix(f"{local_lake.where('')}/")].decode()
    assert "<title>SIMULATED Twitch: an hour, 2026-11-23 12:00 UTC</title>" in document
    found = re.search(r'id="overview">(.*?)</script>', document)
    assert found
    (scope,) = json.loads(found[1])["scopes"]
    assert scope["health"]["gaps"] == [["2026-11-23T12:25:02Z", "2026-11-23T12:30:02Z"]]
    assert scope["snapshots"]["rows"][-1][0] == (HOUR + timedelta(minutes=65, seconds=2)).timestamp()
    assert [row[0] for row in scope["games"]["rows"][:3]] == [row["game_id"] for row in hour.games[:3]]
    assert scope["movers"]["basis"]


def test_an_hour_without_metrics_is_an_error() -> None:
    with pytest.raises(DemoError, match=r"^No metrics were published for 12:00 UTC"):
        read_hour(MemoryStore().get, HOUR)
