# SPDX-License-Identifier: Apache-2.0
"""The report of a closed day: one HTML file in the lake."""

from __future__ import annotations

import logging
from datetime import date, datetime

from twitch_provider import __version__
from twitch_provider.lake.store import Store
from twitch_provider.metrics.history import DAY, midnight
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.overview.build import overview
from twitch_provider.metrics.overview.encode import encode
from twitch_provider.page.report import report

MEDIA_TYPE = "text/html; charset=utf-8"
#: With the report: the entity tag of the manifest that the day then had.
_OF_MANIFEST = "day-manifest"

log = logging.getLogger(__name__)


def publish_report(store: Store, keys: MetricsKeys, day: date) -> str | None:
    """Write the report of a closed day, unless the one that lies there is of the day as it is closed now.

    :param store: of the lake
    :param keys: of metrics
    :param day: UTC
    :returns: its key; None if nothing was written: the day is not closed, or its report is right
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    closed = store.stat(keys.manifest("day", midnight(day)))
    if closed is None:
        return None
    key = keys.report(day)
    there = store.stat(key)
    if there is not None and there.metadata.get(_OF_MANIFEST) == closed.etag:
        return None
    body = make_report(store, keys, midnight(day) + DAY, f"Twitch, {day}")
    if body is None:
        return None
    written = store.replace(
        key,
        body,
        content_type=MEDIA_TYPE,
        metadata={_OF_MANIFEST: closed.etag},
        etag=None if there is None else there.etag,
    )
    if not written:
        log.warning("%s: another run has replaced it, leaving it to that.", store.uri(key))
    return key


def make_report(store: Store, keys: MetricsKeys, until: datetime, title: str) -> bytes | None:
    """Return a report as of an instant; None if there are no snapshots in the days before.

    :param store: of the lake
    :param keys: of metrics
    :param until: hours that begin before it are looked at, aware UTC
    :param title: of the document
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    document = overview(store, keys, until, __version__)
    return None if document is None else report(encode(document), title)
