# SPDX-License-Identifier: Apache-2.0
"""
### Read each snapshot of the top games as soon as it is published

`twitch_top_games` emits an event of the asset `twitch_top_streams` when a snapshot lies in S3. The event
starts this DAG and says where: `read` loads that CSV and writes the viewers of each language to its log; put
your own work there.

Needs no connection to Twitch, and what `twitch_top_games` needs of AWS.
"""  # noqa: D212 - it is the DAG's page in the UI

from __future__ import annotations

# [START after_a_snapshot]
import io
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, dag, task

from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.notify import alert_failed_run

TOP_STREAMS = Asset("twitch_top_streams")


@dag(
    schedule=[TOP_STREAMS],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    dagrun_timeout=timedelta(minutes=15),
    # They outlast the restart of an API server, without which no task begins.
    default_args={
        "retries": 3,
        "retry_delay": timedelta(seconds=20),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=2),
    },
    on_failure_callback=alert_failed_run,
    doc_md=__doc__,
    tags=["twitch"],
)
def twitch_viewers_by_language() -> None:
    """Read what was published."""

    @task(show_return_value_in_logs=False)
    @fail_fast()
    def read(triggering_asset_events: Any) -> None:
        """Load the CSV of each event: one, or several where this DAG was paused."""
        import pandas as pd

        from twitch_provider.config import LakeConfig
        from twitch_provider.pipelines.run import open_store

        for event in triggering_asset_events[TOP_STREAMS]:
            # An event that a person makes in the UI says nothing; an ad hoc run is not part of the record.
            if "uri" not in event.extra or event.extra.get("adhoc"):
                continue
            bucket, _, key = event.extra["uri"].removeprefix("s3://").partition("/")
            body = open_store(LakeConfig.resolve(bucket)).get(key)
            if body is None:
                raise FileNotFoundError(f"{event.extra['uri']} was deleted after its event")
            # Text as it is: a broadcaster may be called NA, and ids are text.
            streams = pd.read_csv(io.BytesIO(body), dtype="string", keep_default_na=False)
            viewers = streams["viewer_count"].astype("int64").groupby(streams["language"]).sum()
            logging.getLogger(__name__).info(
                "%s: %s streams with %s viewers; %s",
                event.extra["uri"],
                f"{len(streams):,}",
                f"{viewers.sum():,}",
                ", ".join(f"{language} {count:,}" for language, count in viewers.nlargest(5).items()),
            )

    read()


twitch_viewers_by_language()
# [END after_a_snapshot]
