# SPDX-License-Identifier: Apache-2.0
"""What the instance may do so that a fault reaches somebody: each action is used, a missing one is told.

moto checks the actions. That they are for one topic and one namespace, ``tests/deploy`` reads there.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.cloud.account import FACTS, POLICY, REGION, Account
from tests.cloud.template import Document, policy

from deploy import status
from twitch_provider.exceptions import TwitchNotifierError
from twitch_provider.pipelines.notify import send

ALERT = {"kind": "missed", "text": "No snapshot for 20 minutes."}
#: Of Airflow 2, which looks for the DAG.
CONTEXT = {"dag": None}
DATA: list[dict[str, Any]] = [{"MetricName": "Healthy", "Value": 1.0}]


@pytest.fixture
def topic(account: Account, monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic that the deployment is told of."""
    arn = str(account.client("sns").create_topic(Name="alerts")["TopicArn"])
    monkeypatch.setenv("AIRFLOW__TWITCH__SNS_TOPIC", arn)
    return arn


def alert_policy(topic: str) -> Document:
    return policy("AlertPolicy", {**FACTS, "AlertTopicArn": topic})


def without(document: Document, sid: str) -> Document:
    kept = [each for each in document["Statement"] if each["Sid"] != sid]
    assert len(kept) == len(document["Statement"]) - 1
    return {**document, "Statement": kept}


@pytest.fixture
def inbox(account: Account, topic: str) -> str:
    """A queue that is subscribed to the topic."""
    queues = account.client("sqs")
    url = str(queues.create_queue(QueueName="inbox")["QueueUrl"])
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    account.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def test_an_alert_of_airflow_arrives(account: Account, topic: str, inbox: str) -> None:
    account.grant(POLICY, alert_policy(topic))
    send(ALERT, CONTEXT)
    (message,) = account.client("sqs").receive_message(QueueUrl=inbox)["Messages"]
    assert json.loads(message["Body"])["Message"] == ALERT["text"]


def test_without_the_right_to_publish_the_error_says_so(account: Account, topic: str) -> None:
    account.grant(POLICY, without(alert_policy(topic), "Alerts"))
    with pytest.raises(TwitchNotifierError, match=r"AccessDenied.* when calling the Publish operation"):
        send(ALERT, CONTEXT)


def test_the_state_of_the_machine_is_published(account: Account, topic: str) -> None:
    account.grant(POLICY, alert_policy(topic))
    status.publish(REGION, DATA)
    found = account.client("cloudwatch").list_metrics(Namespace="AirflowTwitch")["Metrics"]
    assert [each["MetricName"] for each in found] == ["Healthy"]
    assert {each["Sid"]: each.get("Condition") for each in alert_policy(topic)["Statement"]}["State"] == {
        "StringEquals": {"cloudwatch:namespace": status.NAMESPACE}
    }


def test_without_the_right_to_publish_the_state_is_refused(account: Account, topic: str) -> None:
    account.grant(POLICY, without(alert_policy(topic), "State"))
    with pytest.raises(ClientError, match="AccessDenied"):
        status.publish(REGION, DATA)
