# SPDX-License-Identifier: Apache-2.0
"""Pages to one clean, enriched table, with an account of every row that is not in it.

A row is refused (kept aside with the reason), filtered (counted by reason), a duplicate, or in the table:
``rows_in = rows_out + duplicates + filtered + rejects``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.raw_lines import Page
from twitch_provider.lake.schema import GAMES, REJECTS, SCHEMAS, STREAMS, Schema
from twitch_provider.lake.validate import Observed, as_json, instants, note, observe

#: Clocks differ; a start that lies further ahead of the answer is impossible.
CLOCK_SKEW = timedelta(minutes=5)

#: The reason for leaving out rows of Get Streams that are no live broadcast.
NOT_LIVE = "type: not live"

#: Rows to take out, by reason.
Masks = Mapping[str, "pd.Series[bool]"]


@dataclass(frozen=True)
class Cleaned:
    """A clean table and the account of what is not in it.

    :param schema: what the frame's columns are
    :param frame: the rows, typed
    :param rejects: the refused rows with their reasons, in the columns of ``schema.REJECTS``
    :param rows_in: rows that arrived
    :param duplicates: earlier observations of an id that came again
    :param filtered: rows that do not belong in the table, by reason
    :raises TwitchDataError: the account does not add up
    """

    schema: Schema
    frame: pd.DataFrame
    rejects: pd.DataFrame
    rows_in: int
    duplicates: int
    filtered: Mapping[str, int]

    def __post_init__(self) -> None:
        check_account(self.schema, self.counts)

    @property
    def counts(self) -> dict[str, int]:
        """The account: ``rows_in`` is the sum of the others."""
        return {
            "rows_in": self.rows_in,
            "rows_out": len(self.frame),
            "duplicates": self.duplicates,
            "filtered": sum(self.filtered.values()),
            "rejects": len(self.rejects),
        }

    @property
    def rejected(self) -> dict[str, int]:
        """How many rows were refused, by reason, in order of arrival."""
        return {
            str(reason): int(count)
            for reason, count in self.rejects["reason"].value_counts(sort=False).items()
        }

    @property
    def arrow(self) -> pa.Table:
        """The rows, in the schema."""
        return self.schema.to_arrow(self.frame)

    @property
    def rejects_arrow(self) -> pa.Table:
        """The refused rows, in the schema of rejects."""
        return REJECTS.to_arrow(self.rejects)

    def as_xcom(self) -> dict[str, Any]:
        """Return only what Airflow's XCom can carry: frames, numbers and text."""
        return {
            "schema": self.schema.name,
            "frame": self.frame,
            "rejects": self.rejects,
            "counts": self.counts,
            "filtered": dict(self.filtered),
        }

    @classmethod
    def from_xcom(cls, value: Mapping[str, Any]) -> Cleaned:
        """Take back what :meth:`as_xcom` gave.

        :param value: what came through XCom
        :raises TwitchDataError: rows went astray on the way
        """
        return cls(
            schema=SCHEMAS[value["schema"]],
            frame=value["frame"],
            rejects=value["rejects"],
            rows_in=value["counts"]["rows_in"],
            duplicates=value["counts"]["duplicates"],
            filtered=value["filtered"],
        )


def check_account(schema: Schema, counts: Mapping[str, int]) -> None:
    """Make sure that every row is accounted for.

    :param schema: of the table
    :param counts: ``rows_in``, and then what became of them
    :raises TwitchDataError: a row is not, or is twice
    """
    rows_in, *accounted = counts.values()
    if rows_in != sum(accounted):
        raise TwitchDataError(
            f"{schema.name}: rows went astray ({dict(counts)}): nothing is published, report this."
        )


@dataclass(frozen=True)
class Validated:
    """Rows that arrived, the refused and the unwanted ones taken out; duplicates are still in.

    :param frame: what is left, in order of arrival, not yet in the schema's types
    :param rejects: the refused rows with their reasons
    :param rows_in: rows that arrived
    :param filtered: rows that do not belong in the table, by reason
    """

    frame: pd.DataFrame
    rejects: pd.DataFrame
    rows_in: int
    filtered: Mapping[str, int]


def clean_streams(pages: Iterable[Page], *, run_after: datetime, ranks: Mapping[str, int]) -> Cleaned:
    """Clean and enrich the rows of Get Streams.

    :param pages: of Get Streams
    :param run_after: the tick of the run
    :param ranks: the rank of each top game by its id
    """
    return _deduplicate(STREAMS, validate_streams(pages, run_after=run_after, ranks=ranks))


