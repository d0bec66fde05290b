# SPDX-License-Identifier: Apache-2.0
"""Snapshots by hand or drawn at random, from which the package and the oracle compute."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from tests.metrics.conftest import NOON, _snapshot
from tests.metrics.oracle import Oracle
from tests.metrics.oracle_clock import Row, Seen

from twitch_provider.lake.csv import csv_bytes
from twitch_provider.lake.manifest import ObjectEntry
from twitch_provider.lake.schema import GAMES, STREAMS
from twitch_provider.metrics.clock import make_clock
from twitch_provider.metrics.completeness import completeness
from twitch_provider.metrics.engine import LocalTable, open_engine
from twitch_provider.metrics.snapshots import scope_of
from twitch_provider.metrics.tables import TABLES


def stream(user: str, viewers: int = 100, **values: Any) -> Row:
    """A row of a table of streams: by default a broadcast that began an hour before noon."""
    known = {
        "id": f"b{user}",
        "user_id": user,
        "user_login": f"login{user}",
        "user_name": f"Name{user}",
        "game_id": "1",
        "game_name": "Chess",
        "title": "title",
        "viewer_count": viewers,
        "started_at": NOON - timedelta(hours=1),
        "language": "en",
        "tags": ["English"],
    }
    return known | values


def instant(when: datetime | None) -> str | None:
    return None if when is None else f"{when:%Y-%m-%dT%H:%M:%SZ}"


class World:
    """Snapshots, in memory for the oracle and as files for the package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake: list[Seen] = []

    def see(
        self,
        minutes: float,
        rows: list[Row],
        *,
        after: int = 2,
        games: dict[str, tuple[int, bool]] | None = None,
        dataset: str = "all_streams",
        asks: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """Add a snapshot.

        :param minutes: of its tick after noon
        :param after: seconds from its tick to the first answer
        :param games: those that are listed, with Twitch's rank and whether they are capped
        """
        tick = NOON + timedelta(minutes=minutes)
        name = f"{dataset}_{tick:%Y%m%dT%H%M%S}.csv"
        missing = {
            column: sum(not row[column] for row in rows)
            for column in ("game_id", "language", "started_at", "user_login")
        }
        known = {
            "scope": scope_of(dataset, asks or {}),
            "dataset": dataset,
            "run_after": tick,
            "instant": tick + timedelta(seconds=after),
            "rows": len(rows),
            "missing": missing,
            "viewers": sum(row["viewer_count"] for row in rows),
            "games": None if games is None else ObjectEntry(f"g_{name}", 1, "", len(games), "table", "x"),
        }
        self.lake.append(Seen(_snapshot(**known | values), rows, games))
        (self.folder / name).write_bytes(_streams_csv(tick, rows))
        if games is not None:
            (self.folder / f"g_{name}").write_bytes(_games_csv(tick, games))

    @property
    def periods(self) -> Iterator[tuple[str, datetime]]:
        """Every hour and day that a snapshot's seconds may reach."""
        instants = [seen.instant for seen in self.lake]
        hours = {
            (moment + timedelta(minutes=minutes)).replace(minute=0, second=0)
            for moment in instants
            for minutes in (0, 20, 60, 80)
        }
        yield from (("hour", hour) for hour in sorted(hours))
        yield from (("day", day) for day in sorted({hour.replace(hour=0) for hour in hours}))

    def compute(self, kind: str, begin: datetime) -> dict[str, list[Row]]:
        """Return the package's tables of an hour or a day."""
        length = timedelta(hours=1 if kind == "hour" else 24)
        snapshots = [seen.snapshot for seen in self.lake]
        clock = make_clock(snapshots)
        period = clock.period(begin, begin + length)
        streams, games = self._files(period.needed)
        earlier = self._files(period.needed_earlier)[0] if kind == "day" else None
        with open_engine(self.folder, threads=1) as engine:
            engine.load(period, streams, games, earlier=earlier)
            tables = {table.name: rows.read_all().to_pylist() for table, rows in engine.compute()}
        report = {"completeness": completeness(snapshots, clock, begin.date())} if kind == "day" else {}
        return tables | report

    def _files(self, needed: Iterable[tuple[str, datetime]]) -> tuple[list[LocalTable], list[LocalTable]]:
        names = [(dataset, f"{dataset}_{tick:%Y%m%dT%H%M%S}.csv") for dataset, tick in sorted(needed)]
        streams = [LocalTable(dataset, self.folder / name) for dataset, name in names]
        games = [LocalTable(dataset, self.folder / f"g_{name}") for dataset, name in names]
        return streams, [table for table in games if table.path.exists()]

    def check(self, periods: Iterable[tuple[str, datetime]] | None = None) -> int:
        """Compare all tables of some periods, of all by default.

        :returns: how many cells are equal
        """
        oracle = Oracle(self.lake)
        return sum(
            compare(name, rows, oracle.table(name, begin))
            for kind, begin in periods or self.periods
            for name, rows in self.compute(kind, begin).items()
        )


def _streams_csv(tick: datetime, rows: list[Row]) -> bytes:
    always: Row = {"type": "live", "tag_ids": [], "snapshot_at": instant(tick), "run_after": instant(tick)}
    written = [
        {**row, **always, "started_at": instant(row["started_at"])}
        | {name: None for name, value in row.items() if value == ""}
        for row in rows
    ]
    return csv_bytes(pa.Table.from_pylist(written, schema=STREAMS.arrow), STREAMS)


def _games_csv(tick: datetime, games: dict[str, tuple[int, bool]]) -> bytes:
    written = [
        {"id": game, "name": f"Game {game}", "rank": rank, "capped": capped, "run_after": instant(tick)}
        for game, (rank, capped) in games.items()
    ]
    return csv_bytes(pa.Table.from_pylist(written, schema=GAMES.arrow), GAMES)


def compare(name: str, rows: list[Row], expected: list[Row]) -> int:
    """Compare a table cell by cell: whole numbers exactly, quotients to 1e-9."""
    table = TABLES[name]

    def key(row: Row) -> tuple[Any, ...]:
        values = (row[column] for column in table.key)
        return tuple(value.encode() if isinstance(value, str) else value for value in values)

    expected = sorted(expected, key=key)
    assert [key(row) for row in rows] == [key(row) for row in expected], name
    cells = 0
    for row, wanted in zip(rows, expected, strict=True):
        for column, value in row.items():
            if column == "reason":
                assert (value is not None) == (row["status"] == "gated")
            elif isinstance(value, float):
                assert math.isclose(value, wanted[column], rel_tol=1e-9, abs_tol=1e-9), (
                    name,
                    column,
                    key(row),
                )
            else:
                assert (value, type(value)) == (wanted[column], type(wanted[column])), (
                    name,
                    column,
                    key(row),
                )
            cells += 1
    return cells


class Random:
    """A lake in which everything happens that snapshots can show."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)  # noqa: S311 - not for secrets
        self.broadcasts: list[Row] = []
        self.count = 0

    def begin(self, now: datetime, user: str) -> Row:
        self.count += 1
        began = now - timedelta(seconds=self.draw.randrange(-20, 900))
        return stream(
            user,
            self.draw.choice([0, 1, 7, 50, 50, 900]),
            id=self.draw.choice([f"{self.count:04}", f"b{self.count}"]),
            user_login=self.draw.choice([f"l{user}", f"L{user}", f"l{user}"]),
            game_id=self.draw.choice(["", "NA", "1", "01", "é", "Z", "a"]),
            started_at=began if self.draw.random() > 0.05 else None,
            language=self.draw.choice(["en", "en", "ja", ""]),
            tags=self.draw.choice([[], ["English"], ["english", "English"], ['a "b", c', "NA", "NA"]]),
        )

    def step(self, now: datetime) -> list[Row]:
        """Change the world, and return what is live."""
        draw = self.draw
        self.broadcasts = [row for row in self.broadcasts if draw.random() > 0.1]
        users = [str(number).zfill(number % 3 + 1) for number in range(9)]
        for user in draw.sample(users, draw.randrange(4)):
            if draw.random() < 0.1 or user not in {row["user_id"] for row in self.broadcasts}:
                self.broadcasts.append(self.begin(now, user))
        for row in self.broadcasts:
            if draw.random() < 0.4:
                row["viewer_count"] = draw.choice([0, 1, 7, 50, 50, 900])
            if draw.random() < 0.1:
                row["game_id"] = draw.choice(["", "NA", "1", "01", "é", "Z", "a"])
            if draw.random() < 0.05:
                row["title"] = draw.choice(["", "title", 'a "quoted", title', "NA"])
            if draw.random() < 0.05:
                row["user_login"] = draw.choice(["", "renamed", "Renamed"])
            row["game_name"] = draw.choice(
                ["", f"Game {row['game_id']}", f"Game {row['game_id']}", "Renamed"]
            )
        flap = [row for row in self.broadcasts if draw.random() > 0.1]
        return [dict(row) for row in flap]

    def fill(self, world: World, dataset: str, ticks: int) -> None:
        """Add snapshots of one dataset, which begin half an hour before midnight."""
        draw = self.draw
        top, crowd, jumps = draw.random() < 0.4, draw.random() < 0.2, draw.random() < 0.3
        minute = 690 + draw.randrange(-60, 20)
        gone: list[Row] = []
        for _ in range(ticks):
            minute += draw.choice([5, 5, 5, 5, 5, 1, 10, 11, 14, 16, 31, 65])
            minute += draw.choice([700, 1430, 2870]) if jumps and draw.random() < 0.1 else 0
            after = draw.choice([0, 2, 2, 2, 61, 60, 300, 420])
            rows = self.step(NOON + timedelta(minutes=minute, seconds=after))
            if draw.random() < 0.1 and gone and gone[0]["id"] not in {row["id"] for row in self.broadcasts}:
                self.broadcasts.append(gone[0])  # A stream id that comes back.
            gone = draw.sample(self.broadcasts, min(1, len(self.broadcasts)))
            if crowd and draw.random() > 0.1:
                rows += [stream(f"crowd{number}", number % 3) for number in range(draw.randrange(50, 60))]
            listed = draw.sample(["NA", "1", "01", "é", "Z", "a"], 4)
            world.see(
                minute,
                [] if draw.random() < 0.03 else rows,
                after=after,
                games={game: (rank, draw.random() < 0.2) for rank, game in enumerate(listed, start=1)}
                if top
                else None,
                dataset=dataset,
                asks=draw.choice([{}, {}, {}, {"games": 2}]),
                interval_seconds=draw.choice([300, 300, 300, 300, 600, 60, None]),
                complete=draw.random() > 0.05,
                dag_id=draw.choice(["one", "one", "one", "other"]),
                run_type=draw.choice(["scheduled", "scheduled", "manual", "asset_triggered"]),
                duplicate_keys=int(draw.random() < 0.03),
            )
