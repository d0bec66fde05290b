# SPDX-License-Identifier: Apache-2.0
"""
### What is live in Twitch's top games, every five minutes, in S3 as clean CSV

`extract` asks Helix for the top games and each one's streams, and keeps the answers untouched under `raw/`.
`transform` cleans them: types, missing values, duplicates, what is not live, what is impossible.
`load` publishes `top_streams` and `top_games`, then `latest/`, then the manifest.

Needs a connection of type *Twitch* and a bucket (DAG param or `[twitch] bucket`). Clear `transform` or `load`
of any past run to build it again from `raw/`. A whole run that is cleared too late does the same: Twitch
cannot be asked about the past.
"""  # noqa: D212 - it is the DAG's page in the UI

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, Param, dag, task

from twitch_provider.pipelines.failing import fail_fast

INTERVAL = timedelta(minutes=5)

# Names without a URI: the bucket is known only at run time (the events carry it), and a URI would make
# Airflow import every provider that handles some, boto3 among them, each time it parses this file.
TOP_STREAMS = Asset("twitch_top_streams")
TOP_GAMES = Asset("twitch_top_games")


@dag(
    schedule="*/5 * * * *",  # INTERVAL, on the clock
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    allowed_run_types=["scheduled", "manual"],
    dagrun_timeout=timedelta(minutes=15),
    default_args={
        "retries": 3,
        "retry_delay": timedelta(seconds=20),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=2),
        "execution_timeout": timedelta(minutes=5),
    },
    params={
        "bucket": Param(None, type=["null", "string"], description="S3 bucket; empty: [twitch] bucket"),
        "prefix": Param(None, type=["null", "string"], description="Prefix of keys; empty: [twitch] prefix"),
        "games": Param(20, type="integer", minimum=1, maximum=100, description="How many of the top games"),
        "pages_per_game": Param(
            1, type="integer", minimum=1, maximum=100, description="Pages of 100 streams for each game"
        ),
    },
    doc_md=__doc__,
    tags=["twitch"],
)
def twitch_top_games() -> None:
    """Extract, transform, load."""

    @task(multiple_outputs=False)
    @fail_fast()
    def extract(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """Ask Helix and keep what it answered; hand on where it lies."""
        from airflow.sdk.exceptions import AirflowSkipException

        from twitch_provider.config import LakeConfig
        from twitch_provider.helix import queries
        from twitch_provider.hooks.twitch import TwitchHook
        from twitch_provider.lake import extract as raw
        from twitch_provider.lake.keys import SnapshotKeys
        from twitch_provider.lake.top_games import game_ids

        config = LakeConfig.resolve(params)
        store, keys = config.store(), SnapshotKeys(config.prefix, dag_run.dag_id, dag_run.run_after)

        if raw.is_too_late(dag_run.run_after, datetime.now(UTC)):
            if (found := raw.find(store, keys, "top_games")) is None:
                raise AirflowSkipException(f"Too late for {keys.tick}: Twitch cannot be asked about the past")
            return found.as_xcom()

        hook = TwitchHook(config.twitch_conn_id)
        pages = list(hook.walk(queries.top_games(max_items=params["games"])))
        for game_id in game_ids(pages)[: params["games"]]:
            pages += hook.pages("streams", {"game_id": game_id}, max_pages=params["pages_per_game"])
        return raw.keep(store, keys, "top_games", pages, stats=hook.stats).as_xcom()

    @task(multiple_outputs=False)
    @fail_fast()
    def transform(extracted: dict[str, Any], params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """Turn raw pages into clean, typed frames; what cleaning refuses is kept aside."""
        from twitch_provider.config import LakeConfig
        from twitch_provider.lake import top_games
        from twitch_provider.lake.extract import Extract

        pages = Extract.from_xcom(extracted).pages(LakeConfig.resolve(params).store())
        tables = top_games.transform(pages, run_after=dag_run.run_after)
        return {dataset: table.as_xcom() for dataset, table in tables.items()}

    @task(multiple_outputs=False, outlets=[TOP_STREAMS, TOP_GAMES])
    @fail_fast()
    def load(
        extracted: dict[str, Any],
        transformed: dict[str, Any],
        params: dict[str, Any],
        dag_run: Any,
        outlet_events: Any,
    ) -> str:
        """Publish the CSVs, then `latest/`, then the manifest; hand on where that lies."""
        from twitch_provider.config import LakeConfig
        from twitch_provider.lake.clean import Cleaned
        from twitch_provider.lake.extract import Extract
        from twitch_provider.lake.keys import SnapshotKeys
        from twitch_provider.lake.publish import publish

        config = LakeConfig.resolve(params)
        store, keys = config.store(), SnapshotKeys(config.prefix, dag_run.dag_id, dag_run.run_after)
        tables = {dataset: Cleaned.from_xcom(table) for dataset, table in transformed.items()}
        publish(
            store,
            keys,
            tables,
            extract=Extract.from_xcom(extracted),
            run_id=dag_run.run_id,
            published_at=datetime.now(UTC),
            latest=True,
            interval=INTERVAL,
        )
        for asset, dataset in ((TOP_STREAMS, "top_streams"), (TOP_GAMES, "top_games")):
            outlet_events[asset].extra = {
                "uri": store.uri(keys.data(dataset)),
                "rows": len(tables[dataset].frame),
            }
        return store.uri(keys.manifest)

    extracted = extract()
    load(extracted, transform(extracted))


twitch_top_games()
