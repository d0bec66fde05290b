# SPDX-License-Identifier: Apache-2.0
"""The readers: one for each list of Helix, the same for every hook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from twitch_provider.helix import queries
from twitch_provider.helix.queries import Ids, Query

#: A row of Helix, as it is.
Row = dict[str, Any]
#: Iterators: plain in the hook for tasks, asynchronous in the one for the event loop.
Rows = TypeVar("Rows")
Pages = TypeVar("Pages")


class Readers(ABC, Generic[Rows, Pages]):
    """Checks the arguments of a reading and hands it to the hook, which walks it.

    Everywhere: arguments are checked at once (``TwitchParameterError`` names the one that Helix would
    refuse), rows come while you iterate, more than 100 ids are cut into several requests, and ids that
    Twitch does not know are absent from the answer. What goes wrong while reading is raised while you
    iterate: see :mod:`twitch_provider.exceptions`.
    """

    @abstractmethod
    def walk(self, query: Query) -> Pages:
        """Walk a checked query of :mod:`twitch_provider.helix.queries`, page by page.

        :param query: what to read
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """

    @abstractmethod
    def _rows(self, query: Query) -> Rows:
        """Walk a list, row by row."""

    def pages(
        self, endpoint: str, params: Mapping[str, Any] | None = None, *, max_pages: int | None = None
    ) -> Pages:
        """Walk any list endpoint, page by page.

        :param endpoint: for example ``streams`` or ``games/top``
        :param params: by Helix's names; a list is sent as a repeated parameter; ``first`` is 100 if not given
        :param max_pages: stop after so many pages
        :returns: a lazy iterator of pages, each with its untouched body, rows, cursor and instant
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self.walk(queries.query(endpoint, params, max_pages=max_pages))

    def paginate(
        self, endpoint: str, params: Mapping[str, Any] | None = None, *, max_items: int | None = None
    ) -> Rows:
        """Walk any list endpoint, row by row, each id once.

        :param endpoint: for example ``streams`` or ``games/top``
        :param params: by Helix's names; a list is sent as a repeated parameter
        :param max_items: stop after so many rows
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
        """Live streams, most viewers first; all of them without a filter.

        https://dev.twitch.tv/docs/api/reference/#get-streams

        :param game_ids: of these games
        :param user_ids: of these broadcasters
        :param user_logins: of these broadcasters
        :param languages: ISO 639-1 codes or ``other``
        :param stream_type: ``all`` or ``live``
        :param max_items: stop after so many streams
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(
            queries.streams(
                game_ids=game_ids,
                user_ids=user_ids,
                user_logins=user_logins,
                languages=languages,
                stream_type=stream_type,
                max_items=max_items,
            )
        )

    def get_top_games(self, max_items: int | None = 20) -> Rows:
        """Games with the most viewers, in that order.

        https://dev.twitch.tv/docs/api/reference/#get-top-games

        :param max_items: how many; None for all
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(queries.top_games(max_items=max_items))

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
        return self._rows(queries.games(ids=ids, names=names, igdb_ids=igdb_ids))

    def get_users(self, *, ids: Ids | None = None, logins: Ids | None = None) -> Rows:
        """Users by id or login.

        https://dev.twitch.tv/docs/api/reference/#get-users

        :param ids: of users
        :param logins: of users
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(queries.users(ids=ids, logins=logins))

    def get_channels(self, broadcaster_ids: Ids) -> Rows:
        """Channels: title, game, language, tags.

        https://dev.twitch.tv/docs/api/reference/#get-channel-information

        :param broadcaster_ids: of these broadcasters
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(queries.channels(broadcaster_ids=broadcaster_ids))

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

        By game Helix gives one page, at most 100 videos. https://dev.twitch.tv/docs/api/reference/#get-videos

        :param ids: of videos
        :param user_id: of this broadcaster
        :param game_id: of this game
        :param language: with ``game_id`` only
        :param period: ``all``, ``day``, ``week`` or ``month``; like ``sort`` and ``video_type`` not with ids
        :param sort: ``time``, ``trending`` or ``views``
        :param video_type: ``all``, ``archive``, ``highlight`` or ``upload``
        :param max_items: stop after so many videos
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(
            queries.videos(
                ids=ids,
                user_id=user_id,
                game_id=game_id,
                language=language,
                period=period,
                sort=sort,
                video_type=video_type,
                max_items=max_items,
            )
        )

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

        Helix gives some 1,000 for a window; narrow ``started_at`` and ``ended_at`` for more.
        https://dev.twitch.tv/docs/api/reference/#get-clips

        :param ids: of clips
        :param broadcaster_id: of this broadcaster
        :param game_id: of this game
        :param started_at: RFC 3339 text or an aware datetime
        :param ended_at: likewise; only with ``started_at``
        :param is_featured: only featured clips, or only the others
        :param max_items: stop after so many clips
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(
            queries.clips(
                ids=ids,
                broadcaster_id=broadcaster_id,
                game_id=game_id,
                started_at=started_at,
                ended_at=ended_at,
                is_featured=is_featured,
                max_items=max_items,
            )
        )

    def search_channels(
        self, query: str, *, live_only: bool | None = None, max_items: int | None = None
    ) -> Rows:
        """Channels that streamed within six months and whose name begins so.

        https://dev.twitch.tv/docs/api/reference/#search-channels

        :param query: the beginning of a name
        :param live_only: only channels that are live
        :param max_items: stop after so many channels
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(queries.search_channels(query, live_only=live_only, max_items=max_items))

    def search_categories(self, query: str, *, max_items: int | None = None) -> Rows:
        """Games and categories by name.

        https://dev.twitch.tv/docs/api/reference/#search-categories

        :param query: a part of the name
        :param max_items: stop after so many categories
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(queries.search_categories(query, max_items=max_items))
