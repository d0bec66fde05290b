# SPDX-License-Identifier: Apache-2.0
"""A second of a moving world: its lists are sorted only when they are requested."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from demo.worlds.crowd import LANGUAGES, Crowd, Numbers, stream_id
from twitch_provider.testing.population import Broadcast, Population
from twitch_provider.testing.world import Entry, Filters, Keys, Row, Snapshot, Stream


@dataclass(frozen=True, slots=True)
class MovingStream:
    """A stream at a second. Its row is made when it is served."""

    score: float
    number: int
    broadcast: Broadcast
    population: Population

    @property
    def keys(self) -> Keys:
        """The fields that it is filtered by."""
        return self.broadcast.keys

    @property
    def row(self) -> Row:
        """The row, with the viewers of this second."""
        row = self.population.row(self.broadcast, viewers=int(self.score))
        row["id"] = stream_id(self.number)
        return row


class State:
    """A copy of a crowd at its present second, which later steps do not change."""

    def __init__(self, crowd: Crowd, population: Population, games: Mapping[str, Row]) -> None:
        self.population, self.games = population, {game_id: code for code, game_id in enumerate(games)}
        ended = crowd.still_listed
        self.scores = np.append(crowd.viewers + crowd.tie_breaks, [each.score for each in ended])
        self.numbers = _with(crowd.numbers, [each.number for each in ended])
        self.broadcasts = [*crowd.broadcasts, *(each.broadcast for each in ended)]
        self.language_codes = _with(crowd.languages, [each.language for each in ended])
        self.game_codes = _with(crowd.games, [each.game for each in ended])
        self.typed = _with(crowd.typed, [each.typed for each in ended])
        self._first_ended = len(crowd.broadcasts)

    def slots(self, filters: Filters) -> Numbers:
        """The indexes of the streams that these filters admit, unordered: slots, then what has ended."""
        if filters.user_ids or filters.user_logins:
            slots = self._named(filters)
        else:
            slots = np.arange(len(self.scores))
        if filters.languages:
            slots = slots[_among(self.language_codes[slots], filters.languages, LANGUAGES)]
        if filters.game_ids:
            slots = slots[_among(self.game_codes[slots], filters.game_ids, self.games)]
        return slots[self.typed[slots]] if filters.live_only else slots

    def _named(self, filters: Filters) -> Numbers:
        found = self.population.find(filters.user_ids, filters.user_logins)
        slots = {
            slot
            for number in found
            if self.broadcasts[slot := self.population.slot_of(number)[0]].channel == number
        }
        channels = {*found}
        ended = range(self._first_ended, len(self.broadcasts))
        slots |= {index for index in ended if self.broadcasts[index].channel in channels}
        return np.array(sorted(slots), np.int64)


class Listing(Sequence[MovingStream]):
    """Some of the streams by score, descending; sorted at the first access."""

    def __init__(self, state: State, slots: Numbers) -> None:
        self._state, self._slots = state, slots

    @cached_property
    def _order(self) -> Numbers:
        return self._slots[np.argsort(-self._state.scores[self._slots])]

    def __len__(self) -> int:
        return len(self._slots)

    @overload
    def __getitem__(self, index: int) -> MovingStream: ...
    @overload
    def __getitem__(self, index: slice) -> list[MovingStream]: ...
    def __getitem__(self, index: int | slice) -> MovingStream | list[MovingStream]:
        if isinstance(index, slice):
            return [self._stream(slot) for slot in self._order[index].tolist()]
        return self._stream(int(self._order[index]))

    def _stream(self, slot: int) -> MovingStream:
        state = self._state
        return MovingStream(
            float(state.scores[slot]), int(state.numbers[slot]), state.broadcasts[slot], state.population
        )


class Moment(Snapshot):
    """A snapshot that filters and sorts arrays instead of rows."""

    def __init__(self, state: State, games: Mapping[str, Row], *, short_pages: bool) -> None:
        super().__init__(
            games=_ranked(state, games),
            streams=Listing(state, state.slots(Filters())),
            short_pages=short_pages,
        )
        self._state = state

    def select(self, filters: Filters) -> Sequence[Stream]:
        """The streams that these filters admit; cached, so that each list is sorted once a second."""
        if filters == Filters():
            return self.streams
        if filters not in self._selections:
            self._selections[filters] = Listing(self._state, self._state.slots(filters))
        return self._selections[filters]


def _with(values: npt.NDArray[Any], more: list[Any]) -> npt.NDArray[Any]:
    """A copy of the values with some more, of their type."""
    return np.append(values, np.array(more, values.dtype))


def _among(
    codes: npt.NDArray[Any], names: Collection[str], code_of: Mapping[str, int]
) -> npt.NDArray[np.bool_]:
    """Which of these codes are of the given names; unknown names match nothing."""
    # The last element is for the code -1, which no name has.
    admitted = np.zeros(len(code_of) + 1, np.bool_)
    admitted[[code_of[name] for name in names if name in code_of]] = True
    chosen: npt.NDArray[np.bool_] = admitted[codes]
    return chosen


def _ranked(state: State, games: Mapping[str, Row]) -> list[Entry]:
    """The games by their viewers, descending."""
    # A stream without a game has the code -1, which becomes 0 and is cut off.
    totals = np.bincount(state.game_codes + 1, np.floor(state.scores), minlength=len(games) + 1)[1:]
    places = zip(totals.tolist(), games.values(), strict=True)
    ranked = [
        Entry(total + 1 - (place + 1) / (len(games) + 1), row) for place, (total, row) in enumerate(places)
    ]
    return sorted(ranked, key=lambda game: -game.score)
