# SPDX-License-Identifier: Apache-2.0
"""The live streams of a moving world, stepped second by second: since when, until when, how many viewers.

Audiences are Pareto distributed. At every refresh each viewer leaves with a given probability, and new ones
arrive (Poisson), on average as many as would leave a full audience. A broadcast lasts an exponentially
distributed time, begins with a twentieth of its full audience, and is followed without a gap by another
broadcaster's, so that as many begin as end.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from twitch_provider.testing.population import Broadcast, Population, mix
from twitch_provider.testing.vocabulary import LANGUAGE_SHARES

Numbers = npt.NDArray[np.int64]

#: Language -> its code in ``languages``.
LANGUAGES = {language: code for code, language in enumerate(LANGUAGE_SHARES)}

#: The maximum of slots, each with its own tie-break.
PLACES = 2**20

#: Exponent of the Pareto distribution; the first ranks are shifted as in the Zipf-Mandelbrot law. Of
#: 100,000 streams the median has one viewer, the mean 16, the biggest some 90,000.
_EXPONENT = 0.8
_SMALLEST_AUDIENCE, _BIGGEST_AUDIENCE = 0.3, 125_000
_FIRST_RANK = 4
#: The share of its full audience that a broadcast begins with.
_BEGINNING = 0.05
_FIRST_STREAM_ID = 50_000_000_000


@dataclass(frozen=True, slots=True)
class Movement:
    """How a world changes.

    :param churn: the probability that a viewer leaves, at every refresh
    :param refresh: seconds from one count of a stream to its next
    :param staggered: each stream is counted at its own second; otherwise all at once
    :param lifetime: seconds that a broadcast lasts on average
    :param lists_ended: broadcasts stay in the list for some minutes after their end
    :param category: seconds that a broadcast stays in a category on average; 0 for all its time
    """

    churn: float
    refresh: int
    staggered: bool
    lifetime: float
    lists_ended: bool = False
    category: float = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """A broadcast that is over and still in the list, as it was in its last second.

    :param until: the first second without it
    """

    until: int
    number: int
    score: float
    broadcast: Broadcast
    language: int
    game: int
    typed: bool


class Crowd:
    """Everything live at one second: lists and arrays of which an index is a slot, one for each stream.

    Only :meth:`step` changes it, and every step draws the same random numbers in the same order: the state
    depends on seed, start and second alone.

    :param size: number of live streams
    :param games: the ids of the categories; their positions are the codes in ``games``
    :param second: Unix epoch of the start
    """

    def __init__(
        self,
        seed: int,
        population: Population,
        movement: Movement,
        *,
        size: int,
        games: Collection[str],
        second: int,
    ) -> None:
        self.second = second
        self._games = {game_id: code for code, game_id in enumerate(games)}
        self._population, self._movement = population, movement
        self._random = random = np.random.default_rng(mix(seed, second))
        # Random numbers of their own: all else is as in a world without switches.
        self._switches = np.random.default_rng(mix(seed, second, 8))
        ranks = random.permutation(size) + _FIRST_RANK
        full = _SMALLEST_AUDIENCE * (size / ranks) ** (1 / _EXPONENT)
        self._full = np.minimum(full, _BIGGEST_AUDIENCE)
        ages = random.exponential(movement.lifetime, size).astype(np.int64)
        self.starts: Numbers = second - ages
        self.ends = self._ends(size)
        # Round numbers start above 0: the turns before the first one exist, too.
        self.rounds: Numbers = random.integers(
            population.channels_per_slot, 2 * population.channels_per_slot, size
        )
        self.numbers: Numbers = np.arange(size)
        self.viewers: Numbers = random.poisson(self._full * self._filled(ages))
        self.broadcasts: list[Broadcast] = []
        self.languages = np.zeros(size, np.uint8)
        self.games = np.zeros(size, np.int16)
        self.typed = np.zeros(size, np.bool_)
        for slot in range(size):
            self.broadcasts.append(self._broadcast(slot))
        # An odd multiplier permutes the slots, so no two streams ever share a tie-break.
        self.tie_breaks = np.arange(size) * 0x9E37_79B1 % PLACES / PLACES
        self._count = size
        self._ended: list[Numbers] = []
        self.still_listed: list[Ended] = []
        phases = random.integers(0, movement.refresh if movement.staggered else 1, size)
        self._due = [np.flatnonzero(phases == phase) for phase in range(movement.refresh)]

    def step(self) -> None:
        """Move on by a second."""
        self.second += 1
        self.still_listed = [ended for ended in self.still_listed if ended.until > self.second]
        due, churn = self._due[self.second % self._movement.refresh], self._movement.churn
        staying = self._random.binomial(self.viewers[due], 1 - churn)
        self.viewers[due] = staying + self._random.poisson(churn * self._full[due])
        ended = np.flatnonzero(self.ends <= self.second)
        if ended.size:
            self._replace(ended)
        if self._movement.category:
            self._switch()

    def lives(self, first: int, last: int) -> Numbers:
        """The broadcasts that were live at every second from ``first`` to ``last``, both included.

        A broadcast's end is drawn when it begins, so ``last`` may lie ahead; ``first`` may not.

        :returns: a row for each: its number, its slot, its round
        """
        facts = self.facts()
        starts, ends = facts[:, 3], facts[:, 4]
        return facts[(starts <= first) & (last < ends), :3]

    def facts(self) -> Numbers:
        """All broadcasts up to now.

        :returns: a row for each: its number, its slot, its round, its first second, the first one without it
        """
        return np.concatenate((*self._ended, self._facts(np.arange(len(self.ends)))))

    def _replace(self, slots: Numbers) -> None:
        self._ended.append(self._facts(slots))
        if self._movement.lists_ended:
            self.still_listed += map(self._still_listed, slots.tolist())
        self.rounds[slots] += 1
        self.starts[slots] = self.second
        self.ends[slots] = self._ends(slots.size)
        self.numbers[slots] = np.arange(self._count, self._count + slots.size)
        self._count += slots.size
        self.viewers[slots] = self._random.poisson(_BEGINNING * self._full[slots])
        for slot in slots.tolist():
            self.broadcasts[slot] = self._broadcast(slot)

    def _switch(self) -> None:
        """Move some broadcasts to another category."""
        size = len(self.ends)
        count = self._switches.binomial(size, min(1.0, 1 / self._movement.category))
        for slot in self._switches.choice(size, count, replace=False).tolist():
            before = self.broadcasts[slot]
            game_id = self._population.another_game(int(self._switches.integers(2**62)))
            self.broadcasts[slot] = replace(before, keys=before.keys._replace(game_id=game_id))
            self.games[slot] = self._games[game_id]

    def _still_listed(self, slot: int) -> Ended:
        broadcast = self.broadcasts[slot]
        number = int(self.numbers[slot])
        # Between two tie-breaks, at a place of its own: two broadcasts of one slot may have ended.
        place = self.tie_breaks[slot] + (number % 999 + 1) / 1_000 / PLACES
        return Ended(
            until=self.second + self._population.lag(slot, broadcast.round),
            number=number,
            score=float(self.viewers[slot] + place),
            broadcast=broadcast,
            language=int(self.languages[slot]),
            game=int(self.games[slot]),
            typed=bool(self.typed[slot]),
        )

    def _broadcast(self, slot: int) -> Broadcast:
        broadcast = self._population.broadcast(slot, int(self.rounds[slot]), started=int(self.starts[slot]))
        self.languages[slot] = LANGUAGES[broadcast.keys.language]
        self.games[slot] = self._games.get(broadcast.keys.game_id, -1)
        self.typed[slot] = broadcast.keys.type == "live"
        return broadcast

    def _facts(self, slots: Numbers) -> Numbers:
        return np.column_stack(
            (self.numbers[slots], slots, self.rounds[slots], self.starts[slots], self.ends[slots])
        )

    def _ends(self, count: int) -> Numbers:
        lasting = self._random.exponential(self._movement.lifetime, count)
        return self.second + 1 + lasting.astype(np.int64)

    def _filled(self, ages: Numbers) -> npt.NDArray[np.float64] | float:
        """The share of its full audience that a broadcast of this age has, on average."""
        if not self._movement.churn:
            return 1.0
        return 1 - (1 - _BEGINNING) * (1 - self._movement.churn) ** (ages / self._movement.refresh)


def stream_id(number: int) -> str:
    """The id of the n-th stream: ids grow with time, as Twitch's seem to."""
    return str(_FIRST_STREAM_ID + number)
