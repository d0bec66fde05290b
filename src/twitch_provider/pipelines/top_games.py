# SPDX-License-Identifier: Apache-2.0
"""The snapshot of the top games and their streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from twitch_provider.helix import queries

if TYPE_CHECKING:
    from twitch_provider.helix.messages import Page
    from twitch_provider.hooks.twitch import TwitchHook
    from twitch_provider.lake import raw_pages
    from twitch_provider.lake.tables import CleanTable


@dataclass(frozen=True)
class TopGames:
    """A :class:`~twitch_provider.pipelines.snapshot.Snapshot` of Get Top Games and each game's streams.

    :param games: how many of the top games; None for all
    :param pages_per_game: pages of 100 streams for each game; None for all
    :param games_dataset: the name of the games' table
    :param streams_dataset: the name of the streams' table
    """

    games: int | None = 20
    pages_per_game: int | None = 1
    games_dataset: str = "top_games"
    streams_dataset: str = "top_streams"

    @property
    def raw_dataset(self) -> str:
        """Return the dataset that the raw pages are filed under."""
        return self.games_dataset

    @property
    def asks(self) -> dict[str, Any]:
        """Return what Twitch is asked for."""
        return {"games": self.games, "pages_per_game": self.pages_per_game}

    def read(self, hook: TwitchHook) -> Iterator[Page]:
        """Read the games, then each game's streams.

        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        from twitch_provider.lake.top_games import game_ids

        games = list(hook.walk(queries.query("games/top", max_items=self.games)))
        yield from games
        for game_id in game_ids(games)[: self.games]:
            yield from hook.pages("streams", {"game_id": game_id}, max_pages=self.pages_per_game)

    def clean(self, pages: Iterable[raw_pages.Page], run_after: datetime) -> dict[str, CleanTable]:
        """Make the tables of streams and of games.

        :raises TwitchDataError: the pages list no game, or lack the streams of one
        """
        from twitch_provider.lake import top_games

        tables = top_games.transform(pages, run_after=run_after)
        return {self.streams_dataset: tables["top_streams"], self.games_dataset: tables["top_games"]}
