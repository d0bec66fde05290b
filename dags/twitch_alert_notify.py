# SPDX-License-Identifier: Apache-2.0
"""
### Send the alerts of `twitch_metrics` with any notifier

An event of `twitch_alerts` starts it: a watched category, channel or the whole site gains or loses viewers in
an unusual way, snapshots have stopped, or a disk is nearly full; and when that is over. `messages` reads what
the events tell, of all events that this run was started for, and `notify` runs once for each message: it
writes it to its log, and sends it with the notifier of `[twitch] notifier`, or to `[twitch] sns_topic`.
"""  # noqa: D212 - it is the DAG's page in the UI

from __future__ import annotations

# [START twitch_alert_notify]
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, dag, task

from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.notify import alert_failed_run, send

ALERTS = Asset("twitch_alerts")


@dag(
    schedule=[ALERTS],
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
def twitch_alert_notify() -> None:
    """Send each alert and each all-clear."""

    @task(show_return_value_in_logs=False)
    def messages(triggering_asset_events: Any) -> list[dict[str, Any]]:
        """All that the events tell, the oldest first."""
        # An event that a person makes in the UI carries nothing, and a run that a person starts has no event.
        return [
            message
            for event in triggering_asset_events[ALERTS]
            for kind in ("alerts", "all_clears")
            for message in event.extra.get(kind, [])
        ]

    @task(show_return_value_in_logs=False)
    @fail_fast()
    def notify(alert: dict[str, Any], **context: Any) -> None:
        """Send one of them."""
        send(alert, context)

    notify.expand(alert=messages())


twitch_alert_notify()
# [END twitch_alert_notify]
