# SPDX-License-Identifier: Apache-2.0
"""What channels have kept: videos and clips, made up from the channel's id, so that they stay the same.

A channel brings out one of each every few days and keeps the latest of them, up to 250.
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
#: A game's videos and clips are those of so many channels: the most watched ones that are live with it.
_CHANNELS_OF_A_GAME = 20
#: Twitch ends these lists itself, however much more there is.
_MOST_VIDEOS_OF_A_GAME = 500
_MOST_CLIPS = 1_000

_PERIODS = {"all": None, "day": timedelta(days=1), "week": timedelta(weeks=1), "month": timedelta(days=30)}


@dataclass(frozen=True, slots=True)
class Piece:
    """A video or clip: the ``number``-th of its channel."""

    kind: str
    channel: Channel
    number: int

    @property
    def draw(self) -> int:
        """A number that is the piece's own."""
        return _draw(self.kind, self.channel.user_id, str(self.number))

    @property
    def created_at(self) -> datetime:
        """When it came out."""
        every = _every(self.kind, self.channel)
        return _SINCE + self.number * every + self.draw % 1_000 / 1_000 * every


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
        found = [_video(piece) for piece in _by_id("video", query.ordered("id"), _video_place, world, now)]
        if not found:
            raise RefusedError(helix_error(404, "The ID in the id query parameter was not found."))
        return Answer(payload={"data": found, "pagination": {}})
    pieces = _of("video", by, query.one(by), world, now)
    rows = [
        _video(piece)
        for piece in pieces
        if (period is None or piece.created_at >= now - period)
        and query.one("language", piece.channel.language) == piece.channel.language
    ]
    rows = [row for row in rows if kind in {"all", row["type"]}]
    # What trends is Twitch's own secret; here it is what was watched most.
    rows.sort(key=lambda row: row["created_at" if order == "time" else "view_count"], reverse=True)
    return page(ranked(rows[:_MOST_VIDEOS_OF_A_GAME] if by == "game_id" else rows), query.position())


def get_clips(query: Query, world: World, now: datetime) -> Answer:
    """``GET clips``: by ids, or those of a broadcaster or game, the most viewed first."""
    by = query.exactly_one_of("id", "broadcaster_id", "game_id")
    query.only_with(("ended_at",), "started_at")
    featured = query.flag("is_featured")
    if by == "id":
        pieces = _by_id("clip", query.ordered("id"), _clip_place, world, now)
        return Answer(payload={"data": [_clip(piece, now) for piece in pieces]})
    start = query.instant("started_at") or _SINCE
    end = query.instant("ended_at") or (start + timedelta(days=7) if query.one("started_at") else now)
    rows = [
        _clip(piece, now)
        for piece in _of("clip", by, query.one(by), world, now)
        if start <= piece.created_at <= end
    ]
    rows = [row for row in rows if featured is None or row["is_featured"] is featured]
    rows.sort(key=lambda row: row["view_count"], reverse=True)
    return page(ranked(rows[:_MOST_CLIPS]), query.position())


# --- what there is ---------------------------------------------------------------------------------------


def _draw(*texts: str) -> int:
    return zlib.crc32(" ".join(texts).encode())


def _every(kind: str, channel: Channel) -> timedelta:
    return timedelta(days=1 + _draw(kind, channel.user_id) % 9)


def _numbers(kind: str, channel: Channel, now: datetime) -> range:
    """The numbers of what a channel has kept, of the latest it has brought out."""
    brought_out = int((now - _SINCE) / _every(kind, channel))
    kept = _draw("kept", kind, channel.user_id) % (_MOST_KEPT + 1)
    return range(max(0, brought_out - kept), brought_out)


def _of(kind: str, by: str, value: str, world: World, now: datetime) -> Iterator[Piece]:
    """What a channel or a game's channels have, oldest first."""
    user_ids: Sequence[str] = [value]
    if by == "game_id":
        snapshot = world.at(now)
        if all(game["id"] != value for game in snapshot.known_games()):
            raise RefusedError(helix_error(404, "The ID in the game_id query parameter was not found."))
        live = snapshot.select(Filters(game_ids=frozenset({value})))
        user_ids = [stream.keys.user_id for stream in live[:_CHANNELS_OF_A_GAME]]
    for channel in world.channels(now, frozenset(user_ids), frozenset()):
        for number in _numbers(kind, channel, now):
            yield Piece(kind, channel, number)


