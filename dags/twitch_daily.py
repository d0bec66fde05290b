# SPDX-License-Identifier: Apache-2.0
"""
### Each day closed: metrics, sessions, completeness, its snapshots in one Parquet, and a report to read

`days` says which days to look at, `close` publishes a day under `metrics/` and its snapshots, sorted by
channel, under `compacted/`: yesterday, and again each of the last seven days whose snapshots are not those
over which it was closed. Trigger it with `first_day` and `last_day` for older ones: a lake that exists
already, for example. A day that is right as it lies there is skipped. Nothing of the lake is deleted.
`report` writes what people read of a closed day: `reports/dt=…/twitch_….html`, one file that opens without a
network. It is skipped where the report that lies there is of the day as it is closed.

Needs a bucket (DAG param or `[twitch] bucket`) and the extra `metrics`; no connection to Twitch.
"""  # noqa: D212 - it is the DAG's page in the UI

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, Param, dag, task, task_group

from twitch_provider.compat import allowed_run_types
from twitch_provider.config import BUCKET_PATTERN, PREFIX_PATTERN
from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.notify import alert_failed_run

DAY = Asset("twitch_day")


@dag(
    schedule="20 0 * * *",  # the last snapshots of yesterday may be a quarter of an hour late
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=1,  # each may use all the memory that metrics are allowed
    **allowed_run_types("scheduled", "manual"),
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=1),
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
        "first_day": Param(
            None,
            type=["null", "string"],
            format="date",
            description="The first day to close, UTC; empty: the last seven days, or last_day alone",
        ),
        "last_day": Param(
            None, type=["null", "string"], format="date", description="The last one; empty: yesterday"
        ),
    },
    on_failure_callback=alert_failed_run,
    doc_md=__doc__,
    tags=["twitch"],
)
def twitch_daily() -> None:
    """Close the days that are new or have changed."""

    @task(multiple_outputs=False, show_return_value_in_logs=False)
    @fail_fast()
    def days(**context: Any) -> list[str]:
        """Say which days to look at."""
        from twitch_provider.pipelines import metrics

        return metrics.days_to_close(context)

    @task(
        multiple_outputs=False,
        show_return_value_in_logs=False,
        map_index_template="{{ task.op_kwargs['day'] }}",
        outlets=[DAY],
    )
    @fail_fast()
    def close(day: str, **context: Any) -> str:
        """Close a day, unless it is right as it lies there; return where its manifest lies."""
        from twitch_provider.pipelines import metrics

        published = metrics.close_day(context, day)
        context["outlet_events"][DAY].extra = published
        return published["manifest"]

    # Also where the day was closed before: by an earlier try, for example.
    @task(
        multiple_outputs=False,
        show_return_value_in_logs=False,
        map_index_template="{{ task.op_kwargs['day'] }}",
        trigger_rule="none_failed",
    )
    @fail_fast()
    def report(day: str, **context: Any) -> str:
        """Write the report of a closed day, unless it is right as it lies there; return where it lies."""
        from twitch_provider.pipelines import metrics

        return metrics.publish_report(context, day)

    @task_group(prefix_group_id=False)
    def of_a_day(day: str) -> None:
        """Close a day and write its report."""
        close(day=day) >> report(day=day)

    of_a_day.expand(day=days())


twitch_daily()
