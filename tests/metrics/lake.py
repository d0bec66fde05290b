# SPDX-License-Identifier: Apache-2.0
"""A small lake that the package itself publishes, and its files on this machine."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from tests.lake.conftest import MemoryStore, _game, _header, _page, stream_row

from twitch_provider.lake import all_streams, top_games
from twitch_provider.lake.extract import keep
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.publish import publish
from twitch_provider.lake.raw_header import Owner
from twitch_provider.lake.raw_lines import RawObject
from twitch_provider.metrics.clock import Clock, make_clock
from twitch_provider.metrics.engine import LocalTable, open_engine
from twitch_provider.metrics.index import read_day
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.snapshots import Found, Snapshot

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CSV = {"file_format": "csv", "compression": "none"}


def parquet_bytes(rows: pa.Table) -> bytes:
    """A published table."""
    sink = io.BytesIO()
    parquet.write_table(rows, sink, compression="zstd")
    return sink.getvalue()


def found_in(store: MemoryStore, prefix: str, days: Iterable[date]) -> Found:
    """What the manifests of some days' ticks say; nothing is kept of it."""
    keys, found = MetricsKeys(prefix), Found()
    before = dict(store.objects)
    for day in days:
        read_day(store, keys, store.folders(keys.snapshots), day, found)
    store.objects = before
    return found


def stream(user: str, viewers: int = 100, **values: Any) -> dict[str, Any]:
    """A row of Get Streams: by default the broadcast of a channel that began an hour before noon."""
    known = {
        "id": f"b{user}",
        "user_id": user,
        "user_login": f"login{user}",
        "user_name": f"Name{user}",
        "game_id": "1",
        "game_name": "Chess",
        "viewer_count": viewers,
        "started_at": "2026-11-23T11:00:00Z",
        "language": "en",
        "tags": ["English"],
        "title": f"title of {user}",
    }
    return stream_row(**known | values)


class Lake:
    """Runs of two DAGs."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def crawl(
        self,
        minutes: float,
        rows: list[dict[str, Any]],
        *,
        after: float = 2,
        complete: bool = True,
        writes: dict[str, str] = CSV,
        **header: Any,
    ) -> None:
        """Publish a snapshot of every stream, some minutes after noon.

        :param after: seconds from the tick to the first answer
        """
        tick = NOON + timedelta(minutes=minutes)
        answered = tick + timedelta(seconds=after)
        self._publish(
            SnapshotKeys("twitch", "twitch_all_streams", tick, adhoc=header.get("adhoc", False)),
            "all_streams",
            [_page("streams", rows, answered_at=answered)],
            complete=complete,
            scope={"asks": {"strategy": "languages"}, "writes": writes},
            **header,
        )

    def top(
        self,
        minutes: float,
        games: dict[str, list[dict[str, Any]]],
        *,
        capped: Iterable[str] = (),
        **header: Any,
    ) -> None:
        """Publish a snapshot of the top games, some minutes after noon: streams by game."""
        tick = NOON + timedelta(minutes=minutes)
        answered = tick + timedelta(seconds=2)
        names = {game: rows[0]["game_name"] if rows else "?" for game, rows in games.items()}
        pages = [
            _page("games/top", [_game(id=game, name=names[game]) for game in games], answered_at=answered)
        ]
        for game, rows in games.items():
            cursor = "more" if game in capped else None
            pages.append(
                _page("streams", rows, params=[("game_id", game)], answered_at=answered, cursor=cursor)
            )
        scope = {"asks": {"games": len(games)}, "writes": CSV}
        self._publish(
            SnapshotKeys("twitch", "twitch_top_games", tick), "top_games", pages, scope=scope, **header
        )

    def _publish(
        self, keys: SnapshotKeys, raw: str, pages: list[Any], *, complete: bool = True, **header: Any
    ) -> None:
        owner = Owner(keys.dag_id, f"scheduled__{keys.tick}", "extract")
        extract = keep(self.store, keys, raw, RawObject.of(pages, _header(owner=owner, **header)))
        if raw == "top_games":
            tables = top_games.transform(pages, run_after=keys.run_after)
        else:
            tables = {raw: all_streams.transform(extract.bodies(self.store), run_after=keys.run_after)}
        publish(self.store, keys, tables, extract=extract, published_at=keys.run_after, complete=complete)

    @property
    def snapshots(self) -> list[Snapshot]:
        """All of them, by the manifests."""
        named = (re.match(r"twitch/manifests/.*/dt=([\d-]+)/", key) for key in self.store.objects)
        days = sorted({date.fromisoformat(name[1]) for name in named if name})
        found = found_in(self.store, "twitch", days)
        assert found.refused == {}
        return found.snapshots

    @property
    def clock(self) -> Clock:
        return make_clock(self.snapshots)

    def files(self, folder: Path, needed: set[tuple[str, datetime]]) -> dict[str, list[LocalTable]]:
        """Write the tables of snapshots into a folder."""
        written: dict[str, list[LocalTable]] = {"streams": [], "games": []}
        for each in self.snapshots:
            if (each.dataset, each.run_after) in needed:
                for name, entry in (("streams", each.table), ("games", each.games)):
                    if entry is not None:
                        path = folder / entry.key.replace("/", "_")
                        path.write_bytes(self.store.objects[entry.key])
                        written[name].append(LocalTable(each.dataset, path))
        return written

    def compute(self, folder: Path, kind: str = "hour", begin: datetime = NOON) -> dict[str, pa.Table]:
        """Return all tables of an hour or a day."""
        length = timedelta(hours=1) if kind == "hour" else timedelta(days=1)
        period = self.clock.period(begin, begin + length)
        files = self.files(folder, period.needed)
        earlier = None if kind == "hour" else self.files(folder, period.needed_earlier)["streams"]
        with open_engine(folder, threads=1) as engine:
            engine.load(period, files["streams"], files["games"], earlier=earlier)
            return {table.name: rows.read_all() for table, rows in engine.compute()}
