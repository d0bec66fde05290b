# SPDX-License-Identifier: Apache-2.0
"""
### Every live stream on Twitch, every five minutes, in S3 as clean CSV

`crawl` walks the list of each language, all of them at once and no faster than the rate limit permits, then
asks for the broadcasters of the last snapshot who are missing from the walks. The answers are kept untouched
under `raw/`, the clean table lies under `all_streams/`; the manifest says what the crawl did and how complete
it is. A crawl that lost a part of the list lies under `incomplete/`, never among the complete ones.

Needs a connection of type *Twitch* and a bucket (DAG param or `[twitch] bucket`). It may run beside
`twitch_top_games` with the same client id: both read the rate limit from Twitch's headers. A run that is
cleared builds its table again from `raw/`: it asks Twitch once. A run with other values than the DAG's own
(bucket, prefix and `on_incomplete` apart) is ad hoc: it lies under `adhoc/` and does not change the record.
"""  # noqa: D212 - it is the DAG's page in the UI

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Asset, Param, dag

from twitch_provider.compat import allowed_run_types
from twitch_provider.config import BUCKET_PATTERN, PREFIX_PATTERN
from twitch_provider.operators.twitch import TwitchAllStreamsOperator
from twitch_provider.pipelines.notify import alert_failed_run

INTERVAL = timedelta(minutes=5)
#: Asked later than this, the rows would be those of another tick.
MAX_LATENESS = timedelta(minutes=12)

# A name without a URI: the bucket is known only at run time, and the event carries it.
ALL_STREAMS = Asset("twitch_all_streams")


@dag(
    schedule="*/5 * * * *",  # INTERVAL, on the clock
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    **allowed_run_types("scheduled", "manual"),  # no backfill: Twitch cannot be asked about the past
    dagrun_timeout=timedelta(minutes=12),
    default_args={
        # A service that is restarted and an S3 that refuses for a while may meet the same run.
        "retries": 3,
        "retry_delay": timedelta(seconds=20),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=2),
        # More than the crawl may take: it stops by itself and publishes what `on_incomplete` allows.
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
        "file_format": Param(
            "csv", enum=["csv", "parquet"], description="Of the table; another value makes the run ad hoc"
        ),
        "compression": Param(
            "gzip",
            enum=["none", "gzip", "zstd"],
            description="Of the table; another value makes the run ad hoc",
        ),
        "strategy": Param(
            "languages",
            enum=["languages", "checkpoints"],
            description="checkpoints: start long lists at cursors of the last crawl; untested on live Twitch",
        ),
        "on_incomplete": Param(
            "keep",
            enum=["keep", "fail"],
            description="Of a crawl that lost a part: keep it apart, or fail",
        ),
    },
    on_failure_callback=alert_failed_run,
    doc_md=__doc__,
    tags=["twitch"],
)
def twitch_all_streams() -> None:
    """One task, from Twitch to S3."""
    TwitchAllStreamsOperator(
        task_id="crawl",
        strategy="{{ params.strategy }}",
        file_format="{{ params.file_format }}",
        compression="{{ params.compression }}",
        on_incomplete="{{ params.on_incomplete }}",
        bucket="{{ params.bucket }}",
        prefix="{{ params.prefix }}",
        interval=INTERVAL,
        max_lateness=MAX_LATENESS,
        outlets=[ALL_STREAMS],
    )


twitch_all_streams()
