# SPDX-License-Identifier: Apache-2.0
"""What a world is: the games and streams that are live at an instant of its own time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol, runtime_checkable

from twitch_provider.exceptions import TwitchParameterError

#: A row as Helix serves it, ready for JSON.
Row = Mapping[str, Any]


class Listed(Protocol):
    """A place in a list that is sorted by score, descending."""

    @property
    def score(self) -> float:
        """Viewers plus a tie-break below 1 that is the row's own: what cursors point at."""

    @property
    def row(self) -> Row:
        """The row as it is served."""


class Keys(NamedTuple):
    """What Get Streams can filter a stream by."""

    user_id: str
    user_login: str
    game_id: str
    language: str
    type: str


class Stream(Listed, Protocol):
    """A live stream at its place in the list."""

    @property
    def keys(self) -> Keys:
        """What it is filtered by."""


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of Get Streams; an empty one does not filter, several of one kind mean "any of"."""

    user_ids: frozenset[str] = frozenset()
    user_logins: frozenset[str] = frozenset()
    game_ids: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    live_only: bool = False

    def admit(self, keys: Keys) -> bool:
        """Whether Get Streams would list this stream; the two ways to name a user add up."""
        named = keys.user_id in self.user_ids or keys.user_login in self.user_logins
        return (
            (named or not (self.user_ids or self.user_logins))
            and (not self.game_ids or keys.game_id in self.game_ids)
            and (not self.languages or keys.language in self.languages)
            and (not self.live_only or keys.type == "live")
        )


@dataclass(frozen=True, slots=True)
class Game:
    """A row of games at its place in the list."""

    score: float
    row: Row


@dataclass(frozen=True, slots=True)
class Channel:
    """What is known of a broadcaster, live or not."""

    user_id: str
    login: str
    name: str
    language: str
    game_id: str = ""
    game_name: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()


@dataclass
class Snapshot:
    """Everything that is live at one instant.

    :param games: by score, descending: what Get Top Games lists
    :param streams: by score, descending
    :param other_games: games that Get Games knows although they are in no list
    :param open_ended: the world ends before the real list did, so the last page still carries a cursor
    :param short_pages: a page may hold fewer rows than were asked for, in the middle of the list
    """

    games: Sequence[Game]
    streams: Sequence[Stream]
    other_games: Sequence[Row] = ()
    open_ended: bool = False
    short_pages: bool = False
    _selections: dict[Filters, Sequence[Stream]] = field(default_factory=dict, repr=False)

    def select(self, filters: Filters) -> Sequence[Stream]:
        """The streams behind these filters; remembered, so that walking 1,000 pages scans once."""
        if filters == Filters():
            return self.streams
        if filters not in self._selections:
            self._selections[filters] = [stream for stream in self.streams if filters.admit(stream.keys)]
        return self._selections[filters]

    def known_games(self) -> Iterator[Row]:
        """Every game that Get Games can find."""
        yield from (game.row for game in self.games)
        yield from self.other_games


class World(Protocol):
    """A Twitch to be played: pure in the instant, so that the same instant always looks the same."""

    @property
    def about(self) -> str:
        """What this world is, in a sentence for people."""

    @property
    def starts_at(self) -> datetime | None:
        """The instant (aware, UTC) this world lives at; None where it may live at any."""

    def at(self, now: datetime) -> Snapshot:
        """Everything that is live at an instant of the world's time."""

    def channels(self, now: datetime, ids: Collection[str], logins: Collection[str]) -> Sequence[Channel]:
        """The broadcasters with these ids or logins; unknown ones are absent."""


@runtime_checkable
class Searchable(Protocol):
    """A world that can also be searched for those who are not live just now."""

    def named(self, now: datetime, beginning: str) -> Sequence[Channel]:
        """The broadcasters whose login begins so, live or not."""


@dataclass
class WorldClock:
    """The world's time: it starts at an instant and runs on with ``clock``, or is pushed forward.

    :param starts_at: aware, UTC
    :param clock: seconds that only go up, such as :func:`time.monotonic`
    """

    starts_at: datetime
    clock: Callable[[], float]
    _ahead: float = field(default=0.0, init=False)
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def now(self) -> datetime:
        """The present instant of the world."""
        return self.starts_at + timedelta(seconds=self.clock() - self._started + self._ahead)

    def advance(self, seconds: float) -> None:
        """Push the world forward.

        :raises TwitchParameterError: seconds is negative: a world does not run backwards
        """
        if not 0 <= seconds < float("inf"):
            raise TwitchParameterError(
                f"A world is advanced by seconds from 0 up, not by {seconds}.", parameter="seconds"
            )
        self._ahead += seconds


def rfc3339(instant: datetime) -> str:
    """An instant as Twitch writes it: ``2026-11-23T16:35:00Z``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
