# SPDX-License-Identifier: Apache-2.0
"""A world that changes while it is read, and knows afterwards which streams were live all the time.

In a moving world viewers come and go, broadcasts end and others begin while it is read, as they do on Twitch;
so a walk over the pages misses some streams and sees others twice, and what it missed can be measured. Unlike
the generated world it is stepped, second by second, in arrays, so that 230,000 streams can be read at the
speed of the rate limit. In this model, 100,000 streams read by one cursor at 150 ms a page lack 2.0 % of
those that were live throughout; read by language side by side, 0.5 %.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from datetime import datetime

from demo.worlds.crowd import PLACES, Crowd, Movement, Numbers, stream_id
from demo.worlds.moment import Moment, State
from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing import vocabulary as words
from twitch_provider.testing.population import Broadcast, Population, made_up_games
from twitch_provider.testing.world import Channel, rfc3339

_MOST_GAMES = len(words.FIRST_GAMES) + len(words.GAME_HEADS) * len(words.GAME_TAILS)


class MovingWorld:
    """A made-up Twitch that keeps changing: the same for the same seed, start and instant.

    The world is stepped to the second that is asked for, and started again for a second that has passed. A
    minute of 100,000 streams costs some 40 ms.

    :param seed: any integer
    :param streams: how many are live at any instant, 1 to 1,048,576
    :param starts_at: the instant (aware) at which it starts; it has no earlier ones
    :param churn: the probability that a viewer leaves between two counts; as many arrive on average
    :param refresh_seconds: from one count of a stream to its next
    :param staggered: each stream is counted at its own second; False counts all at once
    :param games: number of categories
    :param lifetime_hours: how long a broadcast lasts on average
    :param short_pages: some big pages lack a row or two, as some of Twitch's do
    :param oddities: some rows are odd, as on Twitch: ``tags`` null, ``title``, ``game_id`` or ``type`` empty
    :param category_hours: how long a broadcast stays in a category on average; 0 for all its time
    :param lists_ended: streams stay in the list for 3 to 15 minutes after their end, as on Twitch; those are
        beyond ``streams``
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
        category_hours: float = 0,
        lists_ended: bool = False,
    ) -> None:
        _check("streams", streams, 1, PLACES)
        _check("games", games, 1, _MOST_GAMES)
        _check("churn", churn, 0, 1)
        _check("refresh_seconds", refresh_seconds, 1, 3_600)
        _check("lifetime_hours", lifetime_hours, 0.01, 100_000)
        _check("category_hours", category_hours, 0, 100_000)
        if starts_at.tzinfo is None:
            raise TwitchParameterError(
                f"starts_at must have a time zone, such as a final Z, not {starts_at.isoformat()}.",
                parameter="starts_at",
            )
        self.about = (
            f"a moving Twitch from seed {seed}: {streams:,} live streams in {games} categories, "
            f"{churn:.0%} churn every {refresh_seconds} s"
        )
        self.starts_at = starts_at
        self._first_second = int(starts_at.timestamp())
        self._seed, self._streams, self._short_pages = seed, streams, short_pages
        self._movement = Movement(
            churn, refresh_seconds, staggered, lifetime_hours * 3_600, lists_ended, category_hours * 3_600
        )
        self._games = made_up_games(games)
        self._population = Population(seed, self._games, slots=streams, oddities=oddities)
        self._latest: tuple[int, Moment] | None = None
        # The server's thread and a test's may call at the same time.
        self._lock = threading.RLock()
        self._crowd = self._start()

    def at(self, now: datetime) -> Moment:
        """Everything live at the second of ``now``; the last second is cached.

        :param now: an instant (aware) of the world's time
        :raises TwitchParameterError: the instant is before the world's start
        """
        with self._lock:
            self._step_to(self._second(now))
            crowd = self._crowd
            if self._latest is None or self._latest[0] != crowd.second:
                state = State(crowd, self._population, self._games)
                self._latest = (crowd.second, Moment(state, self._games, short_pages=self._short_pages))
            return self._latest[1]

    def channels(self, now: datetime, ids: Collection[str], logins: Collection[str]) -> Sequence[Channel]:
        """Channels, live or not, with the category and title of their latest broadcast.

        :param now: an instant (aware) of the world's time
        :param ids: of broadcasters
        :param logins: in lower case
        :raises TwitchParameterError: the instant is before the world's start
        """
        return self._channels(now, self._population.find(ids, logins))

    def named(self, now: datetime, beginning: str) -> Sequence[Channel]:
        """Channels, live or not, by login.

        :param now: an instant (aware) of the world's time
        :param beginning: of the login
        :raises TwitchParameterError: the instant is before the world's start
        """
        return self._channels(now, self._population.find_named(beginning))

    def live_throughout(self, start: datetime, end: datetime) -> set[str]:
        """The ids of the streams that were live from ``start`` to ``end`` without a break.

        :param start: an instant (aware), down to its second
        :param end: an instant (aware), to the end of its second
        :raises TwitchParameterError: ``start`` is before the world's start, or after ``end``
        """
        return {stream_id(number) for number in self._lives(start, end)[:, 0].tolist()}

    def users_live_throughout(self, start: datetime, end: datetime) -> set[str]:
        """The ids of the broadcasters of these streams.

        :param start: an instant (aware), down to its second
        :param end: an instant (aware), to the end of its second
        :raises TwitchParameterError: ``start`` is before the world's start, or after ``end``
        """
        with self._lock:
            lives = self._lives(start, end)[:, 1:].tolist()
            return {self._broadcast(*life).keys.user_id for life in lives}

    def _lives(self, start: datetime, end: datetime) -> Numbers:
        if end < start:
            raise TwitchParameterError(
                f"end must not be before start: {rfc3339(end)} is before {rfc3339(start)}.",
                parameter="end",
            )
        first = self._second(start)
        with self._lock:
            self._step_to(max(first, self._crowd.second))
            return self._crowd.lives(first, int(end.timestamp()))

    def _broadcast(self, slot: int, round_: int) -> Broadcast:
        current = self._crowd.broadcasts[slot]
        return current if current.round == round_ else self._population.broadcast(slot, round_, started=0)

    def _channels(self, now: datetime, numbers: Sequence[int]) -> list[Channel]:
        found = []
        with self._lock:
            self._step_to(self._second(now))
            for number in numbers:
                slot, turn = self._population.slot_of(number)
                current = int(self._crowd.rounds[slot])
                latest = current - (current - turn) % self._population.channels_per_slot
                found.append(self._population.channel(self._broadcast(slot, latest)))
        return found

    def _second(self, instant: datetime) -> int:
        second = int(instant.timestamp())
        if second < self._first_second:
            raise TwitchParameterError(
                f"This world starts at {rfc3339(self.starts_at)}, after {rfc3339(instant)}.",
                parameter="starts_at",
            )
        return second

    def _step_to(self, second: int) -> None:
        if second < self._crowd.second:
            self._crowd = self._start()
        while self._crowd.second < second:
            self._crowd.step()

    def _start(self) -> Crowd:
        return Crowd(
            self._seed,
            self._population,
            self._movement,
            size=self._streams,
            games=self._games,
            second=self._first_second,
        )


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise TwitchParameterError(
            f"{name} must be between {least:,} and {most:,}, not {value:,}.", parameter=name
        )
