# SPDX-License-Identifier: Apache-2.0
"""Games, channels and broadcasts of a generated world, made up from hashed numbers."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate
from typing import Any

from twitch_provider.testing import vocabulary as words
from twitch_provider.testing.world import Channel, Keys, Row, rfc3339

_MASK = (1 << 64) - 1
#: Five of 50 syllables name 312 million channels; the biggest world has 3 million.
_SYLLABLES = 5
_FIRST_USER_ID = 20_000_000
_FIRST_STREAM_ID = 40_000_000_000

#: For how many seconds Twitch goes on listing a stream that has ended.
_SHORTEST_LAG, _LONGEST_LAG = 180, 900

#: One broadcast in 90 has an odd field; which one follows from its hash.
_ODD_ONE_IN = 90
_ODDITIES = ("tags", "title", "game_id", "type", "tags", "tag_ids")


def mix(*numbers: int) -> int:
    """A 64-bit hash of integers: the same on every machine, unlike Python's hash of strings.

    The finaliser of splitmix64, https://prng.di.unimi.it/splitmix64.c, applied once for each number.
    """
    value = 0x9E37_79B9_7F4A_7C15
    for number in numbers:
        value = (value + number) * 0xBF58_476D_1CE4_E5B9 & _MASK
        value ^= value >> 27
        value = value * 0x94D0_49BB_1331_11EB & _MASK
        value ^= value >> 31
    return value


def unit(number: int) -> float:
    """A hash as a float from 0 to below 1."""
    return (number >> 11) / (1 << 53)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One live stream from its start to its end.

    :param slot: number of its place in the world; there is one slot for each live stream
    :param round: number of the broadcast in its slot
    :param channel: number of the broadcaster
    :param started: Unix epoch, seconds
    :param oddity: the field that is odd in its row, or ""
    """

    slot: int
    round: int
    channel: int
    started: int
    keys: Keys
    oddity: str


def made_up_games(count: int) -> dict[str, Row]:
    """Return the first ``count`` made-up categories, by id."""
    names = list(words.FIRST_GAMES)
    # Column by column, so that neighbours differ in both words.
    names += [f"{head} {tail}" for tail in words.GAME_TAILS for head in words.GAME_HEADS]
    games: dict[str, Row] = {}
    for place, name in enumerate(names[:count]):
        game_id = str(500_000 + 7_919 * place)
        games[game_id] = {
            "id": game_id,
            "name": name,
            "box_art_url": f"https://static-cdn.jtvnw.net/ttv-boxart/{game_id}-{{width}}x{{height}}.jpg",
            "igdb_id": "" if place % 4 == 0 else str(100 + 37 * place),
        }
    return games


