# SPDX-License-Identifier: Apache-2.0
"""
### Snapshots of past days, built again from `raw/`

Trigger it after tables were lost or damaged, or a new version of the package cleans better. It needs no
history of runs: it works in a new Airflow with an empty database. `days` says which days to look at,
`rebuild` builds the snapshots of a day whose manifest or tables are missing, or all of them with `every`. A
raw object says whose it is, so that a snapshot gets the keys and the bytes that its own run would write.
Twitch is never asked: a tick without a raw object stays a gap.

Trigger `twitch_daily` with the same days afterwards: it computes the metrics of those that have changed.

Needs a bucket (DAG param or `[twitch] bucket`); no connection to Twitch.
"""  # noqa: D212 - it is the DAG's page in the UI

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag, task

from twitch_provider.compat import allowed_run_types
from twitch_provider.config import BUCKET_PATTERN, PREFIX_PATTERN
from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.notify import alert_failed_run


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=1,  # each may hold the pages of 100,000 streams
    **allowed_run_types("manual"),
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=6),
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
        "dataset": Param(
            "top_games",
            enum=["top_games", "all_streams"],
            description="As under raw/: top_games is what twitch_top_games wrote",
        ),
        "first_day": Param(
            None,
            type=["null", "string"],
            format="date",
            description="The first day, UTC; empty: last_day alone",
        ),
        "last_day": Param(
            None,
            type=["null", "string"],
            format="date",
            description="The last one; empty: the same, or today",
        ),
        "every": Param(
            False, type="boolean", description="Also snapshots whose manifest and objects are there"
        ),
    },
    on_failure_callback=alert_failed_run,
    doc_md=__doc__,
    tags=["twitch"],
)
def twitch_rebuild() -> None:
    """Build the snapshots of some days."""

    @task(multiple_outputs=False, show_return_value_in_logs=False)
    @fail_fast()
    def days(**context: Any) -> list[str]:
        """Say which days to look at."""
        from twitch_provider.pipelines import rebuild

        return rebuild.days_to_rebuild(context)

    @task(
        multiple_outputs=False,
        show_return_value_in_logs=False,
        map_index_template="{{ task.op_kwargs['day'] }}",
    )
    @fail_fast()
    def rebuild(day: str, **context: Any) -> dict[str, int]:
        """Build the snapshots of a day that are not whole; return how many."""
        from twitch_provider.pipelines import rebuild

        return rebuild.rebuild_day(context, day)

    rebuild.expand(day=days())


twitch_rebuild()
