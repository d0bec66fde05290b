# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from demo.worlds.recordings import read_dataset
from tests.testing.client import Client

from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.testing import Simulator

#: Real answers and captures, which lie beside the checkout where there are any.
CAPTURES = Path(__file__).parents[2].parent / "shared" / "data"

GAMES = "id,name,box_art_url,igdb_id\n1,One,https://x/1.jpg,\n2,Two,https://x/2.jpg,115\n"
HEADER = (
    "id,user_id,user_login,user_name,game_id,game_name,type,title,viewer_count,started_at,language,"
    "thumbnail_url,tag_ids,tags,is_mature\n"
)
STREAM = (
    '10,20,mira,Mira,1,One,live,"a, ""b""\nc",4109,2024-07-17T11:02:20Z,ru,https://x/t.jpg,[],'
    "\"['Русский', 'it''s']\",True\n"
)
ROW = {"id": "1", "user_id": "2", "viewer_count": 5, "started_at": "2024-07-17T11:02:20Z", "game_id": "3"}


def tables(folder: Path, games: str | None = GAMES, streams: str | None = HEADER + STREAM) -> Path:
    for name, text in (("games_data.csv", games), ("streams_data.csv", streams)):
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def recorded(file: Path, *rows: Any) -> Path:
    file.write_text(json.dumps({"data": rows, "pagination": {}}), encoding="utf-8")
    return file


def served(path: Path) -> list[Any]:
    world = read_dataset(path)
    return [stream.row for stream in world.at(world.starts_at).streams]


def test_csv_cells_become_the_types_of_helix(tmp_path: Path) -> None:
    world = read_dataset(tables(tmp_path))
    snapshot = world.at(world.starts_at)
    assert [game.row["igdb_id"] for game in snapshot.games] == ["", "115"]
    [stream] = snapshot.streams
    assert stream.row == {
        "id": "10",
        "user_id": "20",
        "user_login": "mira",
        "user_name": "Mira",
        "game_id": "1",
        "game_name": "One",
        "type": "live",
        "title": 'a, "b"\nc',
        "viewer_count": 4109,
        "started_at": "2024-07-17T11:02:20Z",
        "language": "ru",
        "thumbnail_url": "https://x/t.jpg",
        "tag_ids": [],
        "tags": ["Русский", "its"],
        "is_mature": True,
    }


