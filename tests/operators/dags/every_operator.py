# SPDX-License-Identifier: Apache-2.0
"""Every operator: plain, mapped and templated, without native objects. ``test_in_airflow.py`` runs it."""

from __future__ import annotations

from datetime import UTC, datetime

from twitch_provider.operators.twitch import (
    TwitchHelixOperator,
    TwitchStreamsOperator,
    TwitchTopGamesOperator,
)
from twitch_provider.transfers.twitch_to_s3 import TwitchToS3Operator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

with DAG(
    "every_operator",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={"languages": ["en", "de"], "users": None, "limit": 7},
    render_template_as_native_obj=False,
) as every_operator:
    streams = TwitchStreamsOperator(
        task_id="streams",
        languages="{{ params.languages }}",
        user_ids="{{ params.users }}",
        max_items="{{ params.limit }}",
    )
    users = TwitchHelixOperator(
        task_id="users",
        endpoint="users",
        endpoint_params={"login": "{{ ti.xcom_pull('streams') | map(attribute='user_login') | list }}"},
    )
    streams >> users

    TwitchStreamsOperator.partial(task_id="by_language", output="s3", max_items=5).expand_kwargs(
        [{"languages": "en", "dataset": "english"}, {"languages": ["de"], "dataset": "german"}]
    )
    TwitchTopGamesOperator(task_id="games", max_items=2, output="s3", dataset="{{ dag.dag_id }}")
    TwitchToS3Operator.partial(
        task_id="to_s3", endpoint="streams", s3_bucket="lake", compression="gzip"
    ).expand_kwargs(
        [
            {"s3_key": f"{{{{ run_id }}}}/{language}.gz", "endpoint_params": {"language": language}}
            for language in ("en", "de")
        ]
    )
