# SPDX-License-Identifier: Apache-2.0
"""How alerts leave Airflow: one notifier for all of them, of any provider.

The option ``[twitch] notifier`` names a function that returns it; ``[twitch] sns_topic`` is enough for SNS.
They are options and not DAG params, since a notifier's templates can read connections and Variables: a person
who may trigger a DAG need not be allowed to.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from twitch_provider.aws.masking import masked
from twitch_provider.config import option
from twitch_provider.exceptions import TwitchConfigError, TwitchError, TwitchNotifierError

#: The ARN of a standard topic: a FIFO topic requires a group of each message, which the notifier cannot give.
#: https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}")

log = logging.getLogger(__name__)


def notifier() -> Any:
    """Return what sends an alert: of ``[twitch] notifier``, else SNS's for ``[twitch] sns_topic``, else None.

    :raises TwitchConfigError: an option is not valid
    """
    path, topic = option("notifier").strip(), option("sns_topic").strip()
    if path:
        return _function(path)()
    if not topic:
        return None
    match = _TOPIC.fullmatch(topic)
    if match is None:
        raise TwitchConfigError(
            "[twitch] sns_topic (AIRFLOW__TWITCH__SNS_TOPIC) must be the ARN of a standard topic, such as "
            f"arn:aws:sns:us-east-1:123456789012:twitch, not {topic!r:.120}"
        )
    from airflow.providers.amazon.aws.notifications.sns import SnsNotifier

    return SnsNotifier(
        target_arn=topic,
        subject="Twitch in Airflow: {{ alert.kind }}",
        message="{{ alert.text }}",
        aws_conn_id=option("aws_conn_id") or None,
        region_name=match[1],  # SNS refuses a topic of another region
    )


def _function(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise TwitchConfigError(
            "[twitch] notifier (AIRFLOW__TWITCH__NOTIFIER) must be the import path of a function that "
            f"returns a notifier, such as my_alerts.notifier, not {path!r:.80}: {error}"
        ) from error


def send(alert: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    """Write an alert to the log, and send it if there is a notifier, whose templates know it as ``alert``.

    :param alert: with ``kind`` and ``text``
    :param context: of the task or callback
    :raises TwitchConfigError: an option is not valid
    :raises TwitchNotifierError: the notifier failed
    """
    log.info("%s", alert["text"])
    sent_by = "The function of [twitch] notifier"
    try:
        sender = notifier()
        if sender is None:
            return
        sent_by, told = type(sender).__name__, {**context, "alert": alert}
        # Not by calling it: in some versions of Airflow that only writes an error to the log.
        sender.render_template_fields(told)
        sender.notify(told)
    except TwitchConfigError:
        raise
    except Exception as error:
        # Without the cause: a webhook's address is a secret, and errors of HTTP libraries repeat it.
        said = masked(str(error)).rstrip(".")
        raise TwitchNotifierError(
            f"{sent_by} could not send an alert ({alert['kind']}): {type(error).__name__}: {said}. Check "
            "[twitch] notifier or [twitch] sns_topic, and the credentials that it uses."
        ) from None


def alert_failed_run(context: Mapping[str, Any]) -> None:
    """Tell that a run has failed: the ``on_failure_callback`` of a DAG.

    The DAG processor calls it, once for a run that has failed in the end; a task that a later try repaired is
    not told. Nothing retries it, so an error is one line of the processor's log.

    :param context: of the callback; Airflow 3.0 gives ``dag``, ``run_id`` and ``reason`` only
    """
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    reason = str(context.get("reason") or "unknown reason").replace("_", " ")
    alert = {
        "kind": "failed",
        "dag_id": dag_id,
        "run_id": run_id,
        "text": f"A run of {dag_id} failed ({reason}): {run_id}. Look at its tasks in Airflow.",
    }
    try:
        send(alert, context)
    except TwitchError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says all
