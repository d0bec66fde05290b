# SPDX-License-Identifier: Apache-2.0
"""Every reader of both hooks with arguments, and the rows that the simulator itself says are right."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twitch_provider.hooks.twitch import TwitchAsyncHook, TwitchHook
from twitch_provider.testing.endpoints import ENDPOINTS
from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.query import Query
from twitch_provider.testing.videos import get_clips, get_videos

AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
WORLD = GeneratedWorld(7, streams=450, games=207)
Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Reading:
    """A reader, what it is asked for, and the requests that this takes.

    :param batches: the parameters of each list that it reads, without ``first`` and ``after``
    """

    reader: str
    arguments: Mapping[str, Any]
    endpoint: str
    batches: tuple[Params, ...]

    def pages(self) -> list[Any]:
        """What the simulator answers without faults, asked without HTTP and without a hook."""
        return [page for params in self.batches for page in _pages(self.endpoint, params)]

    def rows(self) -> list[Any]:
        """What has to arrive."""
        pages = self.pages()
        if self.reader == "get_follower_count":
            return [pages[0]["total"]]
        return [row for page in pages for row in page["data"]]

    def read(self, *, on_a_loop: bool, rows: list[Any]) -> None:
        """Read with one of the hooks, row by row."""
        if on_a_loop:
            asyncio.run(self._read_on_a_loop(rows))
            return
        found = getattr(TwitchHook(), self.reader)(**self.arguments)
        if isinstance(found, int):
            rows.append(found)
            return
        for item in found:
            rows += item.new_rows if self.reader == "pages" else [item]

    async def _read_on_a_loop(self, rows: list[Any]) -> None:
        async with TwitchAsyncHook() as hook:
            found = getattr(hook, self.reader)(**self.arguments)
            if not isinstance(found, AsyncIterator):
                rows.append(await found)
                return
            async for item in found:
                rows += item.new_rows if self.reader == "pages" else [item]


@functools.cache
def _pages(endpoint: str, params: Params) -> list[Any]:
    pages, after = [], ""
    while True:
        size = (("first", "100"),) if "id" not in dict(params) else ()
        answer = ENDPOINTS[endpoint](Query((*params, *size, ("after", after))), WORLD, AT)
        assert answer.status == 200
        pages.append(answer.payload)
        after = answer.payload.get("pagination", {}).get("cursor", "")
        if not after:
            return pages


def _channel(*endpoints: Callable[..., Any]) -> str:
    """A channel that has several pages of its own."""
    names = {get_videos: "user_id", get_clips: "broadcaster_id"}
    for stream in WORLD.at(AT).streams:
        user_id = stream.keys.user_id
        queries = [Query(((names[endpoint], user_id), ("first", "100"))) for endpoint in endpoints]
        answers = [endpoint(query, WORLD, AT) for endpoint, query in zip(endpoints, queries, strict=True)]
        if all(len(answer.payload["data"]) == 100 for answer in answers):
            return user_id
    raise AssertionError("the world has no such channel")


_snapshot = WORLD.at(AT)
_GAMES = [game.row["id"] for game in _snapshot.games][:150]
_USERS = [stream.keys.user_id for stream in _snapshot.streams][:150]
_LOGINS = [stream.keys.user_login for stream in _snapshot.streams][:150]
_CHANNEL = _channel(get_videos, get_clips)


def _cut(name: str, values: list[str]) -> tuple[Params, ...]:
    """More than 100 ids take several requests."""
    return tuple(
        tuple((name, value) for value in values[start : start + 100]) for start in range(0, len(values), 100)
    )


READINGS: tuple[Reading, ...] = (
    Reading(
        "get_streams",
        {"languages": ["en", "es"]},
        "streams",
        ((("language", "en"), ("language", "es")),),
    ),
    Reading("get_top_games", {"max_items": None}, "games/top", ((),)),
    Reading("get_games", {"ids": _GAMES}, "games", _cut("id", _GAMES)),
    Reading("get_users", {"logins": _LOGINS}, "users", _cut("login", _LOGINS)),
    Reading("get_channels", {"broadcaster_ids": _USERS}, "channels", _cut("broadcaster_id", _USERS)),
    Reading("get_videos", {"user_id": _CHANNEL}, "videos", ((("user_id", _CHANNEL),),)),
    Reading("get_clips", {"broadcaster_id": _CHANNEL}, "clips", ((("broadcaster_id", _CHANNEL),),)),
    Reading("search_channels", {"query": "v"}, "search/channels", ((("query", "v"),),)),
    Reading("search_categories", {"query": "e"}, "search/categories", ((("query", "e"),),)),
    Reading(
        "get_follower_count",
        {"broadcaster_id": _CHANNEL},
        "channels/followers",
        ((("broadcaster_id", _CHANNEL),),),
    ),
    Reading(
        "pages", {"endpoint": "streams", "params": {"language": "en"}}, "streams", ((("language", "en"),),)
    ),
    Reading("paginate", {"endpoint": "games/top"}, "games/top", ((),)),
)
