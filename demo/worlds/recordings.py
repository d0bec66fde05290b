# SPDX-License-Identifier: Apache-2.0
"""Captures on disk: the two CSV files of a hand-written ETL, or recorded Helix answers.

Several recorded lists, taken minutes apart, make a world that moves: the list served is the last one recorded
up to the world's present instant.
"""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.testing.captured import CapturedWorld, viewers
from twitch_provider.testing.world import Channel, Row, Snapshot

_EXPECTED = (
    "expected a folder with games_data.csv and streams_data.csv, or recorded Helix answers "
    "(a .json file with one page of streams, or a folder of such files)"
)

#: When a page was recorded, if its name tells: a Unix epoch in milliseconds or seconds, or a month.
_EPOCH = re.compile(r"(?<!\d)(1\d{12}|1\d{9})(?!\d)")
_MONTH = re.compile(r"(?<!\d)(20\d\d)-(0[1-9]|1[0-2])(?!\d)")
#: Top games recorded further away than this from the streams do not rank them.
_TOGETHER = timedelta(days=31)

#: When rows were recorded, if that is known, and the rows.
_Taken = tuple[datetime | None, list[Row]]


class RecordedWorld:
    """Several captures of one Twitch, each served from its instant on.

    :param captures: at least one
    :param about: what it is, in a sentence
    """

    def __init__(self, captures: Sequence[CapturedWorld], about: str) -> None:
        self.about = about
        self._captures = sorted(captures, key=lambda capture: capture.starts_at)
        self.starts_at = self._captures[0].starts_at

    def at(self, now: datetime) -> Snapshot:
        """The capture that was taken last, up to this instant."""
        return self._current(now).at(now)

    def channels(self, now: datetime, ids: Collection[str], logins: Collection[str]) -> Sequence[Channel]:
        """The broadcasters who are live at that instant."""
        return self._current(now).channels(now, ids, logins)

    def _current(self, now: datetime) -> CapturedWorld:
        past = [capture for capture in self._captures if capture.starts_at <= now]
        return past[-1] if past else self._captures[0]


def read_dataset(path: str | Path) -> RecordedWorld:
    """Read a capture.

    :param path: a folder with ``games_data.csv`` and ``streams_data.csv``; a recorded page of streams
        (``.json``); a folder of recorded pages with perhaps one of top games; or a pattern such as
        ``helix/*.json``
    :raises TwitchConfigError: nothing was found, or it is not what is expected: the message says what is
    """
    path = Path(path).expanduser()
    try:
        return _read(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TwitchConfigError(f"The dataset {path} cannot be served: {reason}; {_EXPECTED}.") from error


def _read(path: Path) -> RecordedWorld:
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
    """Parse a list as Python or JSON writes it, ``['Español', 'IRL']``; an empty cell is null."""
    if not cell:
        return None
    try:
        value = ast.literal_eval(cell)
    except SyntaxError:
        value = None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("not a list of strings")
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


def _tables(path: Path, games: Path, streams: Path) -> RecordedWorld:
    game_rows, stream_rows = _table(games, _GAME_COLUMNS), _table(streams, _STREAM_COLUMNS)
    return _world(path, [(None, stream_rows)], game_rows)


def _table(path: Path, columns: Mapping[str, _Column]) -> list[Row]:
    if not path.exists():
        raise ValueError(f"{path.name} is missing")
    with path.open(encoding="utf-8-sig", newline="") as file:
        # Strict: else a quote that is never closed takes the rest of the file into one value.
        reader = csv.DictReader(file, strict=True)
        try:
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"{path.name} has no column {', '.join(missing)}")
            return [_typed(row, columns, f"{path.name}, line {reader.line_num}") for row in reader]
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{path.name} is not a CSV file in UTF-8") from error


def _typed(row: Mapping[str, str | None], columns: Mapping[str, _Column], where: str) -> Row:
    if None in row:  # where the reader keeps what stands beyond the last column
        raise ValueError(f"{where}: it has more values than there are columns")
    typed = {}
    for name, column in columns.items():
        try:
            typed[name] = column(row[name] or "")
        except (KeyError, ValueError):
            raise ValueError(f"{where}: {name} cannot be read") from None
    return typed


# --- recorded answers ------------------------------------------------------------------------------------


def _recorded(path: Path, files: Sequence[Path]) -> RecordedWorld:
    if not files:
        raise ValueError("it holds neither CSV nor JSON files")
    pages = [(_taken_at(file), _rows(file)) for file in files]
    streams = [(taken_at, rows) for taken_at, rows in pages if _is_streams(rows)]
    tops = [(taken_at, rows) for taken_at, rows in pages if rows and not _is_streams(rows)]
    lists = _lists(streams) or [(taken_at, []) for taken_at, _ in tops[:1]]
    starts = [capture.starts_at for capture in _captures(lists, None)]
    games = [
        row
        for taken_at, rows in tops
        if taken_at is None or any(abs(taken_at - start) <= _TOGETHER for start in starts)
        for row in rows
    ]
    return _world(path, lists, games or None)


def _rows(file: Path) -> list[Row]:
    try:
        answer = json.loads(file.read_bytes())
    except ValueError:
        raise ValueError(f"{file.name} is not JSON") from None
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
        raise ValueError(f'{file.name} is not an answer of Helix: it has no "data" with rows')
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


def _lists(pages: Sequence[_Taken]) -> list[_Taken]:
    """Join the pages of one list; a page that begins with more viewers than the last ended starts another."""
    lists: list[_Taken] = []
    for taken_at, rows in pages:
        if lists and _continues(lists[-1][1], rows):
            lists[-1][1].extend(rows)
        else:
            lists.append((taken_at, list(rows)))
    return lists


def _continues(rows: Sequence[Row], following: Sequence[Row]) -> bool:
    last, first = viewers(rows[-1]), viewers(following[0])
    return last is not None and first is not None and first <= last


def _captures(lists: Sequence[_Taken], games: Sequence[Row] | None) -> list[CapturedWorld]:
    if not any(taken_at or rows for taken_at, rows in lists):
        raise ValueError("it holds no streams")
    return [CapturedWorld(rows, games, taken_at=taken_at) for taken_at, rows in lists]


def _world(path: Path, lists: Sequence[_Taken], games: Sequence[Row] | None) -> RecordedWorld:
    captures = _captures(lists, games)
    streams = sum(len(rows) for _, rows in lists)
    count = "" if len(lists) == 1 else f" in {len(lists)} lists"
    listed = f"{len(games)} games and " if games is not None else ""
    first = min(capture.starts_at for capture in captures)
    about = f"the capture {path}: {listed}{streams} streams{count}, taken at {first:%Y-%m-%d %H:%M:%S} UTC"
    return RecordedWorld(captures, about)
