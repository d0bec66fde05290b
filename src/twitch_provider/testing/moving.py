# SPDX-License-Identifier: Apache-2.0
"""A world that moves while it is crawled, and can say afterwards who was live all along.

Unlike the generated world it is stepped: at every second of its time some counts are refreshed, some
broadcasts end and others begin, in arrays, so that 230,000 streams can be crawled at the pace of the rate
limit. What a crawl missed is then measured and not assumed.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing import vocabulary as words
from twitch_provider.testing.casting import Broadcast, Cast, made_up_games
from twitch_provider.testing.crowd import PLACES, Crowd, Movement, Numbers, stream_id
from twitch_provider.testing.moment import Moment, Picture
from twitch_provider.testing.world import Channel, rfc3339

_MOST_GAMES = len(words.FIRST_GAMES) + len(words.GAME_HEADS) * len(words.GAME_TAILS)


@runtime_checkable
class Witness(Protocol):
    """A world that remembers who was live."""

    def live_throughout(self, start: datetime, end: datetime) -> set[str]:
        """The ids of the streams that were live from ``start`` to ``end`` without a break.

        :param start: an instant (aware)
        :param end: a later one
        """

    def users_live_throughout(self, start: datetime, end: datetime) -> set[str]:
        """The ids of the broadcasters of these streams.

        :param start: an instant (aware)
        :param end: a later one
        """


class MovingWorld:
    """A made-up Twitch that does not hold still: the same for the same seed, start and instant.

    However it was asked before, an instant looks the same: the world is stepped to its second, and begun
    again for a second that has passed. A minute of 100,000 streams costs some 40 ms.

    :param seed: any whole number
    :param streams: how many are live at any instant, 1 to 1,048,576
    :param starts_at: the instant (aware) at which it begins; it has no earlier ones
    :param churn: the probability that a viewer leaves between two counts; as many arrive on average
    :param refresh_seconds: from one count of a stream to its next; they stand still between
    :param staggered: each stream is counted at a second of its own; False counts all at once
    :param games: how many categories there are
    :param lifetime_hours: how long a broadcast lasts on average
    :param short_pages: big pages lack a row or two now and then, as the real ones do
    :param oddities: now and then a row as the real API has them: ``tags`` null, ``title``, ``game_id`` or
        ``type`` empty
    :raises TwitchParameterError: a number is out of range, or ``starts_at`` has no time zone
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        streams: int = 100_000,
        starts_at: datetime,
        churn: float = 0.05,
        refresh_seconds: int = 60,
        staggered: bool = True,
        games: int = 120,
        lifetime_hours: float = 2.5,
        short_pages: bool = True,
        oddities: bool = True,
    ) -> None:
        _check("streams", streams, 1, PLACES)
        _check("games", games, 1, _MOST_GAMES)
        _check("churn", churn, 0, 1)
        _check("refresh_seconds", refresh_seconds, 1, 3_600)
        _check("lifetime_hours", lifetime_hours, 0.01, 100_000)
        if starts_at.tzinfo is None:
            raise TwitchParameterError(
                f"The instant {starts_at.isoformat()} needs a time zone, such as a Z at its end.",
                parameter="starts_at",
            )
        self.about = (
            f"a moving Twitch from seed {seed}: {streams:,} live streams in {games} categories, "
            f"{churn:.0%} churn every {refresh_seconds} s"
        )
        self.starts_at = starts_at
        self._first_second = int(starts_at.timestamp())
        self._seed, self._streams, self._short_pages = seed, streams, short_pages
        self._movement = Movement(churn, refresh_seconds, staggered, lifetime_hours * 3_600)
        self._games = made_up_games(games)
        self._cast = Cast(seed, self._games, slots=streams, oddities=oddities)
        self._latest: tuple[int, Moment] | None = None
        # The server's thread and a test's may ask at once.
        self._lock = threading.RLock()
        self._crowd = self._beginning()

    def at(self, now: datetime) -> Moment:
        """Everything live at the second of ``now``; the last second is remembered.

        :param now: an instant (aware) of the world's time
        :raises TwitchParameterError: the instant lies before the world's beginning
        """
        with self._lock:
            self._step_to(self._second(now))
            crowd = self._crowd
            if self._latest is None or self._latest[0] != crowd.second:
                picture = Picture(crowd, self._cast, self._games)
                self._latest = (crowd.second, Moment(picture, self._games, short_pages=self._short_pages))
            return self._latest[1]

    def channels(self, now: datetime, ids: Collection[str], logins: Collection[str]) -> Sequence[Channel]:
        """Live or not: a channel shows its latest broadcast's category and title.

        :param now: an instant (aware) of the world's time
        :param ids: of broadcasters
        :param logins: in lower case
        :raises TwitchParameterError: the instant lies before the world's beginning
        """
        return self._channels(now, self._cast.find(ids, logins))

    def named(self, now: datetime, beginning: str) -> Sequence[Channel]:
        """Live or not, by login.

        :param now: an instant (aware) of the world's time
        :param beginning: of the login
        :raises TwitchParameterError: the instant lies before the world's beginning
        """
        return self._channels(now, self._cast.find_named(beginning))

    def live_throughout(self, start: datetime, end: datetime) -> set[str]:
        """The ids of the streams that were live from ``start`` to ``end`` without a break.

        :param start: an instant (aware), down to its second
        :param end: an instant (aware), to the end of its second
        :raises TwitchParameterError: ``start`` lies before the world's beginning, or after ``end``
        """
        return {stream_id(number) for number in self._lives(start, end)[:, 0].tolist()}

    def users_live_throughout(self, start: datetime, end: datetime) -> set[str]:
        """The ids of the broadcasters of these streams.

        :param start: an instant (aware), down to its second
        :param end: an instant (aware), to the end of its second
        :raises TwitchParameterError: ``start`` lies before the world's beginning, or after ``end``
        """
        with self._lock:
            lives = self._lives(start, end)[:, 1:].tolist()
            return {self._broadcast(*life).keys.user_id for life in lives}

    def _lives(self, start: datetime, end: datetime) -> Numbers:
        if end < start:
            raise TwitchParameterError(
                f"Nobody is live from {rfc3339(start)} to {rfc3339(end)}: the end comes first.",
                parameter="end",
            )
        first = self._second(start)
        with self._lock:
            self._step_to(max(first, self._crowd.second))
            return self._crowd.lives(first, int(end.timestamp()))

    def _broadcast(self, slot: int, round_: int) -> Broadcast:
        current = self._crowd.broadcasts[slot]
        return current if current.round == round_ else self._cast.broadcast(slot, round_, started=0)

    def _channels(self, now: datetime, numbers: Sequence[int]) -> list[Channel]:
        found = []
        with self._lock:
            self._step_to(self._second(now))
            for number in numbers:
                slot, turn = self._cast.slot_of(number)
                current = int(self._crowd.rounds[slot])
                latest = current - (current - turn) % self._cast.turns
                found.append(self._cast.channel(self._cast.broadcast(slot, latest, started=0)))
        return found

    def _second(self, instant: datetime) -> int:
        second = int(instant.timestamp())
        if second < self._first_second:
            raise TwitchParameterError(
                f"This world begins at {rfc3339(self.starts_at)}: it was not there at {rfc3339(instant)}.",
                parameter="starts_at",
            )
        return second

    def _step_to(self, second: int) -> None:
        if second < self._crowd.second:
            self._crowd = self._beginning()
        while self._crowd.second < second:
            self._crowd.step()

    def _beginning(self) -> Crowd:
        return Crowd(
            self._seed,
            self._cast,
            self._movement,
            size=self._streams,
            games=self._games,
            second=self._first_second,
        )


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise TwitchParameterError(
            f"A moving world has {name} from {least:,} to {most:,}, not {value:,}.", parameter=name
        )
