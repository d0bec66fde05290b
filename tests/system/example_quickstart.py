# SPDX-License-Identifier: Apache-2.0
# mypy: disable-error-code=no-untyped-def
"""The first DAG of the documentation, for Airflow 3. ``test_examples.py`` runs it."""

from __future__ import annotations

# [START quickstart]
from airflow.sdk import dag, task

from twitch_provider.operators.twitch import TwitchStreamsOperator


@dag(schedule="@hourly", catchup=False)
def my_twitch():
    @task
    def most_watched(game: str) -> dict[str, int]:
        from twitch_provider.hooks.twitch import TwitchHook

        hook = TwitchHook("twitch_default")
        ids = hook.get_game_ids(game)  # an error names a category that nobody knows
        streams = hook.get_streams(game_ids=ids, languages=["en", "de"], max_items=3)
        return {stream["user_login"]: stream["viewer_count"] for stream in streams}

    most_watched("Just Chatting")
    TwitchStreamsOperator(task_id="japanese", languages="ja", output="s3", dataset="japanese_streams")


my_twitch()
# [END quickstart]
