# SPDX-License-Identifier: Apache-2.0
"""Pages to one clean, enriched table, with pandas.

A row is refused (kept aside with the reason), filtered (counted by reason), a duplicate, or in the table:
``rows_in = rows_out + duplicates + filtered + rejects``. Each row is converted to pandas once, by
:func:`.validate.observe`, and to Arrow once, by :meth:`Validated.to_table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.raw_pages import Page
from twitch_provider.lake.schema import GAMES, REJECTS, STREAMS, Schema
from twitch_provider.lake.tables import CleanTable
from twitch_provider.lake.text import json_line
from twitch_provider.lake.validate import Observed, add_reason, instants, observe
from twitch_provider.rows import LIVE

#: Clocks differ; a start that is later than the answer by more than this is impossible.
CLOCK_SKEW = timedelta(minutes=5)

#: The reason for leaving out rows of Get Streams that are not a live broadcast.
NOT_LIVE = "type: not live"

#: Rows to take out, by reason.
Masks = Mapping[str, "pd.Series[bool]"]


@dataclass(frozen=True)
class Validated:
    """Rows that arrived, without those that are refused or do not belong; duplicates are still in.

    :param frame: in order of arrival, in the columns of the schema, with pandas' types
    :param rejects: the refused rows with their reasons
    :param rows_in: rows that arrived
    :param filtered: rows that do not belong in the table, by reason
    """

    frame: pd.DataFrame
    rejects: pd.DataFrame
    rows_in: int
    filtered: Mapping[str, int]

    def to_table(self, schema: Schema, frame: pd.DataFrame | None = None) -> CleanTable:
        """Return it as Arrow tables: from here on, no row is converted again.

        :param schema: of the frame
        :param frame: without duplicates; None: they stay in
        """
        frame = self.frame if frame is None else frame
        return CleanTable(
            schema=schema,
            table=schema.to_arrow(frame),
            rejects=REJECTS.to_arrow(self.rejects),
            rows_in=self.rows_in,
            duplicates=len(self.frame) - len(frame),
            filtered=self.filtered,
        )


def clean_streams(pages: Iterable[Page], *, run_after: datetime, ranks: Mapping[str, int]) -> CleanTable:
    """Clean and enrich the rows of Get Streams."""
    validated = validate_streams(pages, run_after=run_after, ranks=ranks)
    return validated.to_table(STREAMS, _deduplicate(validated.frame))


def validate_streams(pages: Iterable[Page], *, run_after: datetime, ranks: Mapping[str, int]) -> Validated:
    """Clean and enrich the rows of Get Streams, and leave the duplicates in."""
    observed = observe(pages, STREAMS)
    frame = observed.frame
    uptime = instants(frame["snapshot_at"]) - instants(frame["started_at"])
    frame["run_after"] = utc_text(run_after, "run_after")
    frame["game_rank"] = frame["game_id"].map(dict(ranks)).astype("Int64")
    frame["uptime_minutes"] = uptime.dt.total_seconds().floordiv(60).clip(lower=0).astype("Int64")
    impossible = {
        "viewer_count: negative": frame["viewer_count"] < 0,
        "started_at: more than five minutes after snapshot_at": uptime < -CLOCK_SKEW,
    }
    return _validate(observed, impossible=impossible, unwanted={NOT_LIVE: frame["type"] != LIVE})


def clean_games(pages: Iterable[Page], *, run_after: datetime, capped: Mapping[str, bool]) -> CleanTable:
    """Clean and rank the rows of Get Top Games; what was seen of each game is still 0.

    A page may bring more games than were asked for: those whose streams were not asked for are filtered.

    :param pages: of Get Top Games
    :param run_after: the tick of the run
    :param capped: for each game whose streams were asked for, by its id: whether there were more
    :raises TwitchDataError: a game was skipped, though streams of a lower-ranked one were asked for
    """
    observed = observe(pages, GAMES)
    frame = observed.frame
    asked = frame["id"].isin(list(capped))
    frame["run_after"] = utc_text(run_after, "run_after")
    frame["capped"] = frame["id"].map(dict(capped)).astype("boolean")
    arrivals = asked[observed.misfit.isna() & ~frame["id"].duplicated()]
    if not arrivals.is_monotonic_decreasing:
        raise TwitchDataError("The pages hold no streams for one of the top games: take a new snapshot.")
    validated = _validate(observed, impossible={}, unwanted={"id: streams not asked for": ~asked})
    games = _deduplicate(validated.frame)
    ranked = games.assign(rank=range(1, len(games) + 1), streams_seen=0, viewers_seen=0, viewers_share=0.0)
    return validated.to_table(GAMES, ranked)


def _validate(observed: Observed, *, impossible: Masks, unwanted: Masks) -> Validated:
    """Take out the refused rows, then the unwanted ones."""
    frame, reasons = observed.frame, observed.misfit
    for reason, mask in impossible.items():
        reasons = add_reason(reasons, mask, reason)
    refused = reasons.notna()
    rejects = frame[refused].assign(
        reason=reasons[refused], row=[json_line(observed.rows[place]) for place in np.flatnonzero(refused)]
    )

    wanted = frame[~refused]
    filtered = {}
    for reason, mask in unwanted.items():
        out = mask[wanted.index].fillna(True)
        filtered[reason] = int(out.sum())
        wanted = wanted[~out]
    counted = {reason: count for reason, count in filtered.items() if count}
    return Validated(wanted, rejects, rows_in=len(observed.rows), filtered=counted)


def _deduplicate(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the last observation of each id, where the id came first, so that ranks do not shift."""
    last = frame.drop_duplicates("id", keep="last").set_index("id", drop=False)
    return last.loc[frame["id"].drop_duplicates()]
