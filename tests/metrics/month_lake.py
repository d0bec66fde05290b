# SPDX-License-Identifier: Apache-2.0
"""A month of published metrics of two scopes at full size, which no snapshots were needed for."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from tests.lake.conftest import MemoryStore
from tests.metrics.conftest import _snapshot
from tests.metrics.lake import parquet_bytes
from tests.metrics.month import _CODES, RUN_AFTER, month_overview

from twitch_provider.lake.csv import csv_bytes
from twitch_provider.lake.manifest import ObjectEntry
from twitch_provider.lake.schema import STREAMS
from twitch_provider.metrics.index import _FORM, _values
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.manifest import MetricsManifest, MetricsObject
from twitch_provider.metrics.snapshots import Snapshot, scope_of
from twitch_provider.metrics.tables import TABLES

KEYS = MetricsKeys("twitch")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEWEST = RUN_AFTER - timedelta(seconds=58)
THIS_HOUR = RUN_AFTER.replace(minute=0)

ASKS: dict[str, dict[str, Any]] = {"all_streams": {"strategy": "languages"}, "top_streams": {"games": 100}}

Columns = dict[str, Any]


class MonthLake:
    """Thirty closed days and the hours since, of two scopes.

    :param channels: live in each hour, of each scope
    :param games: that are played
    """

    def __init__(self, channels: int, games: int = 3_000) -> None:
        self.store = MemoryStore()
        self.draw = np.random.default_rng(1)
        self.count = {"channels": channels, "games": games, "languages": len(_CODES)}
        self.names = {
            "channels": [str(10**8 + 7919 * number) for number in range(channels)],
            "games": [str(20_000 + 31 * number) for number in range(games)],
            "languages": _CODES,
        }
        titles = [row[5] for row in month_overview()["scopes"][0]["channels"]["rows"] if row[5]]
        self.titles = [titles[number % len(titles)] for number in range(channels)]

    def write(self) -> MemoryStore:
        """Write all of it, and return its store."""
        last = [THIS_HOUR - number * HOUR for number in range(56)]
        usual = [THIS_HOUR - HOUR - 7 * number * DAY for number in range(1, 5)]
        for number in range(30 * 24 + 24):
            hour = THIS_HOUR - number * HOUR
            full = ("site", "games", "languages", "channels") if hour in {*last, *usual} else ("site",)
            tables = {f"{entity}_hour": self.period(entity, "hour", hour) for entity in full}
            if number < 24:
                tables["site_snapshot"] = self.snapshots("site", self.instants(hour))
            if number == 0:
                newest = self.instants(hour)[-1:]
                tables |= {
                    f"{name}_snapshot": self.snapshots(name, newest) for name in ("games", "languages")
                }
            self.publish("hour", hour, tables)
        for number in range(1, 31):
            day = RUN_AFTER.replace(hour=0, minute=0) - number * DAY
            self.publish(
                "day", day, {f"{name}_day": self.period(name, "day", day) for name in ("site", "games")}
            )
        self.manifests()
        return self.store

    def instants(self, hour: datetime) -> list[datetime]:
        every = [hour + timedelta(minutes=minute, seconds=2) for minute in range(0, 60, 5)]
        return [instant for instant in every if instant <= NEWEST]

    def publish(self, kind: str, begin: datetime, tables: dict[str, pa.Table]) -> None:
        objects = []
        for name, rows in tables.items():
            body, key = parquet_bytes(rows), KEYS.table(TABLES[name], begin)
            self.store.objects[key] = body
            objects.append(
                MetricsObject(key, len(body), hashlib.sha256(body).hexdigest(), rows.num_rows, name)
            )
        covered = {"samples": 12, "covered_seconds": 3600, "missing_seconds": 0}
        scopes = {scope_of(dataset, asks): covered for dataset, asks in ASKS.items()}
        manifest = MetricsManifest(kind, begin.isoformat(), "", scopes, (), (), tuple(objects))
        self.store.objects[KEYS.manifest(kind, begin)] = manifest.to_json()

    def period(self, entity: str, kind: str, begin: datetime) -> pa.Table:
        """A table by hour or by day: the first ranks are hundreds of times the last."""
        length = {"hour": 3600, "day": 86_400}[kind]
        return self.table(
            f"{entity}_{kind}", entity, {kind: begin, "covered_seconds": length, "length": length}
        )

    def snapshots(self, entity: str, instants: Iterable[datetime]) -> pa.Table:
        values = (
            {
                "snapshot_at": instant,
                "run_after": instant,
                "hour": instant.replace(minute=0, second=0),
                "length": 1,
            }
            for instant in instants
        )
        return pa.concat_tables(self.table(f"{entity}_snapshot", entity, each) for each in values)

    def table(self, name: str, entity: str, values: Columns) -> pa.Table:
        schema, count = TABLES[name].schema, self.count.get(entity, 1)
        pieces = []
        for dataset, asks in ASKS.items():
            viewers = 2_500_000 if entity == "site" else 300_000 / np.arange(2, count + 2) ** 0.9
            watched = (viewers * values["length"] * self.draw.uniform(0.7, 1.3, count)).astype(np.int64)
            ids = self.names.get(entity, [""])
            when = next(iter(values.values()))
            labels = [f"Name {each}" for each in ids]
            known: Columns = {
                "user_login": labels,
                "user_name": labels,
                "game_name": labels,
                "day": [when.date()] * count,
                **dict.fromkeys(("viewer_seconds", "viewers", "peak_viewers"), watched),
                **dict.fromkeys(("user_id", "game_id", "language"), ids),
                "airtime_seconds": watched // 30,
                "scope": [scope_of(dataset, asks)] * count,
                "dataset": [dataset] * count,
                "peak_viewers": watched // values["length"],
                "peak_at": [when.replace(tzinfo=None)] * count,
                "gini": self.draw.uniform(0.8, 0.9, count),
                "capped": [False] * count,
                "rank": np.arange(1, count + 1),
            }
            for column, value in values.items():
                plain = value.replace(tzinfo=None) if isinstance(value, datetime) else value
                known[column] = [plain.date() if column == "day" else plain] * count
            columns = [pa.array(known.get(field.name, np.full(count, 7)), field.type) for field in schema]
            pieces.append(pa.table(columns, schema=schema))
        return pa.concat_tables(pieces)

    def manifests(self) -> None:
        """Snapshots of five days, whose manifests were read before."""
        days: dict[datetime, dict[str, Any]] = {}
        count = self.count["channels"]
        for dataset, asks in ASKS.items():
            tick = RUN_AFTER.replace(hour=0, minute=0) - 4 * DAY
            while tick <= NEWEST:
                key = (
                    f"twitch/manifests/{dataset}/dt={tick:%Y-%m-%d}/hour={tick:%H}/{tick:%Y%m%dT%H%M%SZ}.json"
                )
                self.store.objects[key] = b"{}"
                is_newest = tick + timedelta(minutes=5) > NEWEST
                snapshot = _snapshot(
                    dataset=dataset,
                    scope=scope_of(dataset, asks),
                    run_after=tick,
                    manifest=key,
                    etag=hashlib.sha256(b"{}").hexdigest(),
                    dag_id=dataset,
                    table=self.streams(dataset, tick)
                    if is_newest
                    else ObjectEntry("", 1, "", count, "table", dataset),
                )
                days.setdefault(tick.replace(hour=0, minute=0), {})[key] = record(snapshot)
                tick += timedelta(minutes=5)
        for day, records in days.items():
            self.store.objects[KEYS.index(day.date())] = gzip.compress(json.dumps([_FORM, records]).encode())

    def streams(self, dataset: str, tick: datetime) -> ObjectEntry:
        """The newest snapshot's table."""
        count = self.count["channels"]
        users, games = self.names["channels"], self.names["games"]
        rows = [
            {
                "id": f"4{user}",
                "user_id": user,
                "user_login": f"name_{user}",
                "user_name": f"Name {user}",
                "game_id": games[number % len(games)],
                "game_name": f"Name {games[number % len(games)]}",
                "type": "live",
                "title": self.titles[number],
                "viewer_count": 300_000 // (number + 2) + 1,
                "started_at": "2026-11-29T10:00:00Z",
                "language": _CODES[number % 9],
                "tags": ["English", "NoBackseating", "Chill"],
                "tag_ids": [],
                "snapshot_at": f"{tick:%Y-%m-%dT%H:%M:%SZ}",
                "run_after": f"{tick:%Y-%m-%dT%H:%M:%SZ}",
            }
            for number, user in enumerate(users)
        ]
        body = gzip.compress(csv_bytes(pa.Table.from_pylist(rows, schema=STREAMS.arrow), STREAMS), 1)
        key = f"twitch/{dataset}/{tick:%Y%m%dT%H%M%SZ}.csv.gz"
        self.store.objects[key] = body
        return ObjectEntry(key, len(body), hashlib.sha256(body).hexdigest(), count, "table", dataset)


def record(snapshot: Snapshot) -> list[Any]:
    """What the index of a day has of a manifest."""
    return [snapshot.etag, {"snapshots": [_values(snapshot)], "refused": None}]
