# SPDX-License-Identifier: Apache-2.0
"""The readers: one method for each list of Helix, the same in every hook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from twitch_provider.helix import queries
from twitch_provider.helix.queries import Ids, Query

#: A row of Helix, as it is.
Row = dict[str, Any]
#: Iterators: plain ones in TwitchHook, asynchronous ones in TwitchAsyncHook.
Rows = TypeVar("Rows")
Pages = TypeVar("Pages")


class Readers(ABC, Generic[Rows, Pages]):
    """Declares what can be read: the parameters of each reader, and Helix's names for them.

    Arguments are checked at once (``TwitchParameterError`` names the one that Helix would refuse). Rows
    arrive while you iterate, and so do errors. More than 100 ids are split into several requests, over which
    streams are sorted as in one. Ids that Twitch does not know are absent from the answer.
    """

    @abstractmethod
    def walk(self, query: Query) -> Pages:
        """Read the pages of a checked query.

        :param query: made by :func:`twitch_provider.helix.queries.query`
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """

    @abstractmethod
    def _rows(self, query: Query) -> Rows:
        """Read the rows of a checked query, each id once."""

    def pages(
        self, endpoint: str, params: Mapping[str, Any] | None = None, *, max_pages: int | None = None
    ) -> Pages:
        """Read the pages of any list endpoint.

        :param endpoint: for example ``streams`` or ``games/top``
        :param params: by Helix's names; a list is sent as a repeated parameter; ``first`` is 100 if not given
        :param max_pages: stop after this many pages
        :returns: a lazy iterator of :class:`twitch_provider.helix.messages.Page`
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self.walk(queries.query(endpoint, params, max_pages=max_pages))

    def paginate(
        self, endpoint: str, params: Mapping[str, Any] | None = None, *, max_items: int | None = None
    ) -> Rows:
        """Read the rows of any list endpoint, each id once.

        :param endpoint: for example ``streams`` or ``games/top``
        :param params: by Helix's names; a list is sent as a repeated parameter
        :param max_items: stop after this many rows
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(queries.query(endpoint, params, max_items=max_items))

    def get_streams(
        self,
        *,
        game_ids: Ids | None = None,
        user_ids: Ids | None = None,
        user_logins: Ids | None = None,
        languages: Ids | None = None,
        stream_type: str | None = None,
        max_items: int | None = None,
    ) -> Rows:
        """Live streams, most viewers first, over all requests; all of them without a filter.

        https://dev.twitch.tv/docs/api/reference/#get-streams

        :param game_ids: of these games
        :param user_ids: of these broadcasters
        :param user_logins: of these broadcasters
        :param languages: ISO 639-1 codes or ``other``
        :param stream_type: ``all`` or ``live``
        :param max_items: stop after this many streams
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        params = {
            "game_id": game_ids,
            "user_id": user_ids,
            "user_login": user_logins,
            "language": languages,
            "type": stream_type,
        }
        return self._rows(queries.query("streams", params, max_items=max_items, split=True))

    def get_top_games(self, max_items: int | None = 20) -> Rows:
        """Games with the most viewers, in that order.

        https://dev.twitch.tv/docs/api/reference/#get-top-games

        :param max_items: how many; None for all
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(queries.query("games/top", max_items=max_items))

    def get_games(
        self, *, ids: Ids | None = None, names: Ids | None = None, igdb_ids: Ids | None = None
    ) -> Rows:
        """Games by id, exact name or IGDB id.

        https://dev.twitch.tv/docs/api/reference/#get-games

        :param ids: of games
        :param names: exact ones
        :param igdb_ids: of https://www.igdb.com
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        params = {"id": ids, "name": names, "igdb_id": igdb_ids}
        return self._rows(queries.query("games", params, split=True))

    def get_users(self, *, ids: Ids | None = None, logins: Ids | None = None) -> Rows:
        """Users by id or login.

        https://dev.twitch.tv/docs/api/reference/#get-users

        :param ids: of users
        :param logins: of users
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(queries.query("users", {"id": ids, "login": logins}, split=True))

    def get_channels(self, broadcaster_ids: Ids) -> Rows:
        """Channels: title, game, language, tags.

        https://dev.twitch.tv/docs/api/reference/#get-channel-information

        :param broadcaster_ids: of these broadcasters
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(queries.query("channels", {"broadcaster_id": broadcaster_ids}, split=True))

    def get_videos(
        self,
        *,
        ids: Ids | None = None,
        user_id: str | None = None,
        game_id: str | None = None,
        language: str | None = None,
        period: str | None = None,
        sort: str | None = None,
        video_type: str | None = None,
        max_items: int | None = None,
    ) -> Rows:
        """Videos by exactly one of ids, user or game.

        By game Helix returns one page, at most 100 videos. https://dev.twitch.tv/docs/api/reference/#get-videos

        :param ids: of videos
        :param user_id: of this broadcaster
        :param game_id: of this game
        :param language: with ``game_id`` only
        :param period: ``all``, ``day``, ``week`` or ``month``; like ``sort`` and ``video_type`` not with ids
        :param sort: ``time``, ``trending`` or ``views``
        :param video_type: ``all``, ``archive``, ``highlight`` or ``upload``
        :param max_items: stop after this many videos
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
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
        return self._rows(queries.query("videos", params, max_items=max_items, split=True))

    def get_clips(
        self,
        *,
        ids: Ids | None = None,
        broadcaster_id: str | None = None,
        game_id: str | None = None,
        started_at: str | datetime | None = None,
        ended_at: str | datetime | None = None,
        is_featured: bool | None = None,
        max_items: int | None = None,
    ) -> Rows:
        """Clips by exactly one of ids, broadcaster or game, most viewed first.

        Helix returns about 1,000 clips of a window; narrow ``started_at`` and ``ended_at`` for more.
        https://dev.twitch.tv/docs/api/reference/#get-clips

        :param ids: of clips
        :param broadcaster_id: of this broadcaster
        :param game_id: of this game
        :param started_at: RFC 3339 text or an aware datetime
        :param ended_at: likewise; only with ``started_at``
        :param is_featured: only featured clips, or only the others
        :param max_items: stop after this many clips
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        params = {
            "id": ids,
            "broadcaster_id": broadcaster_id,
            "game_id": game_id,
            "started_at": started_at,
            "ended_at": ended_at,
            "is_featured": is_featured,
        }
        return self._rows(queries.query("clips", params, max_items=max_items, split=True))

    def search_channels(
        self, query: str, *, live_only: bool | None = None, max_items: int | None = None
    ) -> Rows:
        """Channels that streamed within six months, by the beginning of their name.

        https://dev.twitch.tv/docs/api/reference/#search-channels

        :param query: the beginning of a name
        :param live_only: only channels that are live
        :param max_items: stop after this many channels
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        params = {"query": query, "live_only": live_only}
        return self._rows(queries.query("search/channels", params, max_items=max_items))

    def search_categories(self, query: str, *, max_items: int | None = None) -> Rows:
        """Games and categories by name.

        https://dev.twitch.tv/docs/api/reference/#search-categories

        :param query: a part of the name
        :param max_items: stop after this many categories
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(queries.query("search/categories", {"query": query}, max_items=max_items))
