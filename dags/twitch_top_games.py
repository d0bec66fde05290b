# SPDX-License-Identifier: Apache-2.0
"""
### What is live in Twitch's top games, every five minutes, in S3 as clean CSV

`extract` asks Helix for the top games and each one's streams, and keeps the answers untouched under `raw/`.
`transform` cleans them: types, missing values, duplicates, rows that are not live, impossible values.
`load` publishes `top_streams` and `top_games`, then the manifest, then `latest/`.

Needs a connection of type *Twitch* and a bucket (DAG param or `[twitch] bucket`). Clear `transform` or `load`
of any past run to build its tables again from `raw/`. A run that is cleared as a whole does the same: it asks
Twitch once. A run with other values than the DAG's own, bucket and prefix apart, is ad hoc: it lies under
`adhoc/` and changes neither `latest/` nor the record.
"""  # noqa: D212 - it is the DAG's page in the UI

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, Param, dag, task

from twitch_provider.compat import allowed_run_types
from twitch_provider.config import BUCKET_PATTERN, PREFIX_PATTERN
from twitch_provider.links.lake import TASK_LINKS
from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.notify import alert_failed_run

INTERVAL = timedelta(minutes=5)
#: Asked later than this, the rows would be those of another tick.
MAX_LATENESS = timedelta(minutes=12)

# Names without a URI: the bucket is known only at run time (the events carry it), and a URI would make
# Airflow import every provider that handles some, boto3 among them, each time it parses this file.
TOP_STREAMS = Asset("twitch_top_streams")
TOP_GAMES = Asset("twitch_top_games")


@dag(
    schedule="*/5 * * * *",  # INTERVAL, on the clock
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    **allowed_run_types("scheduled", "manual"),  # no backfill: Twitch cannot be asked about the past
    dagrun_timeout=timedelta(minutes=15),
    default_args={
        "retries": 3,
        "retry_delay": timedelta(seconds=20),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=2),
        "execution_timeout": timedelta(minutes=5),
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
        "games": Param(
            20,
            type="integer",
            minimum=1,
            maximum=100,
            description="How many of the top games; another value makes the run ad hoc",
        ),
        "pages_per_game": Param(
            1,
            type="integer",
            minimum=1,
            maximum=100,
            description="Pages of 100 streams for each game; another value: ad hoc",
        ),
    },
    on_failure_callback=alert_failed_run,
    doc_md=__doc__,
    tags=["twitch"],
)
def twitch_top_games() -> None:
    """Extract, transform, load."""

    @task(multiple_outputs=False, show_return_value_in_logs=False)
    @fail_fast()
    def extract(**context: Any) -> dict[str, Any]:
        """Ask Helix for the top games and their streams, and keep its answers under `raw/`."""
        from twitch_provider.pipelines import snapshot
        from twitch_provider.pipelines.run import Run
        from twitch_provider.pipelines.top_games import TopGames

        params = context["params"]
        run = Run.of_dag(context, interval=INTERVAL, max_lateness=MAX_LATENESS)
        return snapshot.extract(run, TopGames(params["games"], params["pages_per_game"])).as_xcom()

    @task(multiple_outputs=False, show_return_value_in_logs=False)
    @fail_fast()
    def transform(extracted: dict[str, Any], **context: Any) -> dict[str, Any]:
        """Turn raw pages into clean, typed tables; rows that cleaning refuses are kept aside."""
        from twitch_provider.lake.extract import Extract
        from twitch_provider.pipelines import snapshot
        from twitch_provider.pipelines.outputs import tables_for_xcom
        from twitch_provider.pipelines.run import Run
        from twitch_provider.pipelines.top_games import TopGames

        tables = snapshot.transform(Run.of_dag(context), TopGames(), Extract.from_xcom(extracted))
        return tables_for_xcom(tables)

    @task(multiple_outputs=False, show_return_value_in_logs=False, outlets=[TOP_STREAMS, TOP_GAMES])
    @fail_fast()
    def load(extracted: dict[str, Any], transformed: dict[str, Any], **context: Any) -> str:
        """Publish the tables, the manifest and `latest/`; return where the manifest lies."""
        from twitch_provider.lake.extract import Extract
        from twitch_provider.lake.tables import CleanTable
        from twitch_provider.pipelines import snapshot
        from twitch_provider.pipelines.run import Run

        tables = {dataset: CleanTable.from_xcom(table) for dataset, table in transformed.items()}
        published = snapshot.load(Run.of_dag(context), Extract.from_xcom(extracted), tables, latest=True)
        context["outlet_events"][TOP_STREAMS].extra = published["top_streams"]
        context["outlet_events"][TOP_GAMES].extra = published["top_games"]
        return published["top_games"]["manifest"]

    extracted = extract()
    loaded = load(extracted, transform(extracted))
    loaded.operator.operator_extra_links = TASK_LINKS


twitch_top_games()
