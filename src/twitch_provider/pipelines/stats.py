# SPDX-License-Identifier: Apache-2.0
"""What tasks tell StatsD or OpenTelemetry, through Airflow's own ``Stats``: gauges by dataset.

Gauges alone: a try that is run again says the same once more, and nothing is counted twice. Nothing is sent
for an ad hoc run, nor for a run of the past that is cleared: a gauge says how things are now.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from twitch_provider.lake.manifest import Manifest
    from twitch_provider.pipelines.run import Run

log = logging.getLogger(__name__)

#: What is older is history, which a cleared run builds again.
RECENT = timedelta(hours=1)


class Gauge(NamedTuple):
    """A gauge.

    :param unit: of its values
    :param meaning: what they say
    """

    unit: str
    meaning: str


#: Of a snapshot, for each table that it publishes.
OF_TABLES = {
    "twitch.rows": Gauge("rows", "rows of the table"),
    "twitch.rejects": Gauge("rows", "rows that cleaning refused"),
    "twitch.complete": Gauge("0 or 1", "1 where nothing is missing; else the table lies under `incomplete/`"),
    "twitch.delay_seconds": Gauge("seconds", "from the tick to Twitch's last answer"),
    "twitch.snapshot_timestamp_seconds": Gauge("seconds since 1970", "the tick: now minus it is the age"),
}

#: Of a snapshot, once: its dataset is the one that has the raw pages.
OF_RUNS = {
    "twitch.requests": Gauge("requests", "requests to Helix that the snapshot took"),
    "twitch.points_left": Gauge("points", "points left of the rate limit after the last answer"),
    "twitch.completeness": Gauge("0 to 1", "of a crawl: estimated fraction of all streams that arrived"),
}

#: Of today up to the run of ``twitch_metrics``, for what each dataset was last asked for.
OF_TODAY = {
    "twitch.coverage": Gauge("0 to 1", "fraction of today (UTC), so far, for which a snapshot counts"),
    "twitch.missing": Gauge("snapshots", "snapshots that were due today and are not there"),
    "twitch.gated": Gauge("snapshots", "snapshots of today that do not count: unlike those before them"),
}

#: All of them, by name.
GAUGES = OF_TABLES | OF_RUNS | OF_TODAY


class _Reading(NamedTuple):
    name: str
    value: float | None
    tags: Mapping[str, str]


def send_snapshot(run: Run, manifest: Manifest, now: datetime) -> None:
    """Send the gauges of a snapshot that was published; never fails.

    :param run: that published it
    :param manifest: of it
    :param now: aware UTC
    """
    if not manifest.adhoc and now - manifest.last_answer_at <= RECENT:
        _send(_of_snapshot(run.owner.dag_id, manifest))


def send_overview(body: bytes, run_after: datetime, now: datetime) -> None:
    """Send the gauges of an overview; never fails.

    :param body: of ``overview.json``
    :param run_after: the tick of the run that made it, aware UTC
    :param now: aware UTC
    """
    if now - run_after <= RECENT:
        _send(_of_overview(body))


def _of_snapshot(dag_id: str, manifest: Manifest) -> Iterator[_Reading]:
    delay = (manifest.last_answer_at - manifest.run_after).total_seconds()
    for dataset, counts in manifest.counts.items():
        of_table = (
            counts["rows_out"],
            counts["rejects"],
            int(manifest.complete),
            max(0.0, delay),
            round(manifest.run_after.timestamp()),
        )
        yield from _readings(OF_TABLES, of_table, dag_id=dag_id, dataset=dataset)
    if manifest.raw is not None:
        completeness = (manifest.crawl or {}).get("completeness")
        of_run = (manifest.requests, manifest.points_left, completeness)
        yield from _readings(OF_RUNS, of_run, dag_id=dag_id, dataset=manifest.raw.dataset)


def _of_overview(body: bytes) -> Iterator[_Reading]:
    scopes = sorted(json.loads(body)["scopes"], key=lambda each: each["health"]["last_snapshot_at"] or "")
    newest = {each["dataset"]: each["health"]["today"] for each in scopes}
    for dataset, today in newest.items():
        if today is not None:
            seconds = today["covered_seconds"] + today["missing_seconds"]
            coverage = today["covered_seconds"] / seconds if seconds else None
            values = (coverage, today["missing"], today["gated"])
            yield from _readings(OF_TODAY, values, dataset=dataset)


def _readings(names: Iterable[str], values: Iterable[float | None], **tags: str) -> Iterator[_Reading]:
    return (_Reading(name, value, tags) for name, value in zip(names, values, strict=True))


def _send(readings: Iterable[_Reading]) -> None:
    """Hand readings to Airflow; what goes wrong is a line in the log, and the task goes on."""
    try:
        from twitch_provider.compat import Stats

        tagged = _has_tags()
        for name, value, tags in readings:
            if value is not None:
                Stats.gauge(name if tagged else f"{name}.{tags['dataset']}", value, tags=dict(tags))
    except Exception as error:
        log.warning("Gauges are not sent to StatsD or OpenTelemetry: %s: %s", type(error).__name__, error)


def _has_tags() -> bool:
    """Whether Airflow passes tags on. StatsD alone has none, so that a name then has the dataset in it."""
    from twitch_provider.compat import conf

    def on(option: str, fallback: bool = False) -> Any:
        return conf.getboolean("metrics", option, fallback=fallback)

    if on("statsd_datadog_enabled"):
        return bool(on("statsd_datadog_metrics_tags", fallback=True))
    return bool(not on("statsd_on") or on("statsd_influxdb_enabled"))
