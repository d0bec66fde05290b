# SPDX-License-Identifier: Apache-2.0
"""The snapshot of the top games: which they are, and what is live in each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.clean import clean_games, clean_streams
from twitch_provider.lake.raw_pages import Page
from twitch_provider.lake.schema import GAMES
from twitch_provider.lake.tables import CleanTable
from twitch_provider.lake.validate import observe


def game_ids(pages: Iterable[Page]) -> list[str]:
    """Return the games whose streams to ask for, best first: those that cleaning will keep, each once.

    :param pages: of ``games/top``
    :raises TwitchDataError: no game is left
    """
    observed = observe(pages, GAMES)
    ids = list(observed.frame["id"][observed.misfit.isna()].drop_duplicates())
    if not ids:
        raise TwitchDataError("Twitch listed no top game, so nothing is stored: retrying may help.")
    return ids


def transform(pages: Iterable[Page], *, run_after: datetime) -> dict[str, CleanTable]:
    """Clean one snapshot.

    :param pages: of ``games/top``, then of ``streams`` for each game, in the order of asking
    :param run_after: the tick of the run
    :returns: the tables ``top_streams`` and ``top_games``
    :raises TwitchDataError: there is no game in it, a game's streams are missing, or viewers overflow
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
    if games.table.num_rows == 0:
        raise TwitchDataError(
            f"Twitch listed no top game whose streams could be read ({games.counts}): "
            "nothing is published, the next run reads them again."
        )
    ranks = dict(zip(*(games.table[name].to_pylist() for name in ("id", "rank")), strict=True))
    streams = clean_streams(listings, run_after=run_after, ranks=ranks)
    # Arrow's sum of 64-bit integers wraps around.
    if streams.figures["viewers"] >= 2**63:
        raise TwitchDataError(
            "The streams of the top games have more viewers together than 64 bits can hold: a viewer_count "
            "is wrong, nothing is published, and the next run reads them again."
        )
    return {"top_streams": streams, "top_games": _add_totals(games, streams.table)}


def _add_totals(games: CleanTable, streams: pa.Table) -> CleanTable:
    """Return the games with what was seen of each: streams, viewers, and the share of all these viewers."""
    seen = streams.group_by("game_id").aggregate([("id", "count"), ("viewer_count", "sum")])
    place = pc.index_in(games.table["id"], value_set=seen["game_id"].combine_chunks())
    viewers = pc.fill_null(seen["viewer_count_sum"].take(place), 0)
    total = float(max(pc.sum(viewers).as_py(), 1))
    totals = {
        "streams_seen": pc.fill_null(seen["id_count"].take(place), 0),
        "viewers_seen": viewers,
        "viewers_share": pc.round(pc.divide(viewers.cast(pa.float64(), safe=False), total), 6),
    }
    columns = dict(zip(GAMES.names, games.table.columns, strict=True)) | totals
    return replace(games, table=pa.table(columns, schema=GAMES.arrow))
