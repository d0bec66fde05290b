# SPDX-License-Identifier: Apache-2.0
"""What a world is: the games and streams that are live at an instant of its time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol, runtime_checkable

from twitch_provider.exceptions import TwitchParameterError

#: A row as Helix serves it, ready for JSON.
Row = Mapping[str, Any]


class Listed(Protocol):
    """An entry of a list that is sorted by score, descending."""

    @property
    def score(self) -> float:
        """Viewers plus a tie-break below 1 that no other row has: what cursors point at."""

    @property
    def row(self) -> Row:
        """The row as it is served."""


class Keys(NamedTuple):
    """The fields that Get Streams filters by."""

    user_id: str
    user_login: str
    game_id: str
    language: str
    type: str


class Stream(Listed, Protocol):
    """A live stream in the list."""

    @property
    def keys(self) -> Keys:
        """The fields that it is filtered by."""


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of Get Streams; an empty one does not filter, several values of one mean "any of"."""

    user_ids: frozenset[str] = frozenset()
    user_logins: frozenset[str] = frozenset()
    game_ids: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    live_only: bool = False

    def admit(self, keys: Keys) -> bool:
        """Whether Get Streams lists this stream; ids and logins of users add up."""
        named = keys.user_id in self.user_ids or keys.user_login in self.user_logins
        return (
            (named or not (self.user_ids or self.user_logins))
            and (not self.game_ids or keys.game_id in self.game_ids)
            and (not self.languages or keys.language in self.languages)
            and (not self.live_only or keys.type == "live")
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A row at its position in a list, such as a game in Get Top Games."""

    score: float
    row: Row


@dataclass(frozen=True, slots=True)
class Channel:
    """A broadcaster, live or not."""

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
    :param other_games: games that Get Games finds although Get Top Games does not list them
    :param open_ended: the rows end before the real list did, so the last page still has a cursor
    :param short_pages: a page in the middle of the list may hold fewer rows than ``first``
    """

    games: Sequence[Entry]
    streams: Sequence[Stream]
    other_games: Sequence[Row] = ()
    open_ended: bool = False
    short_pages: bool = False
    _selections: dict[Filters, Sequence[Stream]] = field(default_factory=dict, repr=False)

    def select(self, filters: Filters) -> Sequence[Stream]:
        """The streams behind these filters; cached, so that reading 1,000 pages scans the list once."""
        if filters == Filters():
            return self.streams
        if filters not in self._selections:
            self._selections[filters] = [stream for stream in self.streams if filters.admit(stream.keys)]
        return self._selections[filters]

    def known_games(self) -> list[Row]:
        """Every game that Get Games finds."""
        return [*(game.row for game in self.games), *self.other_games]


class World(Protocol):
    """What the simulator serves; a pure function of the instant."""

    @property
    def about(self) -> str:
        """A sentence that describes this world."""

    @property
    def starts_at(self) -> datetime | None:
        """The instant (aware) at which it starts; None if it may start at any."""

    def at(self, now: datetime) -> Snapshot:
        """Everything that is live at an instant of the world's time."""

    def channels(self, now: datetime, ids: Collection[str], logins: Collection[str]) -> Sequence[Channel]:
        """The broadcasters with these ids or logins; unknown ones are absent."""


@runtime_checkable
class Searchable(Protocol):
    """A world whose channels that are not live can be searched, too."""

    def named(self, now: datetime, beginning: str) -> Sequence[Channel]:
        """The broadcasters whose login begins so, live or not."""


@dataclass
class WorldClock:
    """The world's time: it starts at an instant, runs with ``clock``, and can be moved forward.

    :param starts_at: aware
    :param clock: monotonic seconds, such as :func:`time.monotonic`
    """

    starts_at: datetime
    clock: Callable[[], float]
    _ahead: float = field(default=0.0, init=False)
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def now(self) -> datetime:
        """The world's present instant."""
        return self.starts_at + timedelta(seconds=self.clock() - self._started + self._ahead)

    def advance(self, seconds: float) -> None:
        """Move the world's time forward.

        :raises TwitchParameterError: seconds is negative or not finite
        """
        if not 0 <= seconds < float("inf"):
            raise TwitchParameterError(
                f"seconds must be 0 or more, and finite, not {seconds}.", parameter="seconds"
            )
        self._ahead += seconds


def rfc3339(instant: datetime) -> str:
    """An instant as Twitch writes it: ``2026-11-23T16:35:00Z``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
