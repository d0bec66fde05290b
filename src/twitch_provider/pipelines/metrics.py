# SPDX-License-Identifier: Apache-2.0
"""Metrics, as tasks: the hours that changed, and closing a day."""

from __future__ import annotations

import gzip
import logging
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from twitch_provider import __version__
from twitch_provider.compat import AirflowSkipException
from twitch_provider.config import LakeConfig, option, option_is_true
from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.pipelines.run import open_store, tick

if TYPE_CHECKING:
    from twitch_provider.lake.store import Store
    from twitch_provider.metrics.hours import Outcome
    from twitch_provider.metrics.keys import MetricsKeys
    from twitch_provider.metrics.publisher import Published, Publisher

log = logging.getLogger(__name__)

DAY = timedelta(days=1)

#: How many days are closed again where their snapshots differ.
CLOSED_AGAIN = 7


def publish_hours(context: Mapping[str, Any]) -> dict[str, Any]:
    """Publish the hours of yesterday and today that are new or have changed.

    :param context: of the task
    :returns: what the event carries
    :raises AirflowSkipException: there is nothing to publish
    :raises TwitchConfigError: no bucket is set, DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    from twitch_provider.metrics import hours, latest_csv

    store, keys = open_lake(context)
    today = _today(context)
    outcome = hours.publish_hours(
        store, keys, [today - DAY, today], until=today, publisher=_publisher(context)
    )
    if outcome.snapshots:  # Also where nothing is published: a try may have died before it wrote the CSVs.
        latest_csv.publish_latest(
            store, keys, tick(context["dag_run"]), formulas=not option_is_true("escape_formulas")
        )
    if not outcome.published:
        raise AirflowSkipException(_nothing(outcome, f"{today - DAY} and {today}", "hour"))
    events = [_event(store, each, "hour", each.manifest.begin) for each in outcome.published]
    return {**events[-1], "hours": events}


def publish_overview(context: Mapping[str, Any]) -> str:
    """Replace ``latest/overview.json``, which the page and the report show.

    :param context: of the task
    :returns: its address
    :raises AirflowSkipException: there is nothing to show
    :raises TwitchConfigError: no bucket is set, DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    from twitch_provider.metrics.overview import build
    from twitch_provider.pipelines.stats import send_overview

    store, keys = open_lake(context)
    run_after = tick(context["dag_run"])
    body = build.publish_overview(store, keys, run_after, __version__)
    if body is None:
        raise AirflowSkipException(
            f"Nothing to show: there are no snapshots of {_today(context)} and the four days before."
        )
    log.info("Wrote %s (%d bytes).", store.uri(keys.overview), len(body))
    send_overview(body, run_after, datetime.now(UTC))
    if option("overview_xcom").strip() == context["ti"].dag_id:
        # For the page of an API server that cannot read the bucket: its browser decompresses this.
        context["ti"].xcom_push(key="overview", value=b64encode(gzip.compress(body, mtime=0)).decode())
    return store.uri(keys.overview)


def days_to_close(context: Mapping[str, Any]) -> list[str]:
    """Return the days to look at: those of the params, else yesterday and the six days before.

    :param context: of the task; its params have ``first_day`` and ``last_day``
    :raises TwitchParameterError: a param is not a date, or a day is not over
    """
    yesterday = _today(context) - DAY
    first, last = days_of_params(context)
    if first is None and last is None:
        first, last = yesterday - (CLOSED_AGAIN - 1) * DAY, yesterday
    first, last = first or last or yesterday, last or yesterday
    if not first <= last <= yesterday:
        raise TwitchParameterError(
            f"first_day and last_day must be days that are over, in this order, not {first} and {last}",
            parameter="first_day",
        )
    return days_between(first, last)


def days_of_params(context: Mapping[str, Any]) -> tuple[date | None, date | None]:
    """Return the params ``first_day`` and ``last_day``.

    :param context: of the task
    :raises TwitchParameterError: one of them is not a date
    """
    params = context["params"]
    return _date(params["first_day"], "first_day"), _date(params["last_day"], "last_day")


def days_between(first: date, last: date) -> list[str]:
    """Return all days from the first to the last one, such as ``2026-11-23``."""
    return [(first + number * DAY).isoformat() for number in range((last - first).days + 1)]


def close_day(context: Mapping[str, Any], day: str) -> dict[str, Any]:
    """Close a day, or close it again where its snapshots are not those that it was closed over.

    :param context: of the task
    :param day: of :func:`days_to_close`
    :returns: what the event carries
    :raises AirflowSkipException: there is nothing to publish
    :raises TwitchConfigError: no bucket is set, DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    from twitch_provider.metrics import days

    store, keys = open_lake(context)
    outcome = days.close_day(
        store, keys, date.fromisoformat(day), until=_today(context), publisher=_publisher(context)
    )
    if not outcome.published:
        raise AirflowSkipException(_nothing(outcome, day, "day"))
    return _event(store, outcome.published[0], "day", day)


def publish_report(context: Mapping[str, Any], day: str) -> str:
    """Write the report of a day that is closed, unless it is right as it lies there.

    :param context: of the task
    :param day: of :func:`days_to_close`
    :returns: its address
    :raises AirflowSkipException: there is nothing to write
    :raises TwitchConfigError: no bucket is set, DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    from twitch_provider.pipelines import report

    store, keys = open_lake(context)
    key = report.publish_report(store, keys, date.fromisoformat(day))
    if key is None:
        raise AirflowSkipException(
            f"Nothing is written: {day} is not closed, or its report is right as it lies there."
        )
    return store.uri(key)


def open_lake(context: Mapping[str, Any]) -> tuple[Store, MetricsKeys]:
    """Open the lake for a run.

    :param context: of the task; its params have ``bucket`` and ``prefix``
    :raises TwitchConfigError: no bucket is set, or its name or the prefix is invalid
    """
    from twitch_provider.metrics.keys import MetricsKeys

    params = context["params"]
    config = LakeConfig.resolve(params["bucket"], params["prefix"])
    return open_store(config), MetricsKeys(config.prefix)


def _publisher(context: Mapping[str, Any]) -> Publisher:
    from twitch_provider.metrics.publisher import Publisher

    run = context["dag_run"]
    return Publisher(run.dag_id, run.run_id, retry=context["ti"].try_number > 1)


def _today(context: Mapping[str, Any]) -> date:
    due: datetime = tick(context["dag_run"])
    return due.astimezone(UTC).date()


def _date(value: Any, name: str) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except (TypeError, ValueError):
        raise TwitchParameterError(
            f"{name} must be a date such as 2026-11-23, not {value!r:.40}", parameter=name
        ) from None


def _nothing(outcome: Outcome, days: str, kind: str) -> str:
    if outcome.left:
        what = kind if len(outcome.left) == 1 else f"{len(outcome.left)} {kind}s"
        return f"Nothing is published: the {what} of {days} cannot be computed, for the reasons above."
    if not outcome.snapshots:
        return f"Nothing is published: there are no snapshots of {days}."
    return f"Nothing is published: no snapshot of {days} is new or has changed."


def _event(store: Store, published: Published, kind: str, begin: str) -> dict[str, Any]:
    return {
        kind: begin,
        "scopes": list(published.manifest.scopes),
        "coverage": {scope: dict(each) for scope, each in published.manifest.scopes.items()},
        "manifest": store.uri(published.key),
        "again": published.again,
    }