def test_csv_with_json_lists_and_lower_case_booleans_is_read_too(tmp_path: Path) -> None:
    stream = '10,20,a,A,1,One,live,t,5,2024-07-17T11:02:20Z,ru,u,,"[""x""]",false\n'
    [row] = served(tables(tmp_path, streams=HEADER + stream))
    assert (row["tag_ids"], row["tags"], row["is_mature"]) == (None, ["x"], False)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "10,20,a,A,1,One,live,t,5,2024-07-17T11:02:20Z,ru,u,[],[],False,beyond\n",
            "line 2: it has more values",
        ),
        ("10,20,a,A,1,One,live,an, unquoted comma,5,2024-07-17T11:02:20Z,ru,u,[],[],False\n", "more values"),
        ("10,20,a,A,1,One,live,t,5,2024-07-17T11:02:20Z,ru,u,[],[]\n", "line 2: is_mature cannot be read"),
        ('10,20,a,A,1,One,live,"t,5,2024-07-17T11:02:20Z,ru,u,[],[],False\n', "not a CSV file"),
        ('10,20,a,A,1,One,live,"t"t,5,2024-07-17T11:02:20Z,ru,u,[],[],False\n', "not a CSV file"),
    ],
)
def test_a_line_that_does_not_fit_the_columns_is_an_error(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(TwitchConfigError, match=f"streams_data.csv.*{reason}"):
        read_dataset(tables(tmp_path, streams=HEADER + line))


def test_says_what_it_serves(tmp_path: Path) -> None:
    about = read_dataset(tables(tmp_path)).about
    assert about == f"the capture {tmp_path}: 2 games and 1 streams, taken at 2024-07-17 11:07:20 UTC"


def test_a_recorded_page_alone_is_a_world(tmp_path: Path) -> None:
    world = read_dataset(recorded(tmp_path / "page.json", ROW))
    assert [game.row["id"] for game in world.at(world.starts_at).games] == ["3"]


@pytest.mark.parametrize("name", ["s_1695574829212.json", "streams-1695574829.json"])
def test_a_page_was_taken_when_its_name_says(tmp_path: Path, name: str) -> None:
    world = read_dataset(recorded(tmp_path / name, ROW))
    assert f"{world.starts_at:%Y-%m-%d %H:%M:%S}" == "2023-09-24 17:00:29"


def test_pages_of_one_reading_are_one_list(tmp_path: Path) -> None:
    recorded(tmp_path / "s_1695574829000.json", {**ROW, "id": "a"}, {**ROW, "id": "b", "viewer_count": 3})
    recorded(tmp_path / "s_1695574830000.json", {**ROW, "id": "c", "viewer_count": 3})
    assert [row["id"] for row in served(tmp_path)] == ["a", "b", "c"]


def test_a_page_that_begins_with_more_viewers_starts_another_list(tmp_path: Path) -> None:
    recorded(tmp_path / "s_1695574829000.json", {**ROW, "id": "a"})
    recorded(tmp_path / "s_1695574830000.json", {**ROW, "id": "b", "viewer_count": 6})
    assert [row["id"] for row in served(tmp_path)] == ["a"]
    assert "2 streams in 2 lists" in read_dataset(tmp_path).about


def test_moves_on_to_the_list_taken_next(tmp_path: Path) -> None:
    recorded(tmp_path / "s_1695574829000.json", {**ROW, "id": "a"})
    recorded(tmp_path / "s_1695575129000.json", {**ROW, "id": "b", "viewer_count": 6})
    client = Client(Simulator(read_dataset(tmp_path), clock=lambda: 0.0))
    assert [row["id"] for row in client.data("streams")] == ["a"]
    client.simulator.advance(299)
    assert [row["id"] for row in client.data("streams")] == ["a"]
    client.simulator.advance(1)
    assert [row["id"] for row in client.data("streams")] == ["b"]
    assert client.data("users?id=2")[0]["id"] == "2"


TOP = {"id": "9", "name": "Chess", "box_art_url": "…", "igdb_id": ""}


def test_top_games_recorded_with_the_streams_rank_them(tmp_path: Path) -> None:
    recorded(tmp_path / "s_1695574829212.json", ROW)
    recorded(tmp_path / "games_top_2023-09.json", TOP)
    world = read_dataset(tmp_path)
    assert [game.row["id"] for game in world.at(world.starts_at).games] == ["9"]


def test_top_games_recorded_years_before_the_streams_do_not_rank_them(tmp_path: Path) -> None:
    recorded(tmp_path / "s_1695574829212.json", ROW)
    recorded(tmp_path / "games_top_2021-07.json", TOP)
    world = read_dataset(tmp_path)
    assert [game.row["id"] for game in world.at(world.starts_at).games] == ["3"]


def test_top_games_alone_are_a_world_without_streams(tmp_path: Path) -> None:
    world = read_dataset(recorded(tmp_path / "games_top_2021-07.json", TOP))
    assert f"{world.starts_at:%Y-%m-%d}" == "2021-07-01"
    assert [game.row["id"] for game in world.at(world.starts_at).games] == ["9"]
    assert not world.at(world.starts_at).streams


def test_a_pattern_names_recorded_pages(tmp_path: Path) -> None:
    recorded(tmp_path / "s_1.json", ROW)
    (tmp_path / "notes.json").write_text("[]")
    assert len(served(tmp_path / "s_*.json")) == 1


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda folder: folder / "absent", "there is no such file or folder"),
        (lambda folder: folder, "it holds neither CSV nor JSON files"),
        (lambda folder: folder / "*.json", "it holds neither CSV nor JSON files"),
        (lambda folder: tables(folder, games=None), "games_data.csv is missing"),
        (lambda folder: tables(folder, streams=None), "streams_data.csv is missing"),
        (lambda folder: tables(folder, games="a,b\n1,2\n"), "games_data.csv has no column id, name"),
        (lambda folder: tables(folder, streams=""), "streams_data.csv has no column id, user_id"),
        (lambda folder: tables(folder, streams=HEADER), "it holds no streams"),
        (
            lambda folder: tables(folder, streams=HEADER + STREAM.replace("4109", "many")),
            "streams_data.csv, line 3: viewer_count cannot be read",
        ),
        (
            lambda folder: tables(folder, streams=HEADER + STREAM.replace("[],", "[1],")),
            "streams_data.csv, line 3: tag_ids cannot be read",
        ),
        (
            lambda folder: tables(folder, streams=HEADER + STREAM.replace("[],", "[x y],")),
            "streams_data.csv, line 3: tag_ids cannot be read",
        ),
        (
            lambda folder: tables(folder, streams=HEADER + STREAM.replace("True", "perhaps")),
            "streams_data.csv, line 3: is_mature cannot be read",
        ),
        (lambda folder: tables(folder, streams=HEADER + "1,2\n"), "viewer_count cannot be read"),
        (
            lambda folder: tables(folder, streams=HEADER + STREAM.replace("2024-07-17T", "yesterday ")),
            "no stream has a started_at",
        ),
        (lambda folder: recorded(folder / "x.json"), "it holds no streams"),
        (
            lambda folder: recorded(folder / "x.json", {"id": "1", "name": "x"}),
            "holds neither streams nor games",
        ),
        (lambda folder: recorded(folder / "x.json", "text"), "not an answer of Helix"),
    ],
)
def test_says_in_one_sentence_what_is_wrong(
    tmp_path: Path, build: Callable[[Path], Path], reason: str
) -> None:
    with pytest.raises(TwitchConfigError) as caught:
        read_dataset(build(tmp_path))
    sentence = str(caught.value)
    assert reason in sentence
    assert "expected a folder with games_data.csv and streams_data.csv" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"data": null}', "\xff"])
