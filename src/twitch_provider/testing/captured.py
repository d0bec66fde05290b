# SPDX-License-Identifier: Apache-2.0
"""Captured worlds: rows as Helix answered them once, or as a test writes them, served at their own date."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from twitch_provider.testing.world import Channel, Entry, Filters, Keys, Row, Snapshot

#: Without ``taken_at``: a new stream is in the list a few minutes after its start.
_AFTER_LATEST_START = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _CapturedStream:
    """A row at its place in the list, served exactly as given."""

    score: float
    row: Row
    keys: Keys


class CapturedWorld:
    """Live streams that stay as they are, served row by row as given.

    :param streams: rows of Get Streams; the list served is sorted by ``viewer_count``
    :param games: rows of Get Top Games, best first; None ranks the streams' games by their viewers
    :param taken_at: the instant (aware) they were live; None takes five minutes after the latest
        ``started_at``
    :param about: what it is, in a sentence
    :raises ValueError: ``taken_at`` is None, and no stream has a valid ``started_at``
    """

    def __init__(
        self,
        streams: Sequence[Row],
        games: Sequence[Row] | None = None,
        *,
        taken_at: datetime | None = None,
        about: str = "a captured Twitch",
    ) -> None:
        self.about = about
        self.starts_at = taken_at or _after_the_latest_start(streams)
        self._snapshot = _snapshot(streams, games)

    def at(self, now: datetime) -> Snapshot:
        """Everything that was live.

        :param now: any instant; all look the same
        """
        return self._snapshot

    def channels(self, now: datetime, ids: Collection[str], logins: Collection[str]) -> Sequence[Channel]:
        """The broadcasters who are live: a capture does not know others.

        :param now: any instant
        :param ids: of broadcasters
        :param logins: in lower case
        """
        filters = Filters(user_ids=frozenset(ids), user_logins=frozenset(logins))
        found = self._snapshot.select(filters) if ids or logins else ()
        return list({stream.keys.user_id: _channel(stream.row) for stream in found}.values())


def viewers(row: Row) -> int | None:
    """The row's ``viewer_count`` if it is a number: a recorded row may hold anything.

    :param row: of Get Streams
    """
    count = row.get("viewer_count")
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def _snapshot(rows: Sequence[Row], games: Sequence[Row] | None) -> Snapshot:
    derived = _games_of(rows)
    listed = derived if games is None else games
    return Snapshot(
        games=[Entry(float(len(listed) - rank), row) for rank, row in enumerate(listed)],
        streams=_in_order(rows),
        other_games=[] if games is None else derived,
        open_ended=True,
    )


def _in_order(rows: Sequence[Row]) -> list[_CapturedStream]:
    """Sort by viewers, equals in the order given; a row without a number stays beside its neighbour."""
    counts = [viewers(row) for row in rows]
    neighbour = next((count for count in counts if count is not None), 0)
    streams = []
    for place, (row, count) in enumerate(zip(rows, counts, strict=True)):
        neighbour = neighbour if count is None else count
        keys = Keys(*(_text(row, name) for name in Keys._fields))
        streams.append(_CapturedStream(neighbour + 1 - (place + 1) / (len(rows) + 1), row, keys))
    return sorted(streams, key=lambda stream: -stream.score)


def _games_of(rows: Iterable[Row]) -> list[Row]:
    """The games of these streams by viewers, in the shape of Get Top Games."""
    names: dict[str, str] = {}
    totals: dict[str, int] = {}
    for row in rows:
        if game_id := _text(row, "game_id"):
            names.setdefault(game_id, _text(row, "game_name"))
            totals[game_id] = totals.get(game_id, 0) + (viewers(row) or 0)
    box_art = "https://static-cdn.jtvnw.net/ttv-boxart"
    return [
        {
            "id": game_id,
            "name": names[game_id],
            "box_art_url": f"{box_art}/{game_id}-{{width}}x{{height}}.jpg",
            "igdb_id": "",
        }
        for game_id in sorted(totals, key=lambda game_id: -totals[game_id])
    ]


def _channel(row: Row) -> Channel:
    tags = row.get("tags")
    return Channel(
        user_id=_text(row, "user_id"),
        login=_text(row, "user_login"),
        name=_text(row, "user_name"),
        language=_text(row, "language"),
        game_id=_text(row, "game_id"),
        game_name=_text(row, "game_name"),
        title=_text(row, "title"),
        tags=tuple(tags) if isinstance(tags, list) else (),
    )


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _after_the_latest_start(rows: Sequence[Row]) -> datetime:
    starts = [start for row in rows if (start := _started_at(row)) is not None]
    if not starts:
        raise ValueError("no stream has a started_at such as 2024-07-17T11:45:23Z")
    return max(starts) + _AFTER_LATEST_START


def _started_at(row: Row) -> datetime | None:
    try:
        instant = datetime.fromisoformat(_text(row, "started_at"))
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None
