# SPDX-License-Identifier: Apache-2.0
"""An hour of a moving world, played in seconds: snapshots, metrics and report, as the DAGs would make them.

Only Airflow's scheduler is missing: crawling, publishing and computing are the code of the tasks, with the
ticks of the played hour. Two ticks in a row are missing, and one is late, so that coverage has something to
say. It lies below a prefix of its own, since it is made up even where the two runs asked the real Twitch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.settings import INTERVAL, PLAYED
from demo.worlds.moving import MovingWorld
from twitch_provider.hooks.twitch_async import TwitchAsyncHook
from twitch_provider.lake.formats import Format
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.raw_header import Owner
from twitch_provider.lake.store import Store
from twitch_provider.metrics.days import close_day
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.pipelines import all_streams
from twitch_provider.pipelines.report import MEDIA_TYPE, make_report
from twitch_provider.pipelines.run import Run
from twitch_provider.testing import Simulator

DAG_ID = "twitch_all_streams"
#: Of the ticks, counted from that on the hour.
MISSING = (4, 5)
LATE = 8
#: Seconds from a tick to the first answer.
USUAL_DELAY, LATE_DELAY = 2, 100


def ticks(hour: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the ticks whose snapshots an hour needs, each with the instant at which Twitch is asked.

    :param hour: its beginning (aware)
    """
    for number in range(-1, 14):
        if number not in MISSING:
            tick = hour + number * INTERVAL
            yield tick, tick + timedelta(seconds=LATE_DELAY if number == LATE else USUAL_DELAY)


def play(store: Store, hour: datetime, *, streams: int = 1_500) -> None:
    """Publish the snapshots of an hour.

    :param store: of the lake
    :param hour: its beginning (aware)
    :param streams: how many are live at any instant
    :raises TwitchError: crawling or writing failed
    """
    starts_at = hour - timedelta(minutes=10)
    world = MovingWorld(12, streams=streams, starts_at=starts_at)
    with Simulator(world, at=starts_at, limit=10_000) as simulator:
        os.environ["AIRFLOW_CONN_TWITCH_PLAYED"] = simulator.connection_json()
        for tick, instant in ticks(hour):
            simulator.advance(max(0.0, (instant - simulator.now).total_seconds()))
            all_streams.publish(
                _run(store, tick),
                all_streams.ALL_STREAMS,
                all_streams.CrawlOptions(),
                TwitchAsyncHook("twitch_played"),
                Format("csv", "gzip"),
            )


def write_report(store: Store, hour: datetime) -> None:
    """Write the report of the day, up to the last tick that was played.

    :param store: of the lake
    :param hour: its beginning (aware)
    :raises TwitchError: reading or writing failed
    """
    *_, (last, _) = ticks(hour)
    title = f"SIMULATED Twitch: an hour, {hour:%Y-%m-%d %H:%M} UTC"
    body = make_report(store, MetricsKeys(PLAYED), last + INTERVAL, title)
    if body is not None:
        store.put(MetricsKeys(PLAYED).report(hour.date()), body, content_type=MEDIA_TYPE)


def _run(store: Store, tick: datetime) -> Run:
    owner = Owner(DAG_ID, f"scheduled__{tick.isoformat()}", "crawl")
    return Run(store, SnapshotKeys(PLAYED, DAG_ID, tick), owner, run_type="scheduled", interval=INTERVAL)


def compute(store: Store, hour: datetime) -> None:
    """Close the day of an hour: publish the metrics of its hours and its own.

    :param store: of the lake
    :param hour: its beginning (aware)
    :raises TwitchError: computing or writing failed
    """
    day = hour.date()
    close_day(store, MetricsKeys(PLAYED), day, until=day + timedelta(days=1))
