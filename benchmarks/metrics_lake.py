# SPDX-License-Identifier: Apache-2.0
"""Snapshots of every stream by the hundred, made column by column: as many as a day has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from twitch_provider.lake.schema import STREAMS
from twitch_provider.testing import vocabulary as words

MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
INTERVAL = timedelta(minutes=5)
#: Of the live streams, how many end before the next snapshot (broadcasts last 2.4 hours on average), and how
#: many change their title, or their category.
_ENDING, _RETITLED, _SWITCHING = 5 / 144, 0.005, 0.005
#: Channels for each live stream.
_CHANNELS = 3
_GAMES = 4_000
#: How many words a title has, and tags besides that of the language: quantiles of what Twitch returned in
#: 2023 and 2024. A title has some 70 bytes, of which gzip leaves two thirds.
_TITLE_WORDS = np.array([1, 2, 4, 6, 7, 9, 10, 12, 13, 15, 17, 19, 24])
_TAGS = (0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9)
#: For each language: most channels have a list of tags that no other has.
_TAG_LISTS = 10_000
#: Spreads numbers over all of their bits.
_MIXING = np.uint64(6_364_136_223_846_793_005)

Column = np.ndarray[Any, Any]


class SnapshotWorld:
    """Channels that go live and offline.

    :param streams: that are live at any instant
    :param seed: of the world
    """

    def __init__(self, streams: int, seed: int = 1) -> None:
        self._streams = streams
        self._draw = np.random.default_rng(seed)
        self._broadcasts = streams
        number = np.arange(streams * _CHANNELS)
        self._user = self._draw.choice(1_390_000_000, len(number), replace=False) + 10_000_000
        name = self._words(20_000).take(pa.array(number % 20_000))
        suffix = _text(self._draw.integers(0, 10_000, len(number)))
        self._login = pc.binary_join_element_wise(name, suffix, "")
        languages, shares = list(words.LANGUAGE_SHARES), np.array(list(words.LANGUAGE_SHARES.values()))
        self._language = self._draw.choice(len(languages), len(number), p=shares / shares.sum())
        self._languages = pa.array(languages)
        self._title_words = self._texts()
        self._tags = self._tag_lists()
        self._live = self._draw.permutation(len(number))[:streams]
        self._size = 125_000 / (np.arange(streams) + 2) ** 0.98
        self._game = self._games(streams)
        self._title = self._draw.integers(0, 2**60, streams)
        self._stream = 40_000_000_000 + np.arange(streams)
        self._began = -self._draw.integers(0, 4 * 3600, streams)

    def snapshots(self, count: int) -> Iterator[tuple[datetime, pa.Table]]:
        """Yield ticks and tables, from midnight on.

        :param count: how many
        """
        for number in range(count):
            yield MIDNIGHT + number * INTERVAL, self._table(number)
            self._step(number)

    def _words(self, count: int) -> pa.Array:
        letters = self._draw.choice(list("eeeettaaooiinnsshhrrdlucmfwypvbgkjqxz0"), (count, 9))
        lengths = self._draw.integers(2, 10, count)
        return pa.array(["".join(word[:length]) for word, length in zip(letters, lengths, strict=True)])

    def _texts(self) -> pa.Array:
        """Words of titles in several scripts."""
        scripts = [word for titles in words.TITLES.values() for title in titles for word in title.split()]
        plain = self._words(10_000).to_pylist()
        return pa.array(["|", "-", *scripts, *plain, *map(str.capitalize, plain), *map(str.upper, plain)])

    def _tag_lists(self) -> pa.Array:
        """For each language as many lists: its own tag, and some that broadcasters made up."""
        own = pa.array([words.LANGUAGE_TAGS.get(language, "Variety") for language in words.LANGUAGE_SHARES])
        made_up = pc.utf8_capitalize(_joined(self._words(10_000), np.arange(1, 5_001), "", np.full(5_000, 2)))
        pool = pa.concat_arrays([own, pa.array(words.TAGS), made_up])
        counts = 1 + self._draw.choice(_TAGS, len(own) * _TAG_LISTS)
        ends = np.cumsum(counts)
        tags = len(own) + _frequent(self._draw.random(ends[-1]), len(pool) - len(own))
        tags[ends - counts] = np.arange(len(counts)) // _TAG_LISTS
        return pa.ListArray.from_arrays(pa.array([0, *ends], pa.int32()), pool.take(pa.array(tags)))

    def _games(self, count: int) -> Column:
        return np.minimum((self._draw.pareto(0.9, count) * 3).astype(np.int64), _GAMES - 1)

    def _step(self, number: int) -> None:
        draw = self._draw.random(self._streams)
        ended = np.flatnonzero(draw < _ENDING)
        offline = np.setdiff1d(np.arange(len(self._user)), self._live)
        self._live[ended] = self._draw.choice(offline, len(ended), replace=False)
        self._stream[ended] = 40_000_000_000 + self._broadcasts + np.arange(len(ended))
        self._broadcasts += len(ended)
        seconds = int(INTERVAL.total_seconds())
        self._began[ended] = number * seconds + self._draw.integers(0, seconds, len(ended))
        for column, values, share in (
            (self._title, self._draw.integers(0, 2**60, self._streams), _RETITLED),
            (self._game, self._games(self._streams), _SWITCHING),
        ):
            changed = (draw < _ENDING) | (self._draw.random(self._streams) < share)
            column[changed] = values[changed]

    def _table(self, number: int) -> pa.Table:
        tick = MIDNIGHT + number * INTERVAL
        viewers = (self._size * self._draw.uniform(0.85, 1.1, self._streams)).astype(np.int64)
        order = np.argsort(-viewers, kind="stable")
        live, count = self._live[order], len(order)
        user, language, game = self._user[live], self._language[live], self._game[order]
        login = self._login.take(pa.array(live))
        seen = 2 + np.arange(count) // 100 * 60 / (count / 100)
        began, title = self._began[order], self._title[order]
        columns = {
            "id": _text(self._stream[order]),
            "user_id": _text(user),
            "user_login": login,
            "user_name": pc.utf8_capitalize(login),
            "game_id": _text(game * 37 + 100),
            "game_name": pc.binary_join_element_wise("The Game of ", _text(game), ""),
            "type": pa.array(["live"]).take(pa.array(np.zeros(count, np.int64))),
            "title": _joined(self._title_words, title, " ", _TITLE_WORDS[title % len(_TITLE_WORDS)]),
            "viewer_count": pa.array(viewers[order]),
            "started_at": _instants(tick - number * INTERVAL, began),
            "language": self._languages.take(pa.array(language)),
            "thumbnail_url": pc.binary_join_element_wise(
                "https://static-cdn.jtvnw.net/previews-ttv/live_user_", login, "-{width}x{height}.jpg", ""
            ),
            "tag_ids": pa.array([[]], pa.list_(pa.string())).take(pa.array(np.zeros(count, np.int64))),
            "tags": self._tags.take(pa.array(language * _TAG_LISTS + user % _TAG_LISTS)),
            "is_mature": pa.array(np.zeros(count, np.bool_)),
            "snapshot_at": _instants(tick, seen.astype(np.int64)),
            "run_after": _instants(tick, np.zeros(count, np.int64)),
            "game_rank": pa.array(game + 1, mask=game >= 100),
            "uptime_minutes": pa.array(np.maximum(number * 300 - began, 0) // 60),
        }
        return pa.table(columns).cast(STREAMS.arrow)


def _joined(pool: pa.Array, numbers: Column, separator: str, counts: Column) -> pa.Array:
    """As many words of the pool for each number, always the same."""
    parts = []
    for place in range(counts.max(initial=0)):
        mixed = (numbers.astype(np.uint64) + np.uint64(1 + place * 7_919)) * _MIXING >> np.uint64(32)
        parts.append(pool.take(pa.array(_frequent(mixed / 2**32, len(pool)), mask=place >= counts)))
    return pc.binary_join_element_wise(*parts, separator, null_handling="skip")


def _frequent(draws: Column, count: int) -> Column:
    """Numbers below a count, the small ones more often than the large ones."""
    return (draws**2 * count).astype(np.int64)


def _text(numbers: Column) -> pa.Array:
    return pa.array(numbers).cast(pa.string())


def _instants(begin: datetime, seconds: Column) -> pa.Array:
    values = pa.array(int(begin.timestamp()) + seconds).cast(pa.timestamp("s"))
    return pc.strftime(values, format="%Y-%m-%dT%H:%M:%SZ")
