# SPDX-License-Identifier: Apache-2.0
"""What an analyst works with: published metrics of two days of a small lake, as files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.metrics.lake import NOON, Lake, stream

from twitch_provider.metrics.days import close_day
from twitch_provider.metrics.ddl import duckdb_statements
from twitch_provider.metrics.keys import MetricsKeys

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DAY = 24 * 60
MIDNIGHT = -DAY // 2

Row = dict[str, Any]


def at(minutes: float) -> str:
    """An instant some minutes after noon, as SQL has it."""
    return f"{NOON + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}"


def began(minutes: float) -> str:
    return f"{NOON + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def live(minutes: int) -> list[Row]:
    """What is live some minutes after noon."""
    if minutes < -DAY + 180:
        return [stream("1", 160, id="yesterday", started_at=began(-DAY))]
    if minutes < 0:
        number = 1 if minutes < MIDNIGHT else 2
        night = stream(
            "night", 10 * number, id=f"night{number}", started_at=began(MIDNIGHT - (11 if number == 1 else 1))
        )
        return [night] if minutes < MIDNIGHT + 15 else []
    music = {"game_id": "3", "game_name": "Music"} if 40 <= minutes < 60 else {}
    rows = [stream("1", 100, tags=["English", "Chill"], title=f"part {minutes // 60}", **music)]
    rows.append(stream("2", 50 if minutes < 60 else 300, game_id="2", game_name="Go", language="de"))
    if 60 <= minutes < 90:
        rows.append(stream("3", 20, started_at=began(58)))
    return rows


def make_lake() -> Lake:
    """Two days with reconnects over midnight, a gap and an incomplete snapshot; and top games for an hour."""
    lake = Lake()
    ticks = [
        *range(-DAY + 60, -DAY + 125, 5),
        *range(MIDNIGHT - 10, MIDNIGHT + 20, 5),
        *range(0, 150, 5),
        *range(165, 185, 5),
    ]
    for minutes in ticks:
        lake.crawl(minutes, live(minutes), complete=minutes != 170)
    for minutes in range(0, 65, 5):
        chess, go = live(minutes)[:2]
        lake.top(minutes, {chess["game_id"]: [chess], "2": [go]}, capped=["1"])
    for day in (NOON.date() - timedelta(days=1), NOON.date()):
        outcome = close_day(lake.store, MetricsKeys("twitch"), day, until=NOON.date() + timedelta(days=1))
        assert outcome.left == []
    return lake


def files(lake: Lake, folder: Path) -> Path:
    """Write what the lake holds into a folder, and return where it lies there."""
    for key, body in lake.store.objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder / "twitch"


def open_database(root: Path) -> Iterator[DuckDBPyConnection]:
    """A database with the tables and views of metrics."""
    import duckdb

    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        for sql in duckdb_statements(str(root)):
            connection.execute(sql)
        yield connection
