# SPDX-License-Identifier: Apache-2.0
"""What to read: an endpoint, the requests that it takes, and where to stop.

One function for each reader of the hooks, shared by sync and async.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, TypeVar

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix.endpoints import MAX_VALUES, Endpoint, endpoint
from twitch_provider.helix.messages import Params

#: One id or several.
Ids = str | Sequence[str]
T = TypeVar("T")


@dataclass(frozen=True)
class Query:
    """A walk to be made.

    :param endpoint: the list
    :param batches: the query of each first request; several where there were more than 100 ids
    :param max_items: stop after so many distinct rows
    :param max_pages: stop after so many pages of a batch
    """

    endpoint: Endpoint
    batches: tuple[Params, ...]
    max_items: int | None = None
    max_pages: int | None = None

    def follows(self, params: Params) -> bool:
        """Whether the walk may go on at a cursor.

        Not on a list that comes whole; not backwards, where cursors loop
        (https://github.com/twitchdev/issues/issues/1172); and Get Videos takes ``after`` only with a user.

        :param params: the query of the batch's first request
        """
        given = {name for name, _ in params}
        needed = self.endpoint.needs.get("after")
        return self.endpoint.paged and "before" not in given and (needed is None or bool(given & set(needed)))


def query(
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    max_items: int | None = None,
    max_pages: int | None = None,
    split: bool = False,
) -> Query:
    """Check a reading before anything is sent.

    :param path: the endpoint, for example ``games/top``
    :param params: arguments by Helix's names; None stands for "not given"
    :param max_items: stop after so many distinct rows
    :param max_pages: stop after so many pages of a batch
    :param split: cut more than 100 ids into several requests, instead of refusing them
    :raises TwitchParameterError: naming the parameter
    """
    listed = endpoint(path)
    for name, bound in (("max_items", max_items), ("max_pages", max_pages)):
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int) or bound < 1):
            raise TwitchParameterError(
                f"{listed.path}: {name} wants 1 or more, not {bound!r}", parameter=name
            )
    params = {name: value for name, value in (params or {}).items() if value is not None}
    # Videos and clips by id come in one answer, and `first` is not for them.
    if listed.paged and "first" not in params and not ("id" in listed.lists and "id" in params):
        params["first"] = min(MAX_VALUES, max_items or MAX_VALUES)
    batches = tuple(_split(listed, params)) if split else (listed.check(params),)
    return Query(listed, batches, max_items, max_pages)


def _split(listed: Endpoint, params: Mapping[str, Any]) -> Iterator[Params]:
    texts = listed.values(params)
    rest = {name: params[name] for name in texts if name not in listed.lists}
    if listed.joint:
        # Order of the answer is not promised, so how the values are mixed does not matter.
        pairs = [(name, text) for name in listed.lists for text in texts.get(name, ())]
        for chunk in _chunks(pairs):
            yield listed.check(rest | {n: [t for name, t in chunk if name == n] for n, _ in chunk})
        return
    filters = [name for name in texts if name in listed.lists]
    for combination in product(*(list(_chunks(texts[name])) for name in filters)):
        yield listed.check(rest | dict(zip(filters, combination, strict=True)))


def _chunks(values: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(values), MAX_VALUES):
        yield values[start : start + MAX_VALUES]


def streams(
    *,
    game_ids: Ids | None = None,
    user_ids: Ids | None = None,
    user_logins: Ids | None = None,
    languages: Ids | None = None,
    stream_type: str | None = None,
    max_items: int | None = None,
) -> Query:
    """Get Streams.

    https://dev.twitch.tv/docs/api/reference/#get-streams

    :param game_ids: of these games
    :param user_ids: of these broadcasters
    :param user_logins: of these broadcasters
    :param languages: ISO 639-1 codes or ``other``
    :param stream_type: ``all`` or ``live``
    :param max_items: stop after so many streams
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    params = {
        "game_id": game_ids,
        "user_id": user_ids,
        "user_login": user_logins,
        "language": languages,
        "type": stream_type,
    }
    return query("streams", params, max_items=max_items, split=True)


def top_games(*, max_items: int | None = 20) -> Query:
    """Get Top Games.

    https://dev.twitch.tv/docs/api/reference/#get-top-games

    :param max_items: how many; None for all
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    return query("games/top", max_items=max_items)


def games(*, ids: Ids | None = None, names: Ids | None = None, igdb_ids: Ids | None = None) -> Query:
    """Get Games.

    https://dev.twitch.tv/docs/api/reference/#get-games

    :param ids: of games
    :param names: exact ones
    :param igdb_ids: of https://www.igdb.com
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    return query("games", {"id": ids, "name": names, "igdb_id": igdb_ids}, split=True)


def users(*, ids: Ids | None = None, logins: Ids | None = None) -> Query:
    """Get Users.

    https://dev.twitch.tv/docs/api/reference/#get-users

    :param ids: of users
    :param logins: of users
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    return query("users", {"id": ids, "login": logins}, split=True)


def channels(*, broadcaster_ids: Ids) -> Query:
    """Get Channel Information.

    https://dev.twitch.tv/docs/api/reference/#get-channel-information

    :param broadcaster_ids: of these broadcasters
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    return query("channels", {"broadcaster_id": broadcaster_ids}, split=True)


def videos(
    *,
    ids: Ids | None = None,
    user_id: str | None = None,
    game_id: str | None = None,
    language: str | None = None,
    period: str | None = None,
    sort: str | None = None,
    video_type: str | None = None,
    max_items: int | None = None,
) -> Query:
    """Get Videos.

    https://dev.twitch.tv/docs/api/reference/#get-videos

    :param ids: of videos
    :param user_id: of this broadcaster
    :param game_id: of this game
    :param language: with ``game_id`` only
    :param period: ``all``, ``day``, ``week`` or ``month``
    :param sort: ``time``, ``trending`` or ``views``
    :param video_type: ``all``, ``archive``, ``highlight`` or ``upload``
    :param max_items: stop after so many videos
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    params = {
        "id": ids,
        "user_id": user_id,
        "game_id": game_id,
        "language": language,
        "period": period,
        "sort": sort,
        "type": video_type,
    }
    return query("videos", params, max_items=max_items, split=True)


def clips(
    *,
    ids: Ids | None = None,
    broadcaster_id: str | None = None,
    game_id: str | None = None,
    started_at: str | datetime | None = None,
    ended_at: str | datetime | None = None,
    is_featured: bool | None = None,
    max_items: int | None = None,
) -> Query:
    """Get Clips.

    https://dev.twitch.tv/docs/api/reference/#get-clips

    :param ids: of clips
    :param broadcaster_id: of this broadcaster
    :param game_id: of this game
    :param started_at: RFC 3339 text or an aware datetime
    :param ended_at: likewise; only with ``started_at``
    :param is_featured: only featured clips, or only the others
    :param max_items: stop after so many clips
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    params = {
        "id": ids,
        "broadcaster_id": broadcaster_id,
        "game_id": game_id,
        "started_at": started_at,
        "ended_at": ended_at,
        "is_featured": is_featured,
    }
    return query("clips", params, max_items=max_items, split=True)


def search_channels(search: str, *, live_only: bool | None = None, max_items: int | None = None) -> Query:
    """Search Channels.

    https://dev.twitch.tv/docs/api/reference/#search-channels

    :param search: the beginning of a name
    :param live_only: only channels that are live
    :param max_items: stop after so many channels
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    return query("search/channels", {"query": search, "live_only": live_only}, max_items=max_items)


def search_categories(search: str, *, max_items: int | None = None) -> Query:
    """Search Categories.

    https://dev.twitch.tv/docs/api/reference/#search-categories

    :param search: a part of the name
    :param max_items: stop after so many categories
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    return query("search/categories", {"query": search}, max_items=max_items)


def follower_count(broadcaster_id: str) -> Query:
    """Get Channel Followers, of which an app token is told only the total.

    https://dev.twitch.tv/docs/api/reference/#get-channel-followers

    :param broadcaster_id: of the channel
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    return query("channels/followers", {"broadcaster_id": broadcaster_id, "first": 1}, max_pages=1)
