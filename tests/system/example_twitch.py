# SPDX-License-Identifier: Apache-2.0
"""Each class of the provider at work: the documentation cuts its snippets from here.

``test_examples.py`` runs it in a real Airflow against a simulated Twitch.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from twitch_provider.exceptions import TwitchError
from twitch_provider.operators.twitch import (
    TwitchAllStreamsOperator,
    TwitchHelixOperator,
    TwitchStreamsOperator,
    TwitchTopGamesOperator,
)
from twitch_provider.sensors.twitch import TwitchStreamLiveSensor
from twitch_provider.transfers.twitch_to_s3 import TwitchToS3Operator
from twitch_provider.triggers.twitch import TwitchStreamLiveTrigger

try:
    from airflow.sdk import DAG, BaseOperator, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task  # type: ignore[attr-defined,no-redef]
    from airflow.models.baseoperator import BaseOperator  # type: ignore[no-redef]


# [START howto_trigger_twitch_stream_live]
class GreetOperator(BaseOperator):
    """Wait in the triggerer until a channel is live, then say hello."""

    def __init__(self, *, user_login: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.user_login = user_login

    def execute(self, context: Any) -> None:
        """Hand the waiting over to the triggerer."""
        self.defer(
            trigger=TwitchStreamLiveTrigger(user_logins=self.user_login, poll_interval=30),
            method_name="greet",
            timeout=timedelta(hours=6),
        )

    def greet(self, context: Any, event: dict[str, Any]) -> str:
        """Go on with what the trigger found."""
        if event["status"] == "error":
            raise TwitchError(event["message"])
        (stream,) = event["streams"]
        return f"Hello {stream['user_name']}: {stream['title']}"


# [END howto_trigger_twitch_stream_live]


with DAG(
    "example_twitch", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False
) as example_twitch:
    # [START howto_hook_twitch]
    @task
    def most_watched(game: str) -> dict[str, int]:
        """Return the viewers of the three greatest streams of a game, by channel."""
        from twitch_provider.hooks.twitch import TwitchHook

        hook = TwitchHook("twitch_default")
        ids = hook.get_game_ids(game)  # an error names a category that nobody knows
        streams = hook.get_streams(game_ids=ids, languages=["en", "de"], max_items=3)
        return {stream["user_login"]: stream["viewer_count"] for stream in streams}

    # [END howto_hook_twitch]

    # [START howto_hook_twitch_pages]
    @task
    def archive(language: str) -> list[str]:
        """Return what Twitch answered, word for word, page by page."""
        from twitch_provider.hooks.twitch import TwitchHook

        pages = TwitchHook().pages("streams", {"language": language}, max_pages=2)
        return [f"{page.answered_at:%H:%M:%S} {len(page.body)} bytes" for page in pages]

    # [END howto_hook_twitch_pages]

    # [START howto_hook_twitch_async]
    @task
    def followers(logins: list[str]) -> dict[str, int]:
        """Ask for many channels at the same time."""
        import asyncio

        from twitch_provider.hooks.twitch import TwitchAsyncHook

        async def read() -> dict[str, int]:
            async with TwitchAsyncHook("twitch_default") as hook:
                users = [user async for user in hook.get_users(logins=logins)]
                counts = await asyncio.gather(*(hook.get_follower_count(user["id"]) for user in users))
            return {user["login"]: count for user, count in zip(users, counts, strict=True)}

        return asyncio.run(read())

    # [END howto_hook_twitch_async]

    most_watched("Just Chatting")
    archive("en")
    followers(["monstercat", "nasa"])

    # [START howto_operator_twitch_streams]
    TwitchStreamsOperator(task_id="greatest", languages=["en", "de"], max_items=100)
    # [END howto_operator_twitch_streams]

    # [START howto_operator_twitch_streams_s3]
    TwitchStreamsOperator(
        task_id="japanese",
        languages="ja",
        output="s3",
        dataset="japanese_streams",
        bucket="my-twitch-lake",
    )
    # [END howto_operator_twitch_streams_s3]

    # [START howto_operator_twitch_all_streams]
    TwitchAllStreamsOperator(
        task_id="every_live_stream",
        dataset="every_stream",
        compression="zstd",
        on_incomplete="fail",
        interval=timedelta(minutes=15),
    )
    # [END howto_operator_twitch_all_streams]

    # [START howto_operator_twitch_streams_mapped]
    TwitchStreamsOperator.partial(task_id="by_language", output="s3").expand_kwargs(
        [{"languages": language, "dataset": f"streams_{language}"} for language in ("de", "fr", "pl")]
    )
    # [END howto_operator_twitch_streams_mapped]

    # [START howto_operator_twitch_top_games]
    TwitchTopGamesOperator(task_id="top_ten", max_items=10, output="s3", dataset="top_ten")
    # [END howto_operator_twitch_top_games]

    # [START howto_operator_twitch_helix]
    channel = TwitchHelixOperator(
        task_id="channel", endpoint="users", endpoint_params={"login": "monstercat"}
    )
    videos = TwitchHelixOperator(
        task_id="videos",
        endpoint="videos",
        endpoint_params={"user_id": "{{ ti.xcom_pull('channel')[0].id }}", "period": "month"},
        max_items=100,
    )
    channel >> videos
    # [END howto_operator_twitch_helix]

    # [START howto_transfer_twitch_to_s3]
    TwitchToS3Operator(
        task_id="export",
        endpoint="streams",
        endpoint_params={"language": ["en", "de"]},
        s3_bucket="my-twitch-lake",
        s3_key="exports/{{ run_id }}/streams.jsonl.gz",
        compression="gzip",
    )
    # [END howto_transfer_twitch_to_s3]

    # [START howto_sensor_twitch_stream_live]
    TwitchStreamLiveSensor(
        task_id="wait",
        user_logins=["monstercat", "nasa"],
        wait_for="any",
        mode="reschedule",
        poke_interval=120,
        timeout=6 * 60 * 60,
    )
    # [END howto_sensor_twitch_stream_live]

    # [START howto_sensor_twitch_stream_live_deferrable]
    TwitchStreamLiveSensor(
        task_id="wait_without_a_worker",
        user_logins=["monstercat", "nasa"],
        wait_for="all",
        deferrable=True,
        poke_interval=60,
        timeout=6 * 60 * 60,
    )
    # [END howto_sensor_twitch_stream_live_deferrable]

    GreetOperator(task_id="greet", user_login="monstercat")
