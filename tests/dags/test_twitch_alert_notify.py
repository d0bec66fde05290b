# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import re
from typing import Any

import boto3
import pytest
from tests.dags.conftest import DAGS, Triggering, read_dag

pytestmark = pytest.mark.filterwarnings("default")  # Airflow's own, while it parses and runs a DAG

CREDENTIALS = {"aws_access_key_id": "testing-key", "aws_secret_access_key": "testing-secret"}
ALERT: dict[str, Any] = {"kind": "rise", "text": "Chess {{ 7 * 7 }}: 900 viewers", "viewers": 900}


@pytest.fixture
def dag(airflow_database: None) -> Any:
    return read_dag("twitch_alert_notify")


def told(dag: Any, *events: dict[str, Any]) -> list[dict[str, Any]]:
    (asset,) = dag.timetable.asset_condition.objects
    found: list[dict[str, Any]] = dag.get_task("messages").python_callable(Triggering(asset, *events))
    return found


def notify(dag: Any, alert: dict[str, Any], notifier: Any = None) -> None:
    function = dag.get_task("notify").python_callable
    if notifier is not None:
        function.__globals__["notifier"] = lambda: notifier
    function(alert, dag=dag)


def test_is_declared_for_readers_and_for_events(dag: Any) -> None:
    assert (dag.catchup, dag.tags) == (False, {"twitch"})
    (asset,) = dag.timetable.asset_condition.objects
    assert asset.name == "twitch_alerts"
    assert {task.task_id for task in dag.tasks} == {"messages", "notify"}


def test_tells_all_that_all_events_of_a_run_tell(dag: Any) -> None:
    first = {"run_after": "2026-11-23T12:00:00Z", "alerts": [{"text": "a"}, {"text": "b"}], "all_clears": []}
    by_hand: dict[str, Any] = {}
    second = {"alerts": [{"text": "c"}], "all_clears": [{"text": "a is over"}]}
    assert [each["text"] for each in told(dag, first, by_hand, second)] == ["a", "b", "c", "a is over"]


def test_without_a_notifier_it_writes_to_its_log(dag: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        notify(dag, ALERT)
    assert ALERT["text"] in caplog.text


def test_a_notifier_of_a_provider_sends_it_and_what_twitch_names_is_not_a_template(
    dag: Any, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.amazon.aws.notifications.sns import SnsNotifier

    connection: dict[str, Any] = {"conn_type": "aws", "login": "testing-key", "password": "testing-secret"}
    connection["extra"] = {"endpoint_url": s3, "region_name": "us-east-1"}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    options: Any = {"endpoint_url": s3, "region_name": "us-east-1", **CREDENTIALS}
    sns, sqs = boto3.client("sns", **options), boto3.client("sqs", **options)
    topic, queue = (
        sns.create_topic(Name="alerts")["TopicArn"],
        sqs.create_queue(QueueName="alerts")["QueueUrl"],
    )
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    message = "{{ alert.text }} ({{ alert.viewers + 1 }})"
    notify(dag, ALERT, SnsNotifier(target_arn=topic, message=message, subject="{{ alert.kind }}"))
    (received,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    body = json.loads(received["Body"])
    assert (body["Message"], body["Subject"]) == (f"{ALERT['text']} (901)", "rise")


def test_a_notifier_that_fails_fails_its_task_and_not_the_others(dag: Any) -> None:
    class Failing:
        def render_template_fields(self, context: Any) -> None:
            assert context["alert"] == ALERT

        def notify(self, context: Any) -> None:
            raise RuntimeError("the channel does not exist")

    with pytest.raises(RuntimeError, match="does not exist"):
        notify(dag, ALERT, Failing())
    assert dag.get_task("notify").partial_kwargs["retries"] == 2  # of each message for itself


def test_a_run_that_a_person_starts_has_nothing_to_tell(dag: Any) -> None:
    run = dag.test()
    assert {instance.task_id: str(instance.state) for instance in run.get_task_instances()} == {
        "messages": "success",
        "notify": "skipped",
    }


def test_the_deadline_of_the_how_to_is_one() -> None:
    airflow_sdk = pytest.importorskip("airflow.sdk")
    if not hasattr(airflow_sdk, "DeadlineAlert"):
        pytest.skip("this Airflow has no airflow.sdk.DeadlineAlert")
    page = (DAGS.parent / "docs" / "howto" / "alerts.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (example,) = [block for block in blocks if "DeadlineAlert" in block]
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - it is ours
    dag = names["twitch_top_games"]()
    (deadline,) = dag.deadline if isinstance(dag.deadline, list) else [dag.deadline]
    assert deadline.callback.path.endswith(".SnsNotifier")