def test_refuses_a_file_that_is_not_a_recorded_answer(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(TwitchConfigError, match=r"x\.json is not"):
        read_dataset(file)


def test_refuses_a_table_that_is_not_utf8(tmp_path: Path) -> None:
    (tables(tmp_path) / "games_data.csv").write_bytes(b"id,name,box_art_url,igdb_id\n1,\xff,x,\n")
    with pytest.raises(TwitchConfigError, match=r"games_data\.csv is not a CSV file in UTF-8"):
        read_dataset(tmp_path)


def client_of(name: str) -> Client:
    if not CAPTURES.is_dir():
        pytest.skip(f"no real captures: {CAPTURES} is absent")
    return Client(Simulator(read_dataset(CAPTURES / name), clock=lambda: 0.0))


def test_the_seed_capture_is_served_whole() -> None:
    client = client_of("seed")
    games = client.data("games/top?first=20")
    rows = [row for game in games for row in client.rows(f"streams?first=100&game_id={game['id']}")]
    assert (len(games), len(rows)) == (20, 392)
    assert sum(row["viewer_count"] for row in rows) == 701_497
    assert len({row["language"] for row in rows}) == 16
    assert sum(row["is_mature"] for row in rows) == 73
    assert client.simulator.now.date().isoformat() == "2024-07-17"


def test_the_recorded_answers_are_served_as_they_are() -> None:
    client = client_of("helix")
    pages = [json.loads(file.read_bytes())["data"] for file in sorted((CAPTURES / "helix").glob("s_*.json"))]
    # The top games of the folder are two years older than its streams, which rank their own.
    assert "518203" in {game["id"] for game in client.data("games/top?first=20")}
    assert client.rows("streams?first=100") == pages[0]
    assert pages[0][0]["viewer_count"] == [98688, 999, 342, 234]
    client.simulator.advance(300)
    assert client.rows("streams?first=100") == pages[1]
