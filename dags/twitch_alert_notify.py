# SPDX-License-Identifier: Apache-2.0
"""
### Send the alerts of `twitch_metrics` with any notifier

An event of `twitch_alerts` starts it: a watched category, channel or the whole site gains or loses viewers in
an unusual way, or snapshots have stopped; and when that is over. `messages` reads what the events tell, of
all events that this run was started for, and `notify` runs once for each message: it writes it to its log,
and sends it with what `notifier` returns. Put the notifier of your choice there.
"""  # noqa: D212 - it is the DAG's page in the UI

from __future__ import annotations

# [START twitch_alert_notify]
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, dag, task

ALERTS = Asset("twitch_alerts")


def notifier() -> Any:
    """Yours: return a notifier of any provider, whose templates know ``alert``, as ``{{ alert.text }}``.

    For example, after ``from airflow.providers.amazon.aws.notifications.sns import SnsNotifier``::

        SnsNotifier(target_arn="arn:aws:sns:us-east-1:123456789012:twitch", message="{{ alert.text }}")
    """
    return None


@dag(
    schedule=[ALERTS],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    dagrun_timeout=timedelta(minutes=15),
    default_args={"retries": 2, "retry_delay": timedelta(seconds=20)},
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
    def notify(alert: dict[str, Any], **context: Any) -> None:
        """Send one of them."""
        logging.getLogger(__name__).info("%s", alert["text"])
        if (sender := notifier()) is not None:
            # Not by calling it: in some versions of Airflow that only writes an error to the log.
            told = {**context, "alert": alert}
            sender.render_template_fields(told)
            sender.notify(told)

    notify.expand(alert=messages())


twitch_alert_notify()
# [END twitch_alert_notify]
