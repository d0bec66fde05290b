# SPDX-License-Identifier: Apache-2.0
"""The metrics by brute force: plain Python that follows the sentences of the contract, and no SQL.

Written from the words of the contract alone, so that an error of the package is not repeated here. It is slow
on purpose: every table is counted anew from all snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import combinations, groupby, pairwise

from tests.metrics.oracle_clock import Row, Seen, Tick, clock, clock_row, counted, naive, of_tick, part_rows
from tests.metrics.oracle_completeness import completeness

#: How text compares: ties of rank, and two names of one snapshot.
AS_BYTES: Callable[[str], bytes] = str.encode


@dataclass
class Span:
    """A scope in a period: what was sampled in it, and what counts for seconds of it."""

    scope: str
    begin: datetime
    end: datetime
    samples: list[Tick]
    parts: list[tuple[Tick, int]]
    before: dict[int, Tick]

    @property
    def covered(self) -> int:
        return sum(seconds for _, seconds in self.parts)


# What is counted in an hour or a day, whatever the rows are of.

Of = Callable[[Row], bool]


def anything(_: Row) -> bool:
    return True


def viewers(tick: Tick, of: Of) -> int:
    return sum(row["viewer_count"] for row in rows_of(tick, of))


@dataclass(frozen=True)
class equals:  # noqa: N801 - reads as a question
    """Whether a row has a value in a column."""

    column: str
    value: str

    def __call__(self, row: Row) -> bool:
        return bool(row[self.column] == self.value)


def rows_of(tick: Tick, of: Of) -> list[Row]:
    if isinstance(of, equals):
        return tick.seen.rows_by(of.column).get(of.value, [])
    return [row for row in tick.seen.streams if of(row)]


def sums(span: Span, of: Of) -> Row:
    return {
        "viewer_seconds": sum(seconds * viewers(tick, of) for tick, seconds in span.parts),
        "airtime_seconds": sum(seconds * len(rows_of(tick, of)) for tick, seconds in span.parts),
    }


def sampled(ticks: list[Tick], of: Of) -> Row:
    """Samples, and the peak at its earliest instant."""
    best = max(ticks, key=lambda tick: (viewers(tick, of), -tick.instant.timestamp()), default=None)
    return {
        "samples": len(ticks),
        "peak_viewers": None if best is None else viewers(best, of),
        "peak_at": None if best is None else naive(best.instant),
    }


def counts(span: Span, of: Of) -> Row:
    rows = [row for tick in span.samples for row in rows_of(tick, of)]
    new = set()
    for tick in span.samples:
        before = span.before.get(id(tick))
        if before is None:
            continue
        there = before.seen.rows_by("id")
        for row in rows_of(tick, of):
            began = row["started_at"]
            if row["id"] not in there and began is not None and began > before.instant:
                new.add(row["id"])
    return {
        "unique_channels": len({row["user_id"] for row in rows}),
        "broadcasts": len({row["id"] for row in rows}),
        "new_streams": len(new),
    }


def concentration(span: Span, of: Of) -> Row:
    channels: dict[str, int] = {}
    for tick, seconds in span.parts:
        for row in rows_of(tick, of):
            channels[row["user_id"]] = channels.get(row["user_id"], 0) + seconds * row["viewer_count"]
    watched = sorted(channels.values(), reverse=True)
    total = sum(watched)
    # Half the mean difference of two channels, over the mean.
    apart = 2 * sum(abs(one - other) for one, other in combinations(watched, 2))
    gini = float(Fraction(apart, 2 * len(watched) * total)) if total else None
    return {"top10_viewer_seconds": sum(watched[:10]), "gini": gini}


def newest(column: str, ticks: Iterable[Tick], of: Of) -> str | None:
    """The newest text that is not empty."""
    for tick in sorted(ticks, key=lambda tick: tick.instant, reverse=True):
        texts: set[str] = {row[column] for row in rows_of(tick, of)} - {""}
        if texts:
            return min(texts, key=AS_BYTES)
    return None


def name(column: str, span: Span, of: Of) -> str | None:
    carried = [tick for tick, _ in span.parts if tick.instant < span.begin]
    return newest(column, span.samples, of) or newest(column, carried, of)


def ranked(rows: list[Row], by: str, key: str) -> list[Row]:
    order = sorted(rows, key=lambda row: (-row[by], AS_BYTES(row[key])))
    return [row | {"rank": place} for place, row in enumerate(order, start=1)]


def is_capped(tick: Tick, game: str | None = None) -> bool:
    """Whether a listed game is capped; any, where none is named."""
    listed = tick.seen.games or {}
    return any(capped for listed_game, (_, capped) in listed.items() if game in {None, listed_game})


def groups(span: Span, column: str) -> list[tuple[str, Of, list[Tick]]]:
    """Each value of a column in the period, and the samples in which it is."""
    ticks = [*span.samples, *(tick for tick, _ in span.parts)]
    found: list[tuple[str, Of, list[Tick]]] = []
    for value in sorted({row[column] for tick in ticks for row in tick.seen.streams}, key=AS_BYTES):
        of = equals(column, value)
        found.append((value, of, [tick for tick in span.samples if rows_of(tick, of)]))
    return found


# The tables.


class Oracle:
    """All tables of a lake.

    :param lake: every snapshot of it, in any order
    """

    def __init__(self, lake: Iterable[Seen]) -> None:
        self.clock = clock(lake)

    def table(self, name: str, begin: datetime) -> list[Row]:
        """Return the rows of an hour or a day, in no particular order.

        :param name: of the table
        :param begin: of the period
        """
        day = name.endswith("_day") or name in {"sessions", "segments"}
        end = begin + timedelta(hours=24 if day else 1)
        if name == "clock":
            return [clock_row(tick) for tick in self._ticks() if begin <= tick.instant < end]
        if name == "clock_parts":
            rows = (row for tick in self._ticks() for row in part_rows(tick))
            return [row for row in rows if row["hour"] == naive(begin)]
        if name == "completeness":
            return completeness(self.clock, begin)
        made = []
        for scope, ticks in self.clock.items():
            span = self._span(scope, begin, end)
            if not span.samples and not span.parts:
                continue
            what = {
                "scope": scope,
                "dataset": ticks[0].seen.snapshot.dataset,
                "day": begin.date(),
                **({} if day else {"hour": naive(begin)}),
            }
            made += [
                what | row for row in getattr(self, name.removesuffix("_day").removesuffix("_hour"))(span)
            ]
        return made

    def _ticks(self) -> list[Tick]:
        return [tick for ticks in self.clock.values() for tick in ticks]

    def _span(self, scope: str, begin: datetime, end: datetime) -> Span:
        ticks = counted(self.clock[scope])
        return Span(
            scope=scope,
            begin=begin,
            end=end,
            samples=[tick for tick in ticks if begin <= tick.instant < end],
            parts=[(tick, tick.within(begin, end)) for tick in ticks if tick.within(begin, end)],
            before={id(tick): before for before, tick in pairwise(ticks)},
        )

    def site_snapshot(self, span: Span) -> list[Row]:
        return [of_tick(tick) | live(tick, anything) for tick in span.samples]

    def games_snapshot(self, span: Span) -> list[Row]:
        made = []
        for tick in span.samples:
            rows = []
            for game in {row["game_id"] for row in tick.seen.streams}:
                of = equals("game_id", game)
                rank, capped = (tick.seen.games or {}).get(game, (None, None))
                rows.append(
                    {
                        **of_tick(tick),
                        "game_id": game,
                        "game_name": newest("game_name", [tick], of),
                        **live(tick, of),
                        "twitch_rank": rank,
                        "capped": capped,
                    }
                )
            made += ranked(rows, "viewers", "game_id")
        return made

    def languages_snapshot(self, span: Span) -> list[Row]:
        made = []
        for tick in span.samples:
            rows = [
                {**of_tick(tick), "language": language, **live(tick, equals("language", language))}
                for language in {row["language"] for row in tick.seen.streams}
            ]
            made += ranked(rows, "viewers", "language")
        return made

    def site(self, span: Span) -> list[Row]:
        return [
            {
                "covered_seconds": span.covered,
                "missing_seconds": round((span.end - span.begin).total_seconds()) - span.covered,
                **sums(span, anything),
                **sampled(span.samples, anything),
                "capped_samples": sum(map(is_capped, span.samples)),
                **counts(span, anything),
                **concentration(span, anything),
            }
        ]

    def games(self, span: Span) -> list[Row]:
        rows = []
        for game, of, ticks in groups(span, "game_id"):
            listed = [
                tick.seen.games[game][0] for tick in ticks if tick.seen.games and game in tick.seen.games
            ]
            covered = sum(
                seconds for tick, seconds in span.parts if tick.seen.games is None or game in tick.seen.games
            )
            rows.append(
                {
                    "game_id": game,
                    "game_name": name("game_name", span, of),
                    "covered_seconds": covered,
                    **sums(span, of),
                    **sampled(ticks, of),
                    "capped_samples": sum(is_capped(tick, game) for tick in ticks),
                    **counts(span, of),
                    **concentration(span, of),
                    "twitch_rank": min(listed, default=None),
                }
            )
        return ranked(rows, "viewer_seconds", "game_id")

    def languages(self, span: Span) -> list[Row]:
        rows = [
            {
                "language": language,
                "covered_seconds": span.covered,
                **sums(span, of),
                **sampled(ticks, of),
                "capped_samples": sum(map(is_capped, ticks)),
                **counts(span, of),
            }
            for language, of, ticks in groups(span, "language")
        ]
        return ranked(rows, "viewer_seconds", "language")

    def channels(self, span: Span) -> list[Row]:
        rows = [
            {
                "user_id": user,
                "user_login": name("user_login", span, of),
                "user_name": name("user_name", span, of),
                "covered_seconds": span.covered,
                **sums(span, of),
                **sampled(ticks, of),
                **counts(span, of),
            }
            for user, of, ticks in groups(span, "user_id")
        ]
        return ranked(rows, "viewer_seconds", "user_id")

    def tags(self, span: Span) -> list[Row]:
        ticks = [*span.samples, *(tick for tick, _ in span.parts)]
        rows = []
        for tag in {tag for tick in ticks for row in tick.seen.streams for tag in row["tags"]}:

            def of(row: Row, tag: str = tag) -> bool:
                return tag in row["tags"]

            rows.append({"tag": tag, "covered_seconds": span.covered, **sums(span, of), **counts(span, of)})
        return ranked(rows, "viewer_seconds", "tag")

    def sessions(self, span: Span) -> list[Row]:
        sessions = self._joined(span)
        made = []
        for broadcast, of, ticks in groups(span, "id"):
            seen = [(tick, rows_of(tick, of)[0]) for tick in ticks]
            made.append(
                {
                    "id": broadcast,
                    "session_id": sessions[broadcast],
                    **self._who(span, of),
                    "first_seen": naive(ticks[0].instant) if ticks else None,
                    "last_seen": naive(ticks[-1].instant) if ticks else None,
                    **sums(span, of),
                    **sampled(ticks, of),
                    "title_changes": changes("title", seen),
                    "category_changes": changes("game_id", seen),
                }
            )
        return made

    def segments(self, span: Span) -> list[Row]:
        made = []
        for broadcast, of, ticks in groups(span, "id"):
            what = {"id": broadcast, **self._who(span, of)}
            # In order: what is carried over comes before the first sample, and goes on in it.
            carried = [tick for tick, _ in span.parts if tick.instant < span.begin and rows_of(tick, of)]
            runs = [
                (game, list(run))
                for game, run in groupby([*carried, *ticks], key=lambda tick: rows_of(tick, of)[0]["game_id"])
            ]
            for number, (game, run) in enumerate(runs, start=1):
                inside = [tick for tick in run if tick.instant >= span.begin]
                part = Span(
                    span.scope,
                    span.begin,
                    span.end,
                    inside,
                    [(tick, seconds) for tick, seconds in span.parts if tick in run],
                    {},
                )
                made.append(
                    {
                        **what,
                        "segment": number,
                        "game_id": game,
                        "first_seen": naive(inside[0].instant) if inside else None,
                        "last_seen": naive(inside[-1].instant) if inside else None,
                        **sums(part, of),
                        **sampled(inside, of),
                    }
                )
        return made

    def _who(self, span: Span, of: Of) -> Row:
        ticks = [*span.samples, *(tick for tick, _ in span.parts)]
        rows = [row for tick in ticks for row in rows_of(tick, of)]
        began = [row["started_at"] for row in rows if row["started_at"] is not None]
        return {
            "user_id": rows[0]["user_id"],
            "started_at": naive(min(began, default=None)),
        }

    def _joined(self, span: Span) -> dict[str, str]:
        """The session of each broadcast: what a channel showed in the day and the 48 hours before."""
        looked = self._span(span.scope, span.begin - timedelta(hours=48), span.end)
        channels: dict[str, list[tuple[datetime, datetime, str, datetime]]] = {}
        for broadcast, of, ticks in groups(looked, "id"):
            if not ticks:
                continue
            rows = [row for tick in ticks for row in rows_of(tick, of)]
            first = ticks[0].instant
            began = min((row["started_at"] for row in rows if row["started_at"] is not None), default=first)
            channels.setdefault(rows[0]["user_id"], []).append((first, began, broadcast, ticks[-1].end))
        found = {}
        for broadcasts in channels.values():
            session, ended = "", None
            for _, began, broadcast, end in sorted(broadcasts):
                if ended is None or began > ended + timedelta(seconds=900):
                    session = broadcast
                found[broadcast] = session
                ended = end
        return found


def live(tick: Tick, of: Of) -> Row:
    rows = rows_of(tick, of)
    return {
        "viewers": sum(row["viewer_count"] for row in rows),
        "streams": len(rows),
        "channels": len({row["user_id"] for row in rows}),
    }


def changes(column: str, seen: list[tuple[Tick, Row]]) -> int:
    return sum(row[column] != following[column] for (_, row), (_, following) in pairwise(seen))