def validate_streams(pages: Iterable[Page], *, run_after: datetime, ranks: Mapping[str, int]) -> Validated:
    """Clean and enrich the rows of Get Streams, and leave the duplicates in.

    :param pages: of Get Streams
    :param run_after: the tick of the run
    :param ranks: the rank of each top game by its id
    """
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
    return _validate(observed, impossible=impossible, unwanted={NOT_LIVE: frame["type"] != "live"})


def clean_games(pages: Iterable[Page], *, run_after: datetime, capped: Mapping[str, bool]) -> Cleaned:
    """Clean and rank the rows of Get Top Games. What was seen of each game comes with :func:`add_totals`.

    A page may bring more games than were wanted: those whose streams nobody asked for are filtered.

    :param pages: of Get Top Games
    :param run_after: the tick of the run
    :param capped: for each game whose streams were asked for, by its id: whether there were more
    :raises TwitchDataError: a game was passed over, though streams of a lower-ranked one were asked for
    """
    observed = observe(pages, GAMES)
    frame = observed.frame
    asked = frame["id"].isin(list(capped))
    frame["run_after"] = utc_text(run_after, "run_after")
    frame["capped"] = frame["id"].map(dict(capped)).astype("boolean")
    frame = frame.assign(rank=0, streams_seen=0, viewers_seen=0, viewers_share=0.0)
    arrivals = asked[observed.misfit.isna() & ~frame["id"].duplicated()]
    if not arrivals.is_monotonic_decreasing:
        raise TwitchDataError("The pages hold no streams for one of the top games: take a new snapshot.")
    observed = replace(observed, frame=frame)
    sifted = _validate(observed, impossible={}, unwanted={"id: streams not asked for": ~asked})
    games = _deduplicate(GAMES, sifted)
    return replace(games, frame=games.frame.assign(rank=range(1, len(games.frame) + 1)))


def add_totals(games: Cleaned, streams: pd.DataFrame) -> Cleaned:
    """Return the games with what was seen of each: streams, viewers, and the share of all these viewers.

    :param games: from :func:`clean_games`
    :param streams: the clean streams of the same snapshot
    """
    viewers = streams.groupby("game_id")["viewer_count"]
    ids = games.frame["id"]
    seen = ids.map(viewers.sum()).fillna(0)
    frame = games.frame.assign(
        streams_seen=ids.map(viewers.size()).fillna(0),
        viewers_seen=seen,
        viewers_share=(seen / max(seen.sum(), 1)).round(6),
    )
    return replace(games, frame=GAMES.to_frame(GAMES.to_arrow(frame)))


def _validate(observed: Observed, *, impossible: Masks, unwanted: Masks) -> Validated:
    """Take out the refused rows, then the unwanted ones."""
    frame, reasons = observed.frame, observed.misfit
    for reason, mask in impossible.items():
        reasons = note(reasons, mask, reason)
    refused = reasons.notna()
    rejects = frame[refused].assign(
        reason=reasons[refused], row=[as_json(observed.rows[place]) for place in np.flatnonzero(refused)]
    )

    wanted = frame[~refused]
    filtered = {}
    for reason, mask in unwanted.items():
        out = mask[wanted.index].fillna(True)
        filtered[reason] = int(out.sum())
        wanted = wanted[~out]
    counted = {reason: count for reason, count in filtered.items() if count}
    return Validated(wanted, rejects, rows_in=len(observed.rows), filtered=counted)


def _deduplicate(schema: Schema, sifted: Validated) -> Cleaned:
    """Take out the duplicates, and give the tables their types.

    The last observation of an id counts. It stands where the id came first, so that ranks do not shift.
    """
    wanted = sifted.frame
    last = wanted.drop_duplicates("id", keep="last").set_index("id", drop=False)
    table = last.loc[wanted["id"].drop_duplicates()]
    return Cleaned(
        schema=schema,
        frame=schema.to_frame(schema.to_arrow(table)),
        rejects=REJECTS.to_frame(REJECTS.to_arrow(sifted.rejects)),
        rows_in=sifted.rows_in,
        duplicates=int(wanted["id"].duplicated().sum()),
        filtered=sifted.filtered,
    )