class Population:
    """The channels and broadcasts of one seed.

    Three channels share a slot and take turns in it.

    :param games: by id, the most streamed first
    :param slots: how many streams are live at once
    :param oddities: whether some rows have an odd field
    """

    channels_per_slot = 3

    def __init__(self, seed: int, games: Mapping[str, Row], *, slots: int, oddities: bool) -> None:
        self._seed = seed
        self._games = games
        self._game_ids = list(games)
        self._slots = slots
        self._oddities = oddities
        self._languages = list(words.LANGUAGE_SHARES)
        self._language_shares = list(accumulate(words.LANGUAGE_SHARES.values()))
        self._game_shares = list(accumulate((place + 1) ** -0.9 for place in range(len(games))))

    def slot_of(self, channel: int) -> tuple[int, int]:
        """The slot of a channel, and its turn in it."""
        return divmod(channel, self.channels_per_slot)

    def find(self, ids: Collection[str], logins: Collection[str]) -> list[int]:
        """The channels with these ids or logins."""
        numbers = {int(text) - _FIRST_USER_ID for text in ids if text.isascii() and text.isdigit()}
        found = {number for number in numbers if 0 <= number < self._slots * self.channels_per_slot}
        if logins:
            found |= {self._logins[login] for login in logins if login in self._logins}
        return sorted(found)

    def find_named(self, beginning: str) -> list[int]:
        """The channels whose login begins with this, by login."""
        return [number for login, number in sorted(self._logins.items()) if login.startswith(beginning)]

    @cached_property
    def _logins(self) -> dict[str, int]:
        return {self._login(number): number for number in range(self._slots * self.channels_per_slot)}

    def _user_id(self, channel: int) -> str:
        return str(_FIRST_USER_ID + channel)

    def _login(self, channel: int) -> str:
        """Five syllables, scrambled so that neighbours have different names."""
        base = len(words.SYLLABLES)
        # The factor has no divisor in common with the syllables, so different numbers get different names.
        rest = (channel * 1_234_567 + self._seed) % base**_SYLLABLES
        syllables = []
        for _ in range(_SYLLABLES):
            rest, syllable = divmod(rest, base)
            syllables.append(words.SYLLABLES[syllable])
        return "".join(syllables)

    def _game(self, draw: int) -> str:
        return _pick(self._game_ids, self._game_shares, unit(mix(draw, 4)))

    def another_game(self, draw: int) -> str:
        """The category that a broadcast changes to, for a random number; perhaps the same."""
        return self._game(draw)

    def _language(self, channel: int) -> str:
        return _pick(self._languages, self._language_shares, unit(mix(self._seed, channel, 5)))

    def lag(self, slot: int, number: int) -> int:
        """For how many seconds a broadcast is listed after its end, by a Twitch that lists ended ones."""
        draw = unit(mix(self._seed, slot, number, 7))
        return _SHORTEST_LAG + int(draw * (_LONGEST_LAG - _SHORTEST_LAG))

    def broadcast(self, slot: int, number: int, *, started: int) -> Broadcast:
        """The ``number``-th broadcast of a slot."""
        channel = slot * self.channels_per_slot + number % self.channels_per_slot
        draw = mix(self._seed, slot, number, 3)
        odd = self._oddities and draw % _ODD_ONE_IN == 0
        oddity = _ODDITIES[draw // _ODD_ONE_IN % len(_ODDITIES)] if odd else ""
        keys = Keys(
            user_id=self._user_id(channel),
            user_login=self._login(channel),
            game_id=self._game(draw) if oddity != "game_id" else "",
            language=self._language(channel),
            type="live" if oddity != "type" else "",
        )
        return Broadcast(slot, number, channel, started, keys, oddity)

    def channel(self, broadcast: Broadcast) -> Channel:
        """The broadcaster, with the title and category of this broadcast."""
        row = self.row(broadcast, viewers=0)
        return Channel(
            user_id=row["user_id"],
            login=row["user_login"],
            name=row["user_name"],
            language=row["language"],
            game_id=row["game_id"],
            game_name=row["game_name"],
            title=row["title"],
            tags=tuple(row["tags"] or ()),
        )

    def row(self, broadcast: Broadcast, *, viewers: int) -> dict[str, Any]:
        """The row of Get Streams, in its order: https://dev.twitch.tv/docs/api/reference#get-streams."""
        user_id, login, game_id, language, type_ = broadcast.keys
        odd = broadcast.oddity
        draw = mix(self._seed, broadcast.slot, broadcast.round, 6)
        titles = words.TITLES[language]
        return {
            "id": str(_FIRST_STREAM_ID + (broadcast.round << 20) + broadcast.slot),
            "user_id": user_id,
            "user_login": login,
            "user_name": _display_name(login, language),
            "game_id": game_id,
            "game_name": self._games[game_id]["name"] if game_id else "",
            "type": type_,
            "title": "" if odd == "title" else titles[draw % len(titles)],
            "viewer_count": viewers,
            "started_at": rfc3339(datetime.fromtimestamp(broadcast.started, UTC)),
            "language": language,
            "thumbnail_url": (
                f"https://static-cdn.jtvnw.net/previews-ttv/live_user_{login}-{{width}}x{{height}}.jpg"
            ),
            # Both are withdrawn: https://dev.twitch.tv/docs/change-log. tag_ids is empty or null,
            # is_mature is false since January 2026.
            "tag_ids": None if odd == "tag_ids" else [],
            "tags": None if odd == "tags" else _tags(language, draw),
            "is_mature": False,
        }


def _display_name(login: str, language: str) -> str:
    return words.LOCAL_NAMES[language] + login[:4] if language in words.LOCAL_NAMES else login.title()


def _tags(language: str, draw: int) -> list[str]:
    own = [words.LANGUAGE_TAGS[language]] if language in words.LANGUAGE_TAGS else []
    return own + [tag for place, tag in enumerate(words.TAGS) if draw >> (8 + 2 * place) & 3 == 0]


def _pick(items: Sequence[str], totals: Sequence[float], draw: float) -> str:
    return items[bisect(totals, draw * totals[-1])]
