# SPDX-License-Identifier: Apache-2.0
"""Generated worlds: made-up channels in Twitch's proportions, a pure function of seed and instant.

Nothing is simulated step by step. The world has one *slot* for each live stream; a slot's broadcasts follow
each other without a gap, three channels taking turns, so that as many begin as end and any instant can be
computed on its own. The proportions follow published figures: viewers fall off like Zipf's law (captures of
2023 show 98,688 at the top), counts change by some 5 % every minute, broadcasts last some 2.4 hours on
average, 45 % are in English, and the biggest category has some 15 % of the streams.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing import vocabulary as words
from twitch_provider.testing.population import Broadcast, Population, made_up_games, mix, unit
from twitch_provider.testing.world import Channel, Entry, Keys, Row, Snapshot

_MOST_STREAMS = 2**20
_MOST_GAMES = len(words.FIRST_GAMES) + len(words.GAME_HEADS) * len(words.GAME_TAILS)

#: Seconds for which the list does not change: Twitch refreshes its counts about once a minute.
_REFRESH = 60

_SHORTEST, _LONGEST = 15 * 60, 9 * 3600
_TWO_YEARS = 2 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class GeneratedStream:
    """A broadcast at an instant. Its row is made when it is served, to save memory."""

    score: float
    broadcast: Broadcast
    population: Population

    @property
    def keys(self) -> Keys:
        """The fields that it is filtered by."""
        return self.broadcast.keys

    @property
    def row(self) -> Row:
        """The row with the viewers of this instant."""
        return self.population.row(self.broadcast, viewers=int(self.score))


class GeneratedWorld:
    """A made-up Twitch.

    :param seed: any integer; the same seed makes the same world
    :param streams: how many are live at any instant, 1 to 1,048,576
    :param games: number of categories
    :param oddities: some rows are odd, as on Twitch: ``tags`` null, ``title``, ``game_id`` or ``type`` empty
    :param short_pages: some big pages lack a row or two, as some of Twitch's do
    :param lists_ended: streams stay in the list for 3 to 15 minutes after their end, as on Twitch
    :raises TwitchParameterError: a size is out of range
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        streams: int = 6_000,
        games: int = 120,
        oddities: bool = True,
        short_pages: bool = True,
        lists_ended: bool = False,
    ) -> None:
        for name, value, most in (("streams", streams, _MOST_STREAMS), ("games", games, _MOST_GAMES)):
            if not 1 <= value <= most:
                raise TwitchParameterError(
                    f"{name} must be between 1 and {most:,}, not {value:,}.", parameter=name
                )
        self.about = f"a made-up Twitch from seed {seed}: {streams:,} live streams in {games} categories"
        self.starts_at = None
        self._seed = seed
        self._games = made_up_games(games)
        self._short_pages, self._lists_ended = short_pages, lists_ended
        self._population = Population(seed, self._games, slots=streams, oddities=oddities)
        self._periods = [self._period(slot) for slot in range(streams)]
        self._phases = [int(unit(mix(seed, slot, 2)) * self._periods[slot]) for slot in range(streams)]
        self._broadcasts: list[Broadcast | None] = [None] * streams
        self._latest: tuple[int, Snapshot] | None = None

    def at(self, now: datetime) -> Snapshot:
        """Everything live at the minute of ``now``; the last minute is cached."""
        minute = int(now.timestamp()) // _REFRESH
        if self._latest is None or self._latest[0] != minute:
            self._latest = (minute, self._snapshot(minute))
        return self._latest[1]

    def channels(self, now: datetime, ids: Collection[str], logins: Collection[str]) -> Sequence[Channel]:
        """Channels, live or not, with the category and title of their latest broadcast."""
        return self._channels(now, self._population.find(ids, logins))

    def named(self, now: datetime, beginning: str) -> Sequence[Channel]:
        """Channels, live or not, by login."""
        return self._channels(now, self._population.find_named(beginning))

    def _channels(self, now: datetime, numbers: Sequence[int]) -> list[Channel]:
        epoch = int(now.timestamp()) // _REFRESH * _REFRESH
        found = []
        for number in numbers:
            slot, turn = self._population.slot_of(number)
            round_now = self._round(slot, epoch)
            latest = round_now - (round_now - turn) % self._population.channels_per_slot
            found.append(self._population.channel(self._make(slot, latest)))
        return found

    def _snapshot(self, minute: int) -> Snapshot:
        epoch = minute * _REFRESH
        streams = [self._stream(slot, epoch) for slot in range(len(self._periods))]
        if self._lists_ended:
            streams += self._ended(epoch)
        streams.sort(key=lambda stream: stream.score, reverse=True)
        return Snapshot(self._ranked(streams), streams, short_pages=self._short_pages)

    def _stream(self, slot: int, epoch: int) -> GeneratedStream:
        current = self._round(slot, epoch)
        broadcast = self._broadcasts[slot]
        if broadcast is None or broadcast.round != current:
            broadcast = self._broadcasts[slot] = self._make(slot, current)
        jitter = unit(mix(self._seed, slot, epoch))
        climbing = min(1.0, 0.3 + (epoch - broadcast.started) / 1800)
        viewers = 125_000 / (slot + 2) ** 0.98 * climbing * (0.925 + 0.15 * jitter)
        # An odd multiplier permutes the slots, so no two streams ever share a tie-break.
        tie_break = slot * 0x9E37_79B1 % _MOST_STREAMS / _MOST_STREAMS
        return GeneratedStream(int(viewers + jitter) + tie_break, broadcast, self._population)

    def _ended(self, epoch: int) -> Iterator[GeneratedStream]:
        """The streams that ended but are still in the list, as they were in their last minute."""
        for slot, period in enumerate(self._periods):
            current = self._round(slot, epoch)
            end = current * period - self._phases[slot]
            if epoch < end + self._population.lag(slot, current - 1):
                last = self._stream(slot, (end - 1) // _REFRESH * _REFRESH)
                # Half the distance between two tie-breaks.
                yield replace(last, score=last.score + 0.5 / _MOST_STREAMS)

    def _ranked(self, streams: Sequence[GeneratedStream]) -> list[Entry]:
        totals = dict.fromkeys(self._games, 0)
        for stream in streams:
            if game_id := stream.keys.game_id:
                totals[game_id] += int(stream.score)
        places = enumerate(self._games.items())
        games = [
            Entry(totals[key] + 1 - (place + 1) / (len(totals) + 1), row) for place, (key, row) in places
        ]
        return sorted(games, key=lambda game: -game.score)

    def _period(self, slot: int) -> int:
        """Seconds that this slot's broadcasts last: 15 minutes to 9 hours, a few of them two years."""
        if slot % 977 == 300:
            return _TWO_YEARS
        return int(_SHORTEST * math.exp(unit(mix(self._seed, slot, 1)) * math.log(_LONGEST / _SHORTEST)))

    def _round(self, slot: int, epoch: int) -> int:
        return (epoch + self._phases[slot]) // self._periods[slot]

    def _make(self, slot: int, number: int) -> Broadcast:
        return self._population.broadcast(
            slot, number, started=number * self._periods[slot] - self._phases[slot]
        )
