# SPDX-License-Identifier: Apache-2.0
"""The overview by brute force, from all snapshots and the words of its documentation: no SQL, no tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from tests.metrics.oracle import Oracle, Span, anything, concentration, equals, live, rows_of, sums, viewers
from tests.metrics.oracle_clock import Row, Seen, Tick, counted
from tests.metrics.oracle_completeness import completeness

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def four(number: float) -> float:
    """A number to four digits."""
    return float(f"{number:.4g}")


def divided(above: float, below: float) -> float | None:
    return four(above / below) if below else None


def seconds(instant: datetime | None) -> int | None:
    if instant is None:
        return None
    return int(instant.replace(tzinfo=UTC).timestamp())


def iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def hour_of(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)


class OverviewOracle:
    """The sections of one scope.

    :param lake: every snapshot of all scopes
    :param scope: that is looked at
    :param at: as of when; no snapshot is later
    :param closed: the days that are closed
    """

    def __init__(self, lake: Iterable[Seen], scope: str, at: datetime, closed: Iterable[datetime]) -> None:
        self.oracle, self.scope, self.at, self.closed = Oracle(lake), scope, at, sorted(closed)
        self.ticks = self.oracle.clock[scope]
        self.counted = counted(self.ticks)
        self.newest = self.counted[-1]
        self.listed = any(tick.seen.games is not None for tick in self.ticks)
        self.end = hour_of(self.newest.instant) + HOUR

    def span(self, begin: datetime, end: datetime) -> Span:
        return self.oracle._span(self.scope, begin, end)

    @property
    def now(self) -> Row:
        games = self.newest.seen.games or {}
        there = {row["game_id"] for row in self.newest.seen.streams}
        capped = any(is_capped for game, (_, is_capped) in games.items() if game in there)
        return {"snapshot_at": iso(self.newest.instant), **live(self.newest, anything), "capped": capped}

    @property
    def snapshot(self) -> Row:
        """What the newest snapshot holds."""
        streams = self.newest.seen.streams
        languages = {row["language"] for row in streams}
        return {
            "languages": len(languages - {""}),
            "mature": sum(str(row["is_mature"]).lower() == "true" for row in streams),
            "games": self.first("game_id", "viewers", 12),
            "by_language": self.first("language", "streams", 30),
            "channels": self.first("user_id", "viewers", 20),
        }

    def first(self, key: str, measure: str, many: int) -> list[Row]:
        """The first by a measure, each with what its broadcast with most viewers says."""
        made = []
        for value in {row[key] for row in self.newest.seen.streams}:
            there = rows_of(self.newest, equals(key, value))
            # Of two names of a category in one snapshot the smaller one is kept.
            names = sorted((row["game_name"] for row in there if row["game_name"]), key=str.encode)
            name = {"game_name": names[0] if names else None} if key == "game_id" else {}
            made.append({**most(there), **name, "viewers": watching(there), "streams": len(there)})
        return sorted(made, key=lambda row: (-row[measure], row[key].encode()))[:many]

    def snapshots(self) -> list[Row]:
        span = self.span(self.end - DAY, self.end)
        return [
            {"at": seconds(tick.instant), **live(tick, anything), "seconds": tick.seconds}
            for tick in span.samples
        ]

    def hours(self) -> list[Row]:
        """Those of closed days, today and yesterday, that have samples or seconds."""
        midnight = self.at.replace(hour=0, minute=0, second=0, microsecond=0)
        made = []
        for day in sorted({*self.closed, midnight - DAY, midnight}):
            for number in range(24):
                begin = day + number * HOUR
                span = self.span(begin, begin + HOUR)
                late = begin >= self.at or begin < self.at - 720 * HOUR
                if (span.samples or span.parts) and not late:
                    peak = max((viewers(tick, anything) for tick in span.samples), default=None)
                    made.append(
                        {
                            "hour": seconds(begin),
                            **sums(span, anything),
                            "covered_seconds": span.covered,
                            "peak_viewers": peak,
                        }
                    )
        return made

    def days(self) -> list[Row]:
        made = []
        for day in self.closed:
            span = self.span(day, day + DAY)
            if span.samples or span.parts:
                (site,) = self.oracle.site(span)
                gini = site["gini"]
                made.append({**site, "day": f"{day:%Y-%m-%d}", "gini": None if gini is None else four(gini)})
        return made

    def heat_map(self) -> list[Row]:
        def cell(row: Row) -> tuple[int, int]:
            hour = datetime.fromtimestamp(row["hour"], UTC)
            return hour.weekday(), hour.hour

        made = []
        covered = [row for row in self.hours() if row["covered_seconds"]]
        for (weekday, hour), rows in groupby(sorted(covered, key=cell), key=cell):
            of_cell = list(rows)
            watched, airtime, time = (
                sum(row[name] for row in of_cell)
                for name in ("viewer_seconds", "airtime_seconds", "covered_seconds")
            )
            made.append(
                {
                    "weekday": weekday,
                    "hour": hour,
                    "viewers": divided(watched, time),
                    "channels": divided(airtime, time),
                    "viewers_per_channel": divided(watched, airtime),
                    "hours": len(of_cell),
                }
            )
        return made

    def ranking(self, entity: str, key: str) -> list[Row]:
        """The first of 24 hours, with what is compared with the 24 hours before."""
        now, before = (self.span(self.end - (n + 1) * DAY, self.end - n * DAY) for n in (0, 1))
        rows = getattr(self.oracle, entity)(now)
        rows_before = {row[key]: row for row in getattr(self.oracle, entity)(before)}
        total = sums(now, anything)["viewer_seconds"]
        made = []
        for row in sorted(rows, key=lambda row: row["rank"]):
            was = rows_before.get(row[key])
            own = self.listed and entity == "games"
            time = self.covered_of_game(row[key], 0) if own else now.covered
            time_before = self.covered_of_game(row[key], 1) if own else before.covered
            growth = None
            if was and was["viewer_seconds"] and time and time_before:
                growth = four(row["viewer_seconds"] * time_before / (was["viewer_seconds"] * time) - 1)
            made.append(
                {
                    **row,
                    "peak_at": seconds(row["peak_at"]),
                    "share": divided(row["viewer_seconds"], total),
                    "rank_change": was["rank"] - row["rank"] if was else None,
                    "growth": growth,
                }
            )
        return made

    def games(self) -> list[Row]:
        made = []
        for row in self.ranking("games", "game_id"):
            of = equals("game_id", row["game_id"])
            there = rows_of(self.newest, of)
            users = {each["user_id"] for each in there}
            of_user = {user: [each for each in there if each["user_id"] == user] for user in users}
            channels = sorted(of_user.items(), key=lambda each: (-watching(each[1]), each[0].encode()))
            codes = {each["language"] for each in there}
            spoken = {code: watching([each for each in there if each["language"] == code]) for code in codes}
            made.append(
                {
                    **row,
                    "viewers": watching(there),
                    "channels": len(users),
                    "covered_seconds": self.covered_of_game(row["game_id"], 0),
                    "capped_share": divided(row["capped_samples"], row["samples"]),
                    "days": self.games_by_day(row["game_id"]),
                    "top_channels": [
                        [
                            *(most(rows)[name] for name in ("user_login", "user_name", "language")),
                            watching(rows),
                        ]
                        for _, rows in channels[:3]
                    ],
                    "languages": [
                        [code, spoken[code]]
                        for code in sorted(spoken, key=lambda code: (-spoken[code], code.encode()))[:3]
                    ],
                }
            )
        return made

    def covered_of_game(self, game: str, days: int) -> int:
        """Covered seconds of the hours in which it was live: others have no row of it."""
        covered = 0
        for number in range(24):
            end = self.end - days * DAY - number * HOUR
            rows = self.oracle.games(self.span(end - HOUR, end))
            covered += sum(row["covered_seconds"] for row in rows if row["game_id"] == game)
        return covered

    def games_by_day(self, game: str) -> list[int | None] | None:
        midnight = self.at.replace(hour=0, minute=0, second=0, microsecond=0)
        made: list[int | None] = []
        for number in range(30, 0, -1):
            day = midnight - number * DAY
            span = self.span(day, day + DAY)
            if day not in self.closed or not (span.samples or span.parts):
                made.append(None)
            else:
                watched = sums(span, equals("game_id", game))["viewer_seconds"]
                made.append(round(four(watched / 3600)))
        watched_at_all = any(
            sums(self.span(day, day + DAY), equals("game_id", game))["viewer_seconds"] for day in self.closed
        )
        return made if watched_at_all else None

    def channels(self) -> list[Row]:
        made = []
        for row in self.ranking("channels", "user_id"):
            there = rows_of(self.newest, equals("user_id", row["user_id"]))
            said = most(there) if there else {}
            made.append(
                {
                    **row,
                    **{name: said.get(name) for name in ("game_name", "language", "title")},
                    "viewers": watching(there) if there else None,
                }
            )
        return made

    def languages(self) -> list[Row]:
        made = []
        for row in self.ranking("languages", "language"):
            there = rows_of(self.newest, equals("language", row["language"]))
            count = len({each["user_id"] for each in there})
            made.append({**row, "viewers": watching(there), "channels": count})
        return made

    def covered(self, hour: datetime) -> int:
        return self.span(hour, hour + HOUR).covered

    def whole_hour(self) -> datetime | None:
        newest = self.end - HOUR
        return next(
            (newest - n * HOUR for n in range(1, 24) if self.covered(newest - n * HOUR) >= 1800), None
        )

    def concentration(self) -> Row | None:
        hour = self.whole_hour()
        if hour is None:
            return None
        span = self.span(hour, hour + HOUR)
        made, total = concentration(span, anything), sums(span, anything)["viewer_seconds"]
        gini = made["gini"]
        return {
            "top10_share": divided(made["top10_viewer_seconds"], total),
            "gini": None if gini is None else four(gini),
            "hour": seconds(hour),
        }

    def usual(self) -> tuple[datetime | None, list[datetime]]:
        """The hour that is compared, if it is one, and those that are usual."""
        hour = self.whole_hour()
        if hour is not None:
            weeks = [hour - 7 * number * DAY for number in range(1, 5)]
            for usual in (weeks, [hour - DAY], [hour - HOUR]):
                whole = [each for each in usual if self.covered(each) >= 1800]
                if whole:
                    return hour, whole
        newest = self.end - HOUR
        return None, [each for each in (newest - HOUR, newest) if self.covered(each)]

    def movers(self, kind: str, key: str) -> tuple[list[Row], list[Row]]:
        """What gains and what loses: key, viewers, usual, change."""
        hour, usual_hours = self.usual()
        usual = self.averages(key, usual_hours, kind)
        if hour is not None:
            now = self.averages(key, [hour], kind)
        else:
            keys = {row[key] for row in self.newest.seen.streams}
            now = {each: viewers(self.newest, equals(key, each)) for each in keys}
        spans = [self.span(hour, hour + HOUR) for hour in usual_hours]
        average = sum(sums(span, anything)["viewer_seconds"] for span in spans) / sum(
            span.covered for span in spans
        )
        floor = max(20, {"games": 0.001, "languages": 0.001, "channels": 0.0001}[kind] * average)
        keys = now.keys() & usual.keys() if self.listed else now.keys() | usual.keys()
        gaining: list[tuple[Any, Row]] = []
        losing: list[tuple[Any, Row]] = []
        for each in keys:
            here, there = now.get(each, 0), usual.get(each, 0)
            if max(here, there) < floor or here == there:
                continue
            change = four(here / there - 1) if there else None
            order = (-abs(here - there) / max(there, floor), -abs(here - there), each.encode())
            row = {"key": each, "viewers": four(here), "usual": four(there), "change": change}
            (gaining if here > there else losing).append((order, row))
        return tuple(
            [row for _, row in sorted(side, key=lambda side: side[0])][:10] for side in (gaining, losing)
        )  # type: ignore[return-value]

    def averages(self, key: str, hours: list[datetime], kind: str) -> dict[str, float]:
        """Average viewers over some hours."""
        spans = [self.span(hour, hour + HOUR) for hour in hours]
        keys = {
            row[key]
            for span in spans
            for tick in [*span.samples, *(tick for tick, _ in span.parts)]
            for row in tick.seen.streams
        }
        made = {}
        for each in keys:
            watched = sum(sums(span, equals(key, each))["viewer_seconds"] for span in spans)
            time = sum(span.covered for span in spans)
            if self.listed and kind == "games":
                time = sum(
                    row["covered_seconds"]
                    for span in spans
                    for row in self.oracle.games(span)
                    if row["game_id"] == each
                )
            if time:
                made[each] = watched / time
        return made

    # Health.

    def covered_until(self) -> datetime:
        """To when the newest snapshot that counts may do so."""
        interval = self.newest.seen.snapshot.interval_seconds
        longest = 600 if interval is None else 2 * interval
        return min(self.at, self.newest.instant + timedelta(seconds=longest))

    def gaps(self) -> list[list[str]]:
        begin = max(self.at - DAY, self.ticks[0].instant)
        length = round((self.at - begin).total_seconds())
        covered = [False] * length
        for tick in self.counted:
            end = self.covered_until() if tick is self.newest else tick.end
            first = round((tick.instant - begin).total_seconds())
            last = round((end - begin).total_seconds())
            for second in range(max(0, first), min(length, last)):
                covered[second] = True
        gaps, second = [], 0
        for is_covered, run in groupby(covered):
            count = len(list(run))
            if not is_covered:
                gaps.append([iso(begin + timedelta(seconds=edge)) for edge in (second, second + count)])
            second += count
        return gaps

    def of_day(self, number: int) -> Row | None:
        """Today (0), as far as it is over, or yesterday (1)."""
        begin = self.at.replace(hour=0, minute=0, second=0, microsecond=0) - number * DAY
        known = {
            scope: [tick for tick in ticks if self.is_known(tick)]
            for scope, ticks in self.oracle.clock.items()
        }
        report = completeness({scope: ticks for scope, ticks in known.items() if ticks}, begin)
        row = next((row for row in report if row["scope"] == self.scope), None)
        if row is None:
            return None
        row = row | self.since_the_first(row, begin)
        if number:
            return row
        interval = {tick.seen.snapshot.interval_seconds for tick in self.ticks}
        (length,) = interval
        over = self.at - timedelta(seconds=length or 0)
        missing = [tick for tick in row["missing_ticks"].split() if tick <= f"{over:%H:%M:%S}"]
        open_seconds = round((self.covered_until() - self.newest.instant).total_seconds())
        left = round((begin + DAY - self.at).total_seconds())
        return row | {
            "due": row["due"] - row["missing"] + len(missing),
            "missing": len(missing),
            "missing_ticks": " ".join(missing),
            "missing_seconds": row["missing_seconds"] - left - open_seconds,
        }

    def since_the_first(self, row: Row, begin: datetime) -> Row:
        """What was due and missing since the first snapshot, where that is of the day."""
        known = [tick for tick in self.ticks if self.is_known(tick)]
        first = min(tick.seen.snapshot.run_after for tick in known)
        missing = [
            tick
            for tick in row["missing_ticks"].split()
            if datetime.combine(begin, datetime.strptime(tick, "%H:%M:%S").time(), UTC) > first  # noqa: DTZ007
        ]
        before = max(0, round((min(tick.instant for tick in known) - begin).total_seconds()))
        return {
            "due": row["due"] - row["missing"] + len(missing),
            "missing": len(missing),
            "missing_ticks": " ".join(missing),
            "missing_seconds": row["missing_seconds"] - before,
        }

    def is_known(self, tick: Tick) -> bool:
        """A run looks at manifests of four days."""
        first = self.at.replace(hour=0, minute=0, second=0, microsecond=0) - 4 * DAY
        return tick.seen.snapshot.run_after >= first


def watching(rows: Iterable[Row]) -> int:
    return sum(row["viewer_count"] for row in rows)


def most(rows: list[Row]) -> dict[str, Any]:
    """The broadcast with most viewers."""
    return min(rows, key=lambda row: (-row["viewer_count"], row["id"].encode()))
