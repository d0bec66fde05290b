# SPDX-License-Identifier: Apache-2.0
"""Captured worlds: what the real Twitch once answered, served again at its own date.

A capture is one or more recorded lists. Several of them, taken minutes apart, make a world that moves: the
list served is the last one recorded up to the world's present instant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from twitch_provider.testing.world import Channel, Filters, Game, Keys, Row, Snapshot

#: A capture without an instant in its name is taken to be this much younger than its youngest stream.
_SETTLED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class CapturedStream:
    """A recorded row, served exactly as it was recorded, at its place in the list."""

    score: float
    row: Row
    keys: Keys


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded list of streams.

    :param rows: in recorded order
    :param taken_at: when it was recorded, if that is known
    """

    rows: Sequence[Row]
    taken_at: datetime | None = None

    @property
    def instant(self) -> datetime:
        """When it was taken: as known, else five minutes after its latest ``started_at``.

        :raises ValueError: neither is known
        """
        if self.taken_at is not None:
            return self.taken_at
        starts = [start for row in self.rows if (start := _instant(row)) is not None]
        if not starts:
            raise ValueError("no stream has a started_at such as 2024-07-17T11:45:23Z")
        return max(starts) + _SETTLED


class CapturedWorld:
    """A world made of recorded lists.

    :param recordings: at least one
    :param games: the recorded list of top games, best first; None ranks the streams' games by viewers
    :param about: what it is, in a sentence
    :raises ValueError: the recordings do not say when they were taken
    """

    def __init__(self, recordings: Sequence[Recording], games: Sequence[Row] | None, about: str) -> None:
        self.about = about
        timed = sorted(((each.instant, each.rows) for each in recordings), key=lambda pair: pair[0])
        self._snapshots = [(instant, _snapshot(rows, games)) for instant, rows in timed]

    @property
    def starts_at(self) -> datetime:
        """When the first list was taken."""
        return self._snapshots[0][0]

    def at(self, now: datetime) -> Snapshot:
        """The list that was taken last, up to this instant."""
        current = self._snapshots[0][1]
        for taken_at, snapshot in self._snapshots:
            if taken_at <= now:
                current = snapshot
        return current

    def channels(self, now: datetime, ids: Collection[str], logins: Collection[str]) -> Sequence[Channel]:
        """Those who are live at that instant: of others a capture knows nothing."""
        wanted = Filters(user_ids=frozenset(ids), user_logins=frozenset(logins))
        found = self.at(now).select(wanted) if ids or logins else ()
        return list({stream.keys.user_id: _channel(stream.row) for stream in found}.values())


def viewers(row: Row) -> int | None:
    """The row's viewers, where they are a number: a recording may hold anything."""
    count = row.get("viewer_count")
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def _snapshot(rows: Sequence[Row], games: Sequence[Row] | None) -> Snapshot:
    derived = _games_of(rows)
    listed = derived if games is None else games
    return Snapshot(
        games=[Game(float(len(listed) - rank), row) for rank, row in enumerate(listed)],
        streams=_in_order(rows),
        other_games=[] if games is None else derived,
        open_ended=True,
    )


def _in_order(rows: Sequence[Row]) -> list[CapturedStream]:
    """Sorted by viewers, equals in recorded order; a row without a number stays at its neighbour's side."""
    counts = [viewers(row) for row in rows]
    neighbour = next((count for count in counts if count is not None), 0)
    streams = []
    for place, (row, count) in enumerate(zip(rows, counts, strict=True)):
        neighbour = neighbour if count is None else count
        keys = Keys(*(_text(row, name) for name in Keys._fields))
        streams.append(CapturedStream(neighbour + 1 - (place + 1) / (len(rows) + 1), row, keys))
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


def _instant(row: Row) -> datetime | None:
    try:
        instant = datetime.fromisoformat(_text(row, "started_at"))
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None