def _by_id(
    kind: str, ids: Sequence[str], place_of: Callable[[str], tuple[str, str]], world: World, now: datetime
) -> Iterator[Piece]:
    """What these ids name, in their order; others are left out."""
    places = [place_of(each) for each in dict.fromkeys(ids)]
    channels = {
        channel.user_id: channel
        for channel in world.channels(now, frozenset(user_id for user_id, _ in places), frozenset())
    }
    for user_id, number in places:
        channel = channels.get(user_id)
        if channel and number.isdecimal() and int(number) in _numbers(kind, channel, now):
            yield Piece(kind, channel, int(number))


def _video_id(user_id: str, number: int) -> str:
    return f"2{user_id}{number:04}"


def _video_place(video_id: str) -> tuple[str, str]:
    return video_id[1:-4], video_id[-4:]


def _clip_place(clip_id: str) -> tuple[str, str]:
    user_id, _, number = clip_id.removeprefix("MadeUpClip-").partition("-")
    return user_id, number


# --- rows ------------------------------------------------------------------------------------------------


def _title(piece: Piece) -> str:
    titles = words.TITLES.get(piece.channel.language) or words.TITLES["en"]
    return titles[piece.draw % len(titles)]


def _video(piece: Piece) -> dict[str, Any]:
    draw, channel = piece.draw, piece.channel
    video_id = _video_id(channel.user_id, piece.number)
    kind = ("archive", "archive", "highlight", "upload")[draw % 4]
    minutes, seconds = divmod(60 + draw % 20_000, 60)
    hours, minutes = divmod(minutes, 60)
    return {
        "id": video_id,
        "stream_id": str(40_000_000_000 + draw) if kind == "archive" else None,
        "user_id": channel.user_id,
        "user_login": channel.login,
        "user_name": channel.name,
        "title": _title(piece),
        "description": "",
        "created_at": rfc3339(piece.created_at),
        "published_at": rfc3339(piece.created_at),
        "url": f"https://www.twitch.tv/videos/{video_id}",
        "thumbnail_url": (
            f"https://static-cdn.jtvnw.net/cf_vods/{channel.login}/{video_id}/thumb/"
            "index-0000000000-%{width}x%{height}.jpg"
        ),
        "viewable": "public",
        "view_count": draw % 99_991,
        "language": channel.language,
        "type": kind,
        "duration": f"{hours}h{minutes}m{seconds}s" if hours else f"{minutes}m{seconds}s",
        "muted_segments": [{"duration": 30, "offset": 120}] if draw % 5 == 0 else None,
    }


def _clip(piece: Piece, now: datetime) -> Row:
    draw, channel = piece.draw, piece.channel
    clip_id = f"MadeUpClip-{channel.user_id}-{piece.number}"
    # The video that a clip was cut from may be gone.
    has_video = piece.number in _numbers("video", channel, now)
    return {
        "id": clip_id,
        "url": f"https://clips.twitch.tv/{clip_id}",
        "embed_url": f"https://clips.twitch.tv/embed?clip={clip_id}",
        "broadcaster_id": channel.user_id,
        "broadcaster_name": channel.name,
        "creator_id": str(10_000_000 + draw % 1_000_000),
        "creator_name": f"Viewer{draw % 1_000_000}",
        "video_id": _video_id(channel.user_id, piece.number) if has_video else "",
        "game_id": channel.game_id,
        "language": channel.language,
        "title": _title(piece),
        "view_count": draw % 9_973,
        "created_at": rfc3339(piece.created_at),
        "thumbnail_url": f"https://clips-media-assets2.twitch.tv/{clip_id}-preview-480x272.jpg",
        "duration": 5 + draw % 551 / 10,
        "vod_offset": draw % 7_200 if has_video else None,
        "is_featured": draw % 3 == 0,
    }
