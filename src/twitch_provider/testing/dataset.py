# SPDX-License-Identifier: Apache-2.0
"""Reading a dataset from disk: the two CSV files of a hand-written ETL, or recorded Helix answers."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.testing.capture import CapturedWorld, Recording, viewers
from twitch_provider.testing.world import Row

_EXPECTED = (
    "expected a folder with games_data.csv and streams_data.csv, or recorded Helix answers "
    "(a .json file with one page of streams, or a folder of such files)"
)

#: When a page was recorded, if its name tells: a Unix epoch in milliseconds or seconds, or a month.
_EPOCH = re.compile(r"(?<!\d)(1\d{12}|1\d{9})(?!\d)")
_MONTH = re.compile(r"(?<!\d)(20\d\d)-(0[1-9]|1[0-2])(?!\d)")
#: Top games recorded further away than this from the streams do not rank them.
_TOGETHER = timedelta(days=31)


def read_dataset(path: str | Path) -> CapturedWorld:
    """Read a capture.

    :param path: a folder with ``games_data.csv`` and ``streams_data.csv``; a recorded page of streams
        (``.json``); a folder of recorded pages with perhaps one of top games; or a pattern such as
        ``helix/*.json``
    :raises TwitchConfigError: there is none, or it is not what is expected: the sentence says what is
    """
    path = Path(path).expanduser()
    try:
        return _read(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TwitchConfigError(f"The dataset {path} cannot be served: {reason}; {_EXPECTED}.") from error


def _read(path: Path) -> CapturedWorld:
    if "*" in path.name:
        return _recorded(path, sorted(path.parent.glob(path.name)))
    if not path.exists():
        raise ValueError("there is no such file or folder")
    if path.is_file():
        return _recorded(path, [path])
    games, streams = path / "games_data.csv", path / "streams_data.csv"
    if games.exists() or streams.exists():
        return _tables(path, games, streams)
    return _recorded(path, sorted(path.glob("*.json")))


# --- two CSV files ---------------------------------------------------------------------------------------


def _texts(cell: str) -> list[str] | None:
    """A list as Python or JSON writes it: ``['Español', 'IRL']``; an empty cell is a null."""
    if not cell:
        return None
    try:
        value = ast.literal_eval(cell)
    except SyntaxError:
        value = None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("not a list of texts")
    return value


def _flag(cell: str) -> bool:
    return {"true": True, "false": False}[cell.lower()]


_Column = Callable[[str], Any]
_GAME_COLUMNS: Mapping[str, _Column] = dict.fromkeys(("id", "name", "box_art_url", "igdb_id"), str)
#: In Helix's order: https://dev.twitch.tv/docs/api/reference#get-streams
_STREAM_COLUMNS: Mapping[str, _Column] = {
    **dict.fromkeys(
        ("id", "user_id", "user_login", "user_name", "game_id", "game_name", "type", "title"), str
    ),
    "viewer_count": int,
    **dict.fromkeys(("started_at", "language", "thumbnail_url"), str),
    "tag_ids": _texts,
    "tags": _texts,
    "is_mature": _flag,
}


def _tables(path: Path, games: Path, streams: Path) -> CapturedWorld:
    game_rows, stream_rows = _table(games, _GAME_COLUMNS), _table(streams, _STREAM_COLUMNS)
    return _world(path, [Recording(stream_rows)], game_rows)


def _table(path: Path, columns: Mapping[str, _Column]) -> list[Row]:
    if not path.exists():
        raise ValueError(f"{path.name} is missing")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"{path.name} has no column {', '.join(missing)}")
            return [_typed(row, columns, f"{path.name}, line {reader.line_num}") for row in reader]
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{path.name} is no CSV file in UTF-8") from error


def _typed(row: Mapping[str, str | None], columns: Mapping[str, _Column], where: str) -> Row:
    typed = {}
    for name, column in columns.items():
        try:
            typed[name] = column(row[name] or "")
        except (KeyError, ValueError):
            raise ValueError(f"{where}: {name} cannot be read") from None
    return typed


# --- recorded answers ------------------------------------------------------------------------------------


def _recorded(path: Path, files: Sequence[Path]) -> CapturedWorld:
    if not files:
        raise ValueError("it holds neither CSV nor JSON files")
    pages = [(_taken_at(file), _rows(file)) for file in files]
    streams = [(taken_at, rows) for taken_at, rows in pages if _is_streams(rows)]
    tops = [(taken_at, rows) for taken_at, rows in pages if rows and not _is_streams(rows)]
    recordings = _lists(streams) or [Recording((), taken_at) for taken_at, _ in tops[:1]]
    games = [
        row
        for taken_at, rows in tops
        if taken_at is None or any(abs(taken_at - each.instant) <= _TOGETHER for each in recordings)
        for row in rows
    ]
    return _world(path, recordings, games or None)


def _rows(file: Path) -> list[Row]:
    try:
        answer = json.loads(file.read_bytes())
    except ValueError:
        raise ValueError(f"{file.name} is not JSON") from None
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
        raise ValueError(f'{file.name} is no answer of Helix: it has no "data" with rows')
    if not all("user_id" in row or "box_art_url" in row for row in rows):
        raise ValueError(f"{file.name} holds neither streams nor games")
    return rows


def _is_streams(rows: Sequence[Row]) -> bool:
    return bool(rows) and "user_id" in rows[0]


def _taken_at(file: Path) -> datetime | None:
    if match := _EPOCH.search(file.stem):
        digits = match.group()
        return datetime.fromtimestamp(int(digits) / (1000 if len(digits) == 13 else 1), UTC)
    if match := _MONTH.search(file.stem):
        return datetime(int(match[1]), int(match[2]), 1, tzinfo=UTC)
    return None


def _lists(pages: Sequence[tuple[datetime | None, Sequence[Row]]]) -> list[Recording]:
    """Join the pages of one walk; one that begins with more viewers than the last ended starts anew."""
    lists: list[tuple[datetime | None, list[Row]]] = []
    for taken_at, rows in pages:
        if lists and _continues(lists[-1][1], rows):
            lists[-1][1].extend(rows)
        else:
            lists.append((taken_at, list(rows)))
    return [Recording(rows, taken_at) for taken_at, rows in lists]


def _continues(rows: Sequence[Row], following: Sequence[Row]) -> bool:
    last, first = viewers(rows[-1]), viewers(following[0])
    return last is not None and first is not None and first <= last


def _world(path: Path, recordings: Sequence[Recording], games: Sequence[Row] | None) -> CapturedWorld:
    streams = sum(len(recording.rows) for recording in recordings)
    if not streams and not any(recording.taken_at for recording in recordings):
        raise ValueError("it holds no streams")
    lists = "" if len(recordings) == 1 else f" in {len(recordings)} lists"
    listed = f"{len(games)} games and " if games is not None else ""
    taken_at = min(recording.instant for recording in recordings)
    about = f"the capture {path}: {listed}{streams} streams{lists}, taken at {taken_at:%Y-%m-%d %H:%M:%S} UTC"
    return CapturedWorld(recordings, games, about)
