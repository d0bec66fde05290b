# SPDX-License-Identifier: Apache-2.0
"""Closing a day: its hours, its tables, and its snapshots in one table each."""

from __future__ import annotations

import logging
from datetime import date

from twitch_provider.lake.store import Store
from twitch_provider.metrics.hours import Outcome, publish_hours, publish_periods
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.publisher import NOBODY, Publisher

log = logging.getLogger(__name__)


def close_day(
    store: Store,
    keys: MetricsKeys,
    day: date,
    *,
    until: date,
    publisher: Publisher = NOBODY,
) -> Outcome:
    """Publish the hours and the tables of a day that differ from what lies there.

    :param store: of the lake
    :param keys: of metrics
    :param day: UTC; it is over
    :param until: the newest day that may have ticks
    :param publisher: the run
    :returns: what became of the day; nothing is published of one without snapshots
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed, or other tries are faster all the time
    """
    publish_hours(store, keys, [day], until=until)
    return publish_periods(store, keys, "day", [day], until=until, publisher=publisher)
