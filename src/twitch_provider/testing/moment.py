# SPDX-License-Identifier: Apache-2.0
"""A second of a moving world, held still: its lists are sorted when they are asked for, and only those."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from twitch_provider.testing.casting import Broadcast, Cast
from twitch_provider.testing.crowd import LANGUAGES, Crowd, Numbers, stream_id
from twitch_provider.testing.world import Filters, Game, Keys, Row, Snapshot, Stream


@dataclass(frozen=True, slots=True)
class MovingStream:
    """A stream at a second; its row is made when it is served."""

    score: float
    number: int
    broadcast: Broadcast
    cast: Cast

    @property
    def keys(self) -> Keys:
        """What it is filtered by."""
        return self.broadcast.keys

    @property
    def row(self) -> Row:
        """The row with the viewers of this second."""
        row = self.cast.row(self.broadcast, viewers=int(self.score))
        row["id"] = stream_id(self.number)
        return row


class Picture:
    """What a crowd looks like at its present second; no later step of the crowd changes it."""

    def __init__(self, crowd: Crowd, cast: Cast, games: Mapping[str, Row]) -> None:
        self.cast, self.games = cast, {game_id: code for code, game_id in enumerate(games)}
        self.scores = crowd.viewers + crowd.tie_breaks
        self.numbers = crowd.numbers.copy()
        self.broadcasts = crowd.broadcasts.copy()
        self.language_codes, self.game_codes = crowd.languages.copy(), crowd.games.copy()
        self.typed = crowd.typed.copy()

    def slots(self, filters: Filters) -> Numbers:
        """The slots of the streams behind these filters, in no order."""
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
        found = self.cast.find(filters.user_ids, filters.user_logins)
        slots = {
            slot
            for number in found
            if self.broadcasts[slot := self.cast.slot_of(number)[0]].channel == number
        }
        return np.array(sorted(slots), np.int64)


class Listing(Sequence[MovingStream]):
    """Some streams of a picture by score, descending; sorted at the first look."""

    def __init__(self, picture: Picture, slots: Numbers) -> None:
        self._picture, self._slots = picture, slots

    @cached_property
    def _order(self) -> Numbers:
        return self._slots[np.argsort(-self._picture.scores[self._slots])]

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
        picture = self._picture
        return MovingStream(
            float(picture.scores[slot]), int(picture.numbers[slot]), picture.broadcasts[slot], picture.cast
        )


class Moment(Snapshot):
    """A snapshot that filters and sorts arrays instead of scanning rows."""

    def __init__(self, picture: Picture, games: Mapping[str, Row], *, short_pages: bool) -> None:
        super().__init__(
            games=_ranked(picture, games),
            streams=Listing(picture, picture.slots(Filters())),
            short_pages=short_pages,
        )
        self._picture = picture

    def select(self, filters: Filters) -> Sequence[Stream]:
        """The streams behind these filters; remembered, so that each list is sorted once a second."""
        if filters == Filters():
            return self.streams
        if filters not in self._selections:
            self._selections[filters] = Listing(self._picture, self._picture.slots(filters))
        return self._selections[filters]


def _among(
    codes: npt.NDArray[Any], wanted: Collection[str], code_of: Mapping[str, int]
) -> npt.NDArray[np.bool_]:
    """Which of these codes are those of the wanted names; unknown names match nothing."""
    # The last place is that of the code -1, which no name has.
    admitted = np.zeros(len(code_of) + 1, np.bool_)
    admitted[[code_of[name] for name in wanted if name in code_of]] = True
    chosen: npt.NDArray[np.bool_] = admitted[codes]
    return chosen


def _ranked(picture: Picture, games: Mapping[str, Row]) -> list[Game]:
    """The games by their viewers, descending."""
    # The code -1 of a stream without a game becomes 0, which is cut off.
    totals = np.bincount(picture.game_codes + 1, np.floor(picture.scores), minlength=len(games) + 1)[1:]
    places = zip(totals.tolist(), games.values(), strict=True)
    ranked = [
        Game(total + 1 - (place + 1) / (len(games) + 1), row) for place, (total, row) in enumerate(places)
    ]
    return sorted(ranked, key=lambda game: -game.score)
