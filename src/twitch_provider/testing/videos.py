# SPDX-License-Identifier: Apache-2.0
"""The endpoints of videos and clips, which are made up from the channel's id, so that they stay the same.

A channel publishes one of each every few days and keeps the latest of them, up to 250.
https://dev.twitch.tv/docs/api/reference#get-videos, https://dev.twitch.tv/docs/api/reference#get-clips
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from twitch_provider.testing import vocabulary as words
from twitch_provider.testing.answers import Answer, RefusedError, helix_error
from twitch_provider.testing.pages import page, ranked
from twitch_provider.testing.query import Query
from twitch_provider.testing.world import Channel, Filters, Row, World, rfc3339

_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
_MOST_KEPT = 250
#: A game's videos and clips are those of its most watched live channels.
_CHANNELS_OF_A_GAME = 20
#: Twitch ends these lists, even if there are more.
_MOST_VIDEOS_OF_A_GAME = 500
_MOST_CLIPS = 1_000

_PERIODS = {"all": None, "day": timedelta(days=1), "week": timedelta(weeks=1), "month": timedelta(days=30)}


@dataclass(frozen=True, slots=True)
class Item:
    """A video or clip, with its number in its channel."""

    kind: str
    channel: Channel
    number: int

    @property
    def digest(self) -> int:
        """A hash of the item."""
        return _digest(self.kind, self.channel.user_id, str(self.number))

    @property
    def created_at(self) -> datetime:
        """When it was published."""
        every = _every(self.kind, self.channel)
        return _SINCE + self.number * every + self.digest % 1_000 / 1_000 * every


def get_videos(query: Query, world: World, now: datetime) -> Answer:
    """``GET videos``: by ids, or those of a user or game."""
    by = query.exactly_one_of("id", "user_id", "game_id")
    query.only_with(("period", "sort", "type", "first"), "user_id", "game_id")
    query.only_with(("language",), "game_id")
    query.only_with(("after", "before"), "user_id")
    period = _PERIODS[query.choice("period", tuple(_PERIODS))]
    order = query.choice("sort", ("time", "trending", "views"))
    kind = query.choice("type", ("all", "archive", "highlight", "upload"))
    if by == "id":
        found = [_video(item) for item in _by_id("video", query.many("id"), _parse_video_id, world, now)]
        if not found:
            raise RefusedError(helix_error(404, "The ID in the id query parameter was not found."))
        return Answer(payload={"data": found, "pagination": {}})
    items = _of("video", by, query.one(by), world, now)
    rows = [
        _video(item)
        for item in items
        if (period is None or item.created_at >= now - period)
        and query.one("language", item.channel.language) == item.channel.language
    ]
    rows = [row for row in rows if kind in {"all", row["type"]}]
    # How Twitch ranks by trend is not public: here it is the number of views.
    rows.sort(key=lambda row: row["created_at" if order == "time" else "view_count"], reverse=True)
    return page(ranked(rows[:_MOST_VIDEOS_OF_A_GAME] if by == "game_id" else rows), query.position())


def get_clips(query: Query, world: World, now: datetime) -> Answer:
    """``GET clips``: by ids, or those of a broadcaster or game, the most viewed first."""
    by = query.exactly_one_of("id", "broadcaster_id", "game_id")
    query.only_with(("ended_at",), "started_at")
    featured = query.flag("is_featured")
    if by == "id":
        items = _by_id("clip", query.many("id"), _parse_clip_id, world, now)
        return Answer(payload={"data": [_clip(item, now) for item in items]})
    start = query.instant("started_at") or _SINCE
    end = query.instant("ended_at") or (start + timedelta(days=7) if query.one("started_at") else now)
    rows = [
        _clip(item, now)
        for item in _of("clip", by, query.one(by), world, now)
        if start <= item.created_at <= end
    ]
    rows = [row for row in rows if featured is None or row["is_featured"] is featured]
    rows.sort(key=lambda row: row["view_count"], reverse=True)
    return page(ranked(rows[:_MOST_CLIPS]), query.position())


# --- items -----------------------------------------------------------------------------------------------


def _digest(*texts: str) -> int:
    return zlib.crc32(" ".join(texts).encode())


def _every(kind: str, channel: Channel) -> timedelta:
    return timedelta(days=1 + _digest(kind, channel.user_id) % 9)


def _numbers(kind: str, channel: Channel, now: datetime) -> range:
    """The numbers of the items that a channel has kept, which are its latest."""
    published = int((now - _SINCE) / _every(kind, channel))
    kept = _digest("kept", kind, channel.user_id) % (_MOST_KEPT + 1)
    return range(max(0, published - kept), published)


def _of(kind: str, by: str, value: str, world: World, now: datetime) -> Iterator[Item]:
    """The items of a channel or of a game's channels, oldest first."""
    user_ids: Sequence[str] = [value]
    if by == "game_id":
        snapshot = world.at(now)
        if all(game["id"] != value for game in snapshot.known_games()):
            raise RefusedError(helix_error(404, "The ID in the game_id query parameter was not found."))
        live = snapshot.select(Filters(game_ids=frozenset({value})))
        user_ids = [stream.keys.user_id for stream in live[:_CHANNELS_OF_A_GAME]]
    for channel in world.channels(now, frozenset(user_ids), frozenset()):
        for number in _numbers(kind, channel, now):
            yield Item(kind, channel, number)


