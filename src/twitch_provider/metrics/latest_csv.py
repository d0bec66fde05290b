# SPDX-License-Identifier: Apache-2.0
"""The newest metrics as CSV at fixed keys under ``latest/``, for Power BI and Tableau.

They are made from the published hours of today and of the two days before, which are read after what lies at
the fixed keys was looked at: a try that read older hours than the one that wrote last loses, and begins anew.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from pyarrow import parquet

from twitch_provider.lake.csv import flat_csv
from twitch_provider.lake.latest import replace_older
from twitch_provider.lake.store import Store
from twitch_provider.metrics.engine import Engine, open_engine
from twitch_provider.metrics.keys import MetricsKeys
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

log = logging.getLogger(__name__)


def publish_latest(store: Store, keys: MetricsKeys, run_after: datetime) -> None:
    """Replace ``latest/site_by_hour.csv``, ``games_by_hour.csv`` and ``channels_today.csv``.

    :param store: of the lake
    :param keys: of metrics
    :param run_after: the tick of the run, whose UTC day is today; what a newer run wrote stays
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    for name in _READS:
        key = keys.latest(name)
        for _ in range(_ROUNDS):
            present = store.stat(key)
            body = latest_csv(store, keys, name, run_after.date())
            if replace_older(store, key, body, run_after, present, content_type="text/csv; charset=utf-8"):
                break
        else:
            log.warning("%s: other runs replace it all the time, leaving it to them.", store.uri(key))


def latest_csv(store: Store, keys: MetricsKeys, name: str, today: date) -> bytes:
    """Return one of the CSVs, made from the published hours.

    :param store: of the lake
    :param keys: of metrics
    :param name: ``site_by_hour``, ``games_by_hour`` (both of yesterday and today) or ``channels_today``
    :param today: UTC
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    relations = {}
    for table, before in _READS[name].items():
        days = [today - number * _DAY for number in range(before, -1, -1)]
        relations[table] = _hours(store, keys, table, days)
    with TemporaryDirectory(prefix="twitch_latest_") as folder, open_engine(Path(folder)) as engine:
        return flat_csv(_select(engine, name, relations, today))


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


def _hours(store: Store, keys: MetricsKeys, name: str, days: Iterable[date]) -> pa.Table:
    """Return the published hours of some days, with the partition that they lie in."""
    table = TABLES[name]
    pieces = [_with_days(table.schema.empty_table(), date.min)]
    for day in days:
        for entry in store.entries(keys.folder(name, day)):
            body = store.get(entry.key)
            if body is not None and entry.key.endswith(".parquet"):
                pieces.append(_with_days(parquet.read_table(pa.BufferReader(body)), day))
    return pa.concat_tables(piece.replace_schema_metadata(None) for piece in pieces)


def _with_days(rows: pa.Table, day: date) -> pa.Table:
    """Add the UTC day, as ``dt`` and ``day``."""
    rows = rows.append_column("dt", pa.array([day.isoformat()] * rows.num_rows, pa.string()))
    return rows.append_column("day", pa.array([day] * rows.num_rows, pa.date32()))
