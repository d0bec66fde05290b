# SPDX-License-Identifier: Apache-2.0
"""
### Start when a channel goes live on Twitch

The asset `twitch_live` is watched by the triggerer: when one or more of the `CHANNELS` go live, this DAG
starts. `went_live` reads which, `announce` runs once for each channel and writes to its log; put your own
message to Slack, Discord or e-mail there.

Needs a connection *twitch_default* of type *Twitch* and a running triggerer. Twitch is asked once a minute.
"""  # noqa: D212 - it is the DAG's page in the UI

from __future__ import annotations

# [START twitch_live]
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, AssetWatcher, dag, task

from twitch_provider.pipelines.notify import alert_failed_run
from twitch_provider.triggers.twitch import TwitchStreamEventTrigger

#: Yours: the last part of a channel's address, https://www.twitch.tv/monstercat.
CHANNELS = ["monstercat", "nasa"]

TWITCH_LIVE = Asset(
    "twitch_live",
    watchers=[
        AssetWatcher(
            name="twitch_live",
            trigger=TwitchStreamEventTrigger(user_logins=CHANNELS, events=["online"]),
        )
    ],
)


@dag(
    schedule=[TWITCH_LIVE],
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
def twitch_live_alert() -> None:
    """Announce each channel that went live."""

    @task(show_return_value_in_logs=False)
    def went_live(triggering_asset_events: Any) -> list[dict[str, Any]]:
        """Who went live: all that one poll found, and of all events that this run was started for."""
        # An event that a person makes in the UI has no payload, and a run that a person starts has no event.
        return [
            channel
            for event in triggering_asset_events[TWITCH_LIVE]
            for channel in event.extra.get("payload", {}).get("events", [])
        ]

    @task(show_return_value_in_logs=False)
    def announce(stream: dict[str, Any]) -> None:
        """Say it."""
        logging.getLogger(__name__).info(
            "%s is live: %s (%s), https://www.twitch.tv/%s",
            stream["user_name"] or stream["user_login"],
            stream["title"],
            stream["game_name"],
            stream["user_login"],
        )

    announce.expand(stream=went_live())


twitch_live_alert()
# [END twitch_live]
