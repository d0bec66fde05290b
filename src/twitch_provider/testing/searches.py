# SPDX-License-Identifier: Apache-2.0
"""The search endpoints, and the number of a channel's followers.

https://dev.twitch.tv/docs/api/reference#search-channels
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from twitch_provider.testing.answers import Answer
from twitch_provider.testing.pages import page, ranked
from twitch_provider.testing.query import Query
from twitch_provider.testing.world import Channel, Row, Searchable, World


def search_channels(query: Query, world: World, now: datetime) -> Answer:
    """``GET search/channels``: by the beginning of the login; with ``live_only`` also of the category."""
    query.require_some_of("query")
    beginning = query.one("query").lower()
    live_only = query.flag("live_only") or False
    return page(ranked(_channels(beginning, live_only, world, now)), query.position())


def _channels(beginning: str, live_only: bool, world: World, now: datetime) -> Iterator[Row]:
    """The live channels by viewers, then the others."""
    snapshot = world.at(now)
    categories = {
        game["id"] for game in snapshot.known_games() if live_only and _name(game).startswith(beginning)
    }
    live = {
        stream.keys.user_id: stream
        for stream in snapshot.streams
        if stream.keys.user_login.startswith(beginning) or stream.keys.game_id in categories
    }
    channels = {channel.user_id: channel for channel in world.channels(now, live.keys(), frozenset())}
    for user_id, stream in live.items():
        if channel := channels.get(user_id):
            yield _channel(channel, started_at=str(stream.row.get("started_at", "")))
    if not live_only and isinstance(world, Searchable):
        for channel in world.named(now, beginning):
            if channel.user_id not in live:
                yield _channel(channel, started_at="")


def search_categories(query: Query, world: World, now: datetime) -> Answer:
    """``GET search/categories``: https://dev.twitch.tv/docs/api/reference#search-categories."""
    query.require_some_of("query")
    part = query.one("query").lower()
    games = {game["id"]: game for game in world.at(now).known_games()}
    found = [game for game in games.values() if part in _name(game)]
    return page(ranked(map(_category, found)), query.position())


def get_followers(query: Query, world: World, now: datetime) -> Answer:
    """``GET channels/followers``: with an app token only the total.

    https://dev.twitch.tv/docs/api/reference#get-channel-followers
    """
    query.require_some_of("broadcaster_id")
    query.position()
    known = world.channels(now, {query.one("broadcaster_id")}, frozenset())
    total = sum(_number(channel) % 100_000 for channel in known)
    return Answer(payload={"total": total, "data": [], "pagination": {}})


def _name(game: Row) -> str:
    return str(game.get("name", "")).lower()


def _number(channel: Channel) -> int:
    return zlib.crc32(channel.user_id.encode())


def _channel(channel: Channel, *, started_at: str) -> dict[str, Any]:
    """A row of Search Channels; without ``started_at`` it is not live."""
    portraits = "https://static-cdn.jtvnw.net/jtv_user_pictures"
    return {
        "broadcaster_language": channel.language,
        "broadcaster_login": channel.login,
        "display_name": channel.name,
        "game_id": channel.game_id,
        "game_name": channel.game_name,
        "id": channel.user_id,
        "is_live": bool(started_at),
        "tag_ids": [],
        "tags": list(channel.tags),
        "thumbnail_url": f"{portraits}/{_number(channel):08x}-profile_image-300x300.png",
        "title": channel.title,
        "started_at": started_at,
    }


def _category(game: Row) -> dict[str, Any]:
    # A fixed size instead of the placeholder.
    box_art_url = str(game.get("box_art_url", "")).replace("{width}x{height}", "52x72")
    return {"id": game["id"], "name": game.get("name", ""), "box_art_url": box_art_url}
