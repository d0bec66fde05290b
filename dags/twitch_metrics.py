# SPDX-License-Identifier: Apache-2.0
"""
### Hours watched, peaks, channels and ranks of each hour, in S3 as Parquet

`hours` lists the manifests of the snapshots, compares them with those that each hour of yesterday and today
was computed from, and publishes the hours that differ under `metrics/`, each with a manifest of its own. So a
snapshot that came late, was repeated or has vanished changes the hours that it reaches, and no other.

`overview` makes of them `latest/overview.json`, which the page in Airflow shows; also where no hour has
changed, since the health of the data has.

An event of `twitch_top_streams` or `twitch_all_streams` starts it, and so does the clock: else nothing would
show that snapshots have stopped. A run that finds nothing is skipped.

`alert` looks for snapshots that have stopped, and for what of the watch list (`[twitch] watch_list`) gains or
loses viewers in an unusual way. It is skipped where there is nothing to tell; else the event of
`twitch_alerts` carries the alerts and all-clears, for example to the DAG `twitch_alert_notify`.

Needs a bucket (DAG param or `[twitch] bucket`) and the extra `metrics`; no connection to Twitch.
"""  # noqa: D212 - it is the DAG's page in the UI

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, Param, dag, task

from twitch_provider.compat import AssetOrTimeSchedule, CronTriggerTimetable, allowed_run_types
from twitch_provider.config import BUCKET_PATTERN, PREFIX_PATTERN
from twitch_provider.links.lake import TASK_LINKS
from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.notify import alert_failed_run

TOP_STREAMS = Asset("twitch_top_streams")
ALL_STREAMS = Asset("twitch_all_streams")
HOUR = Asset("twitch_hour")
ALERTS = Asset("twitch_alerts")


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("4-59/15 * * * *", timezone="UTC"), assets=TOP_STREAMS | ALL_STREAMS
    ),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    **allowed_run_types("scheduled", "asset_triggered", "manual"),
    dagrun_timeout=timedelta(minutes=30),
    # They outlast the restart of an API server, without which no task begins.
    default_args={
        "retries": 3,
        "retry_delay": timedelta(seconds=20),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=2),
    },
    params={
        "bucket": Param(
            None,
            type=["null", "string"],
            pattern=BUCKET_PATTERN,
            description="S3 bucket, without s3://; empty: [twitch] bucket",
        ),
        "prefix": Param(
            None,
            type=["null", "string"],
            pattern=PREFIX_PATTERN,
            description="Prefix of keys, such as team/twitch; empty: [twitch] prefix",
        ),
    },
    on_failure_callback=alert_failed_run,
    doc_md=__doc__,
    tags=["twitch"],
)
def twitch_metrics() -> None:
    """Publish the hours that are new or have changed, the overview of them, and what is unusual."""

    @task(multiple_outputs=False, show_return_value_in_logs=False, outlets=[HOUR])
    @fail_fast()
    def hours(**context: Any) -> str:
        """Publish the hours that differ; return where the manifest of the newest one lies."""
        from twitch_provider.pipelines import metrics

        published = metrics.publish_hours(context)
        context["outlet_events"][HOUR].extra = published
        return published["manifest"]

    @task(multiple_outputs=False, show_return_value_in_logs=False, trigger_rule="none_failed")
    @fail_fast()
    def overview(**context: Any) -> str:
        """Make the overview of the hours and of their health; return where it lies."""
        from twitch_provider.pipelines import metrics

        return metrics.publish_overview(context)

    # Also when no hour has changed, or none could be computed: snapshots may have stopped all the same.
    @task(trigger_rule="all_done", show_return_value_in_logs=False, outlets=[ALERTS])
    @fail_fast()
    def alert(**context: Any) -> None:
        """Tell what is unusual, once, and when it is over."""
        from twitch_provider.pipelines import alerts

        context["outlet_events"][ALERTS].extra = alerts.alert(context)

    published, shown = hours(), overview()
    published >> [shown, alert()]
    published.operator.operator_extra_links = shown.operator.operator_extra_links = TASK_LINKS


twitch_metrics()
