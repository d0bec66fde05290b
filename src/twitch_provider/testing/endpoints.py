# SPDX-License-Identifier: Apache-2.0
"""The endpoints of Helix, as pure functions of query, world and instant.

https://dev.twitch.tv/docs/api/reference
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from twitch_provider.testing.answers import Answer
from twitch_provider.testing.pages import page
from twitch_provider.testing.query import Query
from twitch_provider.testing.searches import get_followers, search_categories, search_channels
from twitch_provider.testing.videos import get_clips, get_videos
from twitch_provider.testing.world import Channel, Filters, World, rfc3339

Endpoint = Callable[[Query, World, datetime], Answer]


def get_streams(query: Query, world: World, now: datetime) -> Answer:
    """``GET streams``: https://dev.twitch.tv/docs/api/reference#get-streams."""
    filters = Filters(
        user_ids=query.any_of("user_id"),
        user_logins=frozenset(login.lower() for login in query.any_of("user_login")),
        game_ids=query.any_of("game_id"),
        languages=query.any_of("language"),
        live_only=query.choice("type", ("all", "live")) == "live",
    )
    snapshot = world.at(now)
    return page(
        snapshot.select(filters),
        query.position(),
        open_ended=snapshot.open_ended,
        may_be_short=snapshot.short_pages,
    )


def get_top_games(query: Query, world: World, now: datetime) -> Answer:
    """``GET games/top``: https://dev.twitch.tv/docs/api/reference#get-top-games."""
    snapshot = world.at(now)
    return page(snapshot.games, query.position(), open_ended=snapshot.open_ended)


def get_games(query: Query, world: World, now: datetime) -> Answer:
    """``GET games``: https://dev.twitch.tv/docs/api/reference#get-games."""
    query.require_some_of("id", "name", "igdb_id")
    ids, names, igdb_ids = query.any_of("id"), query.any_of("name"), query.any_of("igdb_id")
    found = {
        row["id"]: row
        for row in world.at(now).known_games()
        if row["id"] in ids or row.get("name") in names or row.get("igdb_id") in igdb_ids
    }
    return Answer(payload={"data": list(found.values())})


def get_users(query: Query, world: World, now: datetime) -> Answer:
    """``GET users``: https://dev.twitch.tv/docs/api/reference#get-users."""
    query.require_some_of("id", "login")
    logins = frozenset(login.lower() for login in query.any_of("login"))
    found = world.channels(now, query.any_of("id"), logins)
    return Answer(payload={"data": [_user(channel) for channel in found]})


def get_channels(query: Query, world: World, now: datetime) -> Answer:
    """``GET channels``: https://dev.twitch.tv/docs/api/reference#get-channel-information."""
    query.require_some_of("broadcaster_id")
    found = world.channels(now, query.any_of("broadcaster_id"), frozenset())
    return Answer(payload={"data": [_channel_information(channel) for channel in found]})


#: Path below the Helix root -> endpoint.
ENDPOINTS: dict[str, Endpoint] = {
    "streams": get_streams,
    "games/top": get_top_games,
    "games": get_games,
    "users": get_users,
    "channels": get_channels,
    "channels/followers": get_followers,
    "videos": get_videos,
    "clips": get_clips,
    "search/channels": search_channels,
    "search/categories": search_categories,
}


def _user(channel: Channel) -> dict[str, Any]:
    """Fields that a world does not have are derived from the id, so that they stay the same."""
    number = zlib.crc32(channel.user_id.encode())
    created_at = datetime(2012, 1, 1, tzinfo=UTC) + timedelta(seconds=number % (9 * 365 * 86400))
    portraits = "https://static-cdn.jtvnw.net/jtv_user_pictures"
    return {
        "id": channel.user_id,
        "login": channel.login,
        "display_name": channel.name,
        "type": "",
        "broadcaster_type": ("", "affiliate", "affiliate", "partner")[number % 4],
        "description": "",
        "profile_image_url": f"{portraits}/{number:08x}-profile_image-300x300.png",
        "offline_image_url": "",
        "view_count": 0,
        "created_at": rfc3339(created_at),
    }


def _channel_information(channel: Channel) -> dict[str, Any]:
    return {
        "broadcaster_id": channel.user_id,
        "broadcaster_login": channel.login,
        "broadcaster_name": channel.name,
        "broadcaster_language": channel.language,
        "game_id": channel.game_id,
        "game_name": channel.game_name,
        "title": channel.title,
        # Only the broadcaster sees the delay: 0 with an app token.
        "delay": 0,
        "tags": list(channel.tags),
        "content_classification_labels": [],
        "is_branded_content": False,
    }
