# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ast
import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.csv import csv_bytes
from twitch_provider.lake.raw_lines import RawObject, load_pages
from twitch_provider.lake.raw_pages import RawPage
from twitch_provider.lake.top_games import game_ids, transform

Make = Callable[..., Any]


@pytest.fixture
def snapshot(page: Make, game: Make, stream: Make) -> list[RawPage]:
    """Two games; the second one's streams continue beyond the pages that were asked for."""
    return [
        page("games/top", [game(id="a"), game(id="b")], params=[("first", "2")], cursor="more"),
        page(
            "streams", [stream(id="1", game_id="a", viewer_count=30)], params=[("game_id", "a")], cursor="x"
        ),
        page("streams", [stream(id="2", game_id="a", viewer_count=0)], params=[("game_id", "a")]),
        page(
            "streams", [stream(id="3", game_id="b", viewer_count=60)], params=[("game_id", "b")], cursor="y"
        ),
        page(
            "streams",
            [stream(id="4", game_id="other", viewer_count=500)],
            params=[("game_id", "b")],
            cursor="z",
        ),
    ]


def test_asks_for_each_valid_game_once(page: Make, game: Make) -> None:
    top = [page("games/top", [game(id="b"), game(id=7), game(id="a"), None, game(id="b"), game(id="")])]
    assert game_ids(top) == ["b", "a"]


def test_totals_of_each_game(snapshot: list[RawPage], run_after: datetime) -> None:
    games = transform(snapshot, run_after=run_after)["top_games"].table
    assert games["streams_seen"].to_pylist() == [2, 1]
    assert games["viewers_seen"].to_pylist() == [30, 60]
    assert games["viewers_share"].to_pylist() == [0.333333, 0.666667]


def test_totals_do_not_wrap_around(
    snapshot: list[RawPage], page: Make, stream: Make, run_after: datetime
) -> None:
    params = [("game_id", "b")]
    most = page("streams", [stream(id="5", game_id="b", viewer_count=2**63 - 591)], params=params)
    games = transform([*snapshot, most], run_after=run_after)["top_games"].table
    assert games["viewers_seen"].to_pylist() == [30, 2**63 - 531]
    assert games["viewers_share"].to_pylist() == [0, 1]
    one_more = page("streams", [stream(id="6", game_id="b", viewer_count=1)], params=params)
    with pytest.raises(TwitchDataError, match="more viewers together than 64 bits can hold"):
        transform([*snapshot, most, one_more], run_after=run_after)


def test_capped_where_the_last_page_had_a_cursor(snapshot: list[RawPage], run_after: datetime) -> None:
    games = transform(snapshot, run_after=run_after)["top_games"].table
    assert games["capped"].to_pylist() == [False, True]


def test_streams_carry_the_rank_of_their_game(snapshot: list[RawPage], run_after: datetime) -> None:
    streams = transform(snapshot, run_after=run_after)["top_streams"].table
    assert streams["game_rank"].to_pylist() == [1, 1, 2, None]


def test_a_game_without_streams_counts_nothing(page: Make, game: Make, run_after: datetime) -> None:
    pages = [page("games/top", [game(id="a")]), page("streams", [], params=[("game_id", "a")])]
    tables = transform(pages, run_after=run_after)
    (row,) = (
        tables["top_games"]
        .table.select(["streams_seen", "viewers_seen", "viewers_share", "capped"])
        .to_pylist()
    )
    assert row == {"streams_seen": 0, "viewers_seen": 0, "viewers_share": 0.0, "capped": False}
    assert tables["top_streams"].table.num_rows == 0


def test_games_are_required(page: Make, game: Make, run_after: datetime) -> None:
    for pages in (
        [],
        [page("games/top", [])],
        [page("games/top", [game()])],
        [page("games/top", [game(id=7)])],
    ):
        with pytest.raises(TwitchDataError, match="no top game whose streams could be read"):
            transform(pages, run_after=run_after)


@pytest.fixture(scope="session")
def capture(page: Make, recorded: Path) -> list[RawPage]:
    """A real capture, as 21 pages: 20 games and 392 streams of 2024-07-17."""
    with (recorded / "seed" / "games_data.csv").open(newline="") as file:
        games = list(csv.DictReader(file))
    with (recorded / "seed" / "streams_data.csv").open(newline="") as file:
        streams = [
            row
            | {
                "viewer_count": int(row["viewer_count"]),
                "is_mature": row["is_mature"] == "True",
                "tags": ast.literal_eval(row["tags"] or "None"),
                "tag_ids": ast.literal_eval(row["tag_ids"]),
            }
            for row in csv.DictReader(file)
        ]
    at = datetime(2024, 7, 17, 14, 5, 3, tzinfo=UTC)
    listings = [
        page(
            "streams",
            [row for row in streams if row["game_id"] == game["id"]],
            params=[("game_id", game["id"])],
            answered_at=at,
        )
        for game in games
    ]
    return [page("games/top", games, answered_at=at), *listings]


def test_capture_comes_out_whole(capture: list[RawPage]) -> None:
    tables = transform(capture, run_after=datetime(2024, 7, 17, 14, 5, tzinfo=UTC))
    games, streams = (
        tables[name].schema.to_frame(tables[name].table) for name in ("top_games", "top_streams")
    )
    assert (len(games), len(streams)) == (20, 392)
    assert streams["viewer_count"].sum() == games["viewers_seen"].sum() == 701_497
    assert streams["language"].nunique() == 16
    assert streams["is_mature"].sum() == 73
    first = games.sort_values("viewers_seen", ascending=False).iloc[0]
    assert (first["name"], round(first["viewers_share"], 4)) == ("Counter-Strike", 0.1747)
    assert games["rank"].tolist() == list(range(1, 21))
    assert not tables["top_streams"].rejected


def test_capture_gives_the_same_bytes_from_the_same_raw_object(capture: list[RawPage], header: Make) -> None:
    raw = RawObject.of(capture, header()).body
    runs = [transform(load_pages(raw), run_after=datetime(2024, 7, 17, 14, 5, tzinfo=UTC)) for _ in range(2)]
    first, second = [[csv_bytes(table.table, table.schema) for table in run.values()] for run in runs]
    assert first == second
