# SPDX-License-Identifier: Apache-2.0
"""A task that waits in the triggerer, and one that uses what it found. ``test_in_airflow.py`` runs it."""

from __future__ import annotations

from datetime import UTC, datetime

from twitch_provider.operators.twitch import TwitchHelixOperator
from twitch_provider.sensors.twitch import TwitchStreamLiveSensor

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

with DAG(
    "waits_for_a_channel",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={"channels": ["Ann", "bob"]},
) as waits_for_a_channel:
    live = TwitchStreamLiveSensor(task_id="live", user_logins="{{ params.channels }}", deferrable=True)
    users = TwitchHelixOperator(
        task_id="users",
        endpoint="users",
        endpoint_params={"login": "{{ ti.xcom_pull('live') | map(attribute='user_login') | list }}"},
    )
    live >> users
