# SPDX-License-Identifier: Apache-2.0
"""The newest metrics as CSV at fixed keys under ``latest/``, for Power BI and Tableau.

They are made from the published hours of today and of the two days before, which are read after what lies at
the fixed keys was looked at: a try that read older hours than the one that wrote last loses, and begins anew.
Hours are read by their manifests: one that another try is writing has none, and is added by the next run.
Each CSV says in its metadata of which manifests it was made, so that a run after one that died makes it anew.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from pyarrow import parquet

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.csv import flat_csv
from twitch_provider.lake.instants import in_utc
from twitch_provider.lake.latest import replace_older
from twitch_provider.lake.store import Entry, Stat, Store
from twitch_provider.metrics.engine import Engine, open_engine
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.manifest import MetricsManifest, MetricsObject
from twitch_provider.metrics.tables import TABLES
from twitch_provider.metrics.views import VIEWS

#: How many categories of an hour, and channels of the day, by hours watched: a file that a laptop can load.
GAMES, CHANNELS = 200, 1000

_DAY = timedelta(days=1)
#: How often another try may be faster.
_ROUNDS = 5

_ISO = "'%Y-%m-%dT%H:%M:%SZ'"

# A week before is not read here.
_BY_HOUR = f"""SELECT
    * EXCLUDE (dt, growth_last_week)
    REPLACE (strftime(hour, {_ISO}) AS hour, strftime(peak_at, {_ISO}) AS peak_at)
FROM ({{view}}) AS made
WHERE CAST(hour AS DATE) >= DATE '{{since}}'
"""  # noqa: S608 - nothing of it is a user's

_CHANNELS = f"""WITH sums AS (
    SELECT
        scope,
        dataset,
        user_id,
        arg_max(user_login, hour) AS user_login,
        arg_max(user_name, hour) AS user_name,
        SUM(viewer_seconds) / 3600E0 AS hours_watched,
        SUM(airtime_seconds) / 3600E0 AS airtime_hours,
        CAST(SUM(viewer_seconds) AS DOUBLE) / NULLIF(SUM(airtime_seconds), 0) AS average_viewers,
        MAX(peak_viewers) AS peak_viewers,
        arg_max(peak_at, (peak_viewers, -epoch_us(peak_at))) AS peak_at,
        ROW_NUMBER() OVER (PARTITION BY scope ORDER BY SUM(viewer_seconds) DESC, user_id) AS rank
    FROM channels_hour
    WHERE day = DATE '{{today}}'
    GROUP BY scope, dataset, user_id
)

SELECT * REPLACE (strftime(peak_at, {_ISO}) AS peak_at), '{{today}}' AS day
FROM sums
WHERE rank <= {CHANNELS}
ORDER BY scope, rank
"""  # noqa: S608 - nothing of it is a user's

#: What each CSV reads: tables and the days before today.
_READS = {
    "site_by_hour": {"site_hour": 2},
    "games_by_hour": {"site_hour": 2, "games_hour": 2},
    "channels_today": {"channels_hour": 0},
}

#: In a CSV's metadata: the digest of the manifests that it was made of.
_MADE_OF = "made-of"

log = logging.getLogger(__name__)


def publish_latest(store: Store, keys: MetricsKeys, run_after: datetime, *, formulas: bool = True) -> None:
    """Replace those of the three CSVs that are not made of the hours which lie there.

    :param store: of the lake
    :param keys: of metrics
    :param run_after: the tick of the run, whose UTC day is today; what a newer run wrote stays
    :param formulas: whether text may begin like a formula
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    left = list(_READS)
    for _ in range(_ROUNDS):
        present = {name: store.stat(keys.latest(name)) for name in left}
        hours = Hours.look(store, keys, in_utc(run_after, "run_after").date(), formulas=formulas)
        left = [name for name in left if not _replace(hours, name, run_after, present[name])]
        if not left:
            return
    for name in left:
        log.warning(
            "%s stays as it is: its hours change all the time, or are not as their manifests say.",
            store.uri(keys.latest(name)),
        )


def _replace(hours: Hours, name: str, run_after: datetime, present: Stat | None) -> bool:
    """Whether the CSV lies there now; else another try has changed something since."""
    if present is not None and present.metadata.get(_MADE_OF) == hours.digest:
        return True
    try:
        body = latest_csv(hours, name)
    except TwitchDataError:
        return False
    return replace_older(
        hours.store,
        hours.keys.latest(name),
        body,
        run_after,
        present,
        content_type="text/csv; charset=utf-8",
        more={_MADE_OF: hours.digest},
    )