def _by_id(
    kind: str, ids: Sequence[str], parse_id: Callable[[str], tuple[str, str]], world: World, now: datetime
) -> Iterator[Item]:
    """The items with these ids, in their order; unknown ids are ignored."""
    parsed = [parse_id(each) for each in dict.fromkeys(ids)]
    channels = {
        channel.user_id: channel
        for channel in world.channels(now, frozenset(user_id for user_id, _ in parsed), frozenset())
    }
    for user_id, number in parsed:
        channel = channels.get(user_id)
        if channel and number.isdecimal() and int(number) in _numbers(kind, channel, now):
            yield Item(kind, channel, int(number))


def _video_id(user_id: str, number: int) -> str:
    return f"2{user_id}{number:04}"


def _parse_video_id(video_id: str) -> tuple[str, str]:
    return video_id[1:-4], video_id[-4:]


def _parse_clip_id(clip_id: str) -> tuple[str, str]:
    user_id, _, number = clip_id.removeprefix("MadeUpClip-").partition("-")
    return user_id, number


# --- rows ------------------------------------------------------------------------------------------------


def _title(item: Item) -> str:
    titles = words.TITLES.get(item.channel.language) or words.TITLES["en"]
    return titles[item.digest % len(titles)]


def _video(item: Item) -> dict[str, Any]:
    digest, channel = item.digest, item.channel
    video_id = _video_id(channel.user_id, item.number)
    kind = ("archive", "archive", "highlight", "upload")[digest % 4]
    minutes, seconds = divmod(60 + digest % 20_000, 60)
    hours, minutes = divmod(minutes, 60)
    return {
        "id": video_id,
        "stream_id": str(40_000_000_000 + digest) if kind == "archive" else None,
        "user_id": channel.user_id,
        "user_login": channel.login,
        "user_name": channel.name,
        "title": _title(item),
        "description": "",
        "created_at": rfc3339(item.created_at),
        "published_at": rfc3339(item.created_at),
        "url": f"https://www.twitch.tv/videos/{video_id}",
        "thumbnail_url": (
            f"https://static-cdn.jtvnw.net/cf_vods/{channel.login}/{video_id}/thumb/"
            "index-0000000000-%{width}x%{height}.jpg"
        ),
        "viewable": "public",
        "view_count": digest % 99_991,
        "language": channel.language,
        "type": kind,
        "duration": f"{hours}h{minutes}m{seconds}s" if hours else f"{minutes}m{seconds}s",
        "muted_segments": [{"duration": 30, "offset": 120}] if digest % 5 == 0 else None,
    }


def _clip(item: Item, now: datetime) -> Row:
    digest, channel = item.digest, item.channel
    clip_id = f"MadeUpClip-{channel.user_id}-{item.number}"
    # The video that a clip was cut from may have been deleted.
    has_video = item.number in _numbers("video", channel, now)
    return {
        "id": clip_id,
        "url": f"https://clips.twitch.tv/{clip_id}",
        "embed_url": f"https://clips.twitch.tv/embed?clip={clip_id}",
        "broadcaster_id": channel.user_id,
        "broadcaster_name": channel.name,
        "creator_id": str(10_000_000 + digest % 1_000_000),
        "creator_name": f"Viewer{digest % 1_000_000}",
        "video_id": _video_id(channel.user_id, item.number) if has_video else "",
        "game_id": channel.game_id,
        "language": channel.language,
        "title": _title(item),
        "view_count": digest % 9_973,
        "created_at": rfc3339(item.created_at),
        "thumbnail_url": f"https://clips-media-assets2.twitch.tv/{clip_id}-preview-480x272.jpg",
        "duration": 5 + digest % 551 / 10,
        "vod_offset": digest % 7_200 if has_video else None,
        "is_featured": digest % 3 == 0,
    }
