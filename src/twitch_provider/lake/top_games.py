# SPDX-License-Identifier: Apache-2.0
"""The snapshot of the top games: which they are, and what is live in each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.clean import Cleaned, add_totals, clean_games, clean_streams
from twitch_provider.lake.raw_lines import Page
from twitch_provider.lake.schema import GAMES
from twitch_provider.lake.validate import observe


def game_ids(pages: Iterable[Page]) -> list[str]:
    """Return the games whose streams to ask for, best first: those that cleaning will keep, each once.

    :param pages: of ``games/top``
    :raises TwitchDataError: there is none
    """
    observed = observe(pages, GAMES)
    ids = list(observed.frame["id"][observed.misfit.isna()].drop_duplicates())
    if not ids:
        raise TwitchDataError("Twitch listed no top game: nothing is kept, the task asks again.")
    return ids


def transform(pages: Iterable[Page], *, run_after: datetime) -> dict[str, Cleaned]:
    """Clean one snapshot.

    :param pages: of ``games/top``, then of ``streams`` for each game, in the order of asking
    :param run_after: the tick of the run
    :returns: the tables ``top_streams`` and ``top_games``
    :raises TwitchDataError: there is no game in it, or a game's streams are missing
    """
    pages = list(pages)
    listings = [page for page in pages if page.endpoint == "streams"]
    # The last page asked for a game decides whether there was more of it.
    capped = {
        game_id: page.cursor is not None
        for page in listings
        for name, game_id in page.params
        if name == "game_id"
    }
    top = [page for page in pages if page.endpoint == "games/top"]
    games = clean_games(top, run_after=run_after, capped=capped)
    if games.frame.empty:
        raise TwitchDataError(
            f"Twitch listed no top game whose streams could be read ({games.counts}): "
            "nothing is published, the next run will ask again."
        )
    ranks = dict(zip(games.frame["id"], games.frame["rank"], strict=True))
    streams = clean_streams(listings, run_after=run_after, ranks=ranks)
    return {"top_streams": streams, "top_games": add_totals(games, streams.frame)}