@dataclass(frozen=True)
class Hours:
    """The published hours of today and of the two days before.

    :param store: of the lake
    :param keys: of metrics
    :param today: UTC
    :param manifests: of the hours, by day
    :param formulas: whether text in the CSVs may begin like a formula
    """

    store: Store
    keys: MetricsKeys
    today: date
    manifests: dict[date, list[Entry]]
    formulas: bool = True
    _tables: dict[tuple[str, int], pa.Table] = field(default_factory=dict)

    @classmethod
    def look(cls, store: Store, keys: MetricsKeys, today: date, *, formulas: bool = True) -> Hours:
        """List their manifests.

        :param store: of the lake
        :param keys: of metrics
        :param today: UTC
        :param formulas: whether text in the CSVs may begin like a formula
        :raises TwitchStoreError: the store failed
        """
        return cls(
            store,
            keys,
            today,
            {
                day: [
                    each
                    for each in store.entries(keys.folder("manifests", day))
                    if not each.key.endswith("/day.json")
                ]
                for day in (today - number * _DAY for number in (2, 1, 0))
            },
            formulas,
        )

    @property
    def digest(self) -> str:
        """Of the manifests' entity tags, and of how text is written."""
        listed = [(each.key, each.etag) for entries in self.manifests.values() for each in entries]
        written = "" if self.formulas else " escaped"
        return hashlib.sha256(f"{self.today} {listed}{written}".encode()).hexdigest()

    @cached_property
    def _objects(self) -> dict[date, list[MetricsObject]]:
        """The tables of the hours of each day; those of an hour that another try is writing are not in it."""
        return {
            day: [each for entry in entries for each in self._of_hour(entry)]
            for day, entries in self.manifests.items()
        }

    def read(self, name: str, before: int) -> pa.Table:
        """Return a table of all hours, with the partition that they lie in.

        It is kept: two CSVs need the same one, and each hour of it is a request.

        :param name: of a table by hour
        :param before: how many days before today are read, too
        :raises TwitchDataError: a table is not as its manifest says
        :raises TwitchStoreError: the store failed
        """
        if (name, before) not in self._tables:
            pieces = [_with_days(TABLES[name].schema.empty_table(), date.min)]
            for day, objects in self._objects.items():
                if day >= self.today - before * _DAY:
                    pieces += [_with_days(self._table(each), day) for each in objects if each.table == name]
            self._tables[name, before] = pa.concat_tables(
                piece.replace_schema_metadata(None) for piece in pieces
            )
        return self._tables[name, before]

    def _of_hour(self, entry: Entry) -> tuple[MetricsObject, ...]:
        body = self.store.get(entry.key)
        try:
            return () if body is None else MetricsManifest.from_json(body).objects
        except TwitchDataError:
            return ()

    def _table(self, described: MetricsObject) -> pa.Table:
        body = self.store.get(described.key)
        if body is None or hashlib.sha256(body).hexdigest() != described.sha256:
            raise TwitchDataError(f"{self.store.uri(described.key)} is not as its manifest says.")
        return parquet.read_table(pa.BufferReader(body))


def latest_csv(hours: Hours, name: str) -> bytes:
    """Return one of the CSVs.

    :param hours: that it is made of
    :param name: ``site_by_hour``, ``games_by_hour`` (both of yesterday and today) or ``channels_today``
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchDataError: a table is not as its manifest says
    :raises TwitchStoreError: the store failed
    """
    relations = {table: hours.read(table, before) for table, before in _READS[name].items()}
    with TemporaryDirectory(prefix="twitch_latest_") as folder, open_engine(Path(folder)) as engine:
        return flat_csv(_select(engine, name, relations, hours.today), formulas=hours.formulas)


def _select(engine: Engine, name: str, relations: dict[str, pa.Table], today: date) -> pa.Table:
    if name == "channels_today":
        return engine.select(_CHANNELS.format(today=today), relations, name)
    sql = _BY_HOUR.format(view=VIEWS[name], since=today - _DAY)
    sql += (
        f"AND rank <= {GAMES} ORDER BY scope, hour, rank"
        if name == "games_by_hour"
        else "ORDER BY scope, hour"
    )
    return engine.select(sql, relations, name)


def _with_days(rows: pa.Table, day: date) -> pa.Table:
    """Add the UTC day, as ``dt`` and ``day``."""
    rows = rows.append_column("dt", pa.array([day.isoformat()] * rows.num_rows, pa.string()))
    return rows.append_column("day", pa.array([day] * rows.num_rows, pa.date32()))
