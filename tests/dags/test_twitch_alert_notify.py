# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, ClassVar

import boto3
import pytest
from tests.dags.conftest import DAGS, Triggering, read_dag

from twitch_provider.compat import AirflowFailException
from twitch_provider.exceptions import TwitchNotifierError

pytestmark = pytest.mark.filterwarnings("default")  # Airflow's own, while it parses and runs a DAG

CREDENTIALS = {"aws_access_key_id": "testing-key", "aws_secret_access_key": "testing-secret"}
#: Who knows a webhook's address may write to it.
WEBHOOK = "https://hooks.example.com/services/T00/B00/f3kP9qL"
ALERT: dict[str, Any] = {"kind": "rise", "text": "Chess {{ 7 * 7 }}: 900 viewers", "viewers": 900}


@pytest.fixture
def dag(airflow_database: None) -> Any:
    return read_dag("twitch_alert_notify")


def told(dag: Any, *events: dict[str, Any]) -> list[dict[str, Any]]:
    (asset,) = dag.timetable.asset_condition.objects
    found: list[dict[str, Any]] = dag.get_task("messages").python_callable(Triggering(asset, *events))
    return found


def notify(dag: Any, alert: dict[str, Any]) -> None:
    dag.get_task("notify").python_callable(alert, dag=dag)


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


@pytest.fixture
def topic(
    s3: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Callable[[], list[dict[str, Any]]]]]:
    """A topic that Airflow may publish to, and what it has got since it was last asked."""
    connection: dict[str, Any] = {"conn_type": "aws", "login": "testing-key", "password": "testing-secret"}
    connection["extra"] = {"endpoint_url": s3}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_ALERTS", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__TWITCH__AWS_CONN_ID", "aws_alerts")
    options: Any = {"endpoint_url": s3, "region_name": "eu-west-1", **CREDENTIALS}
    sns, sqs = boto3.client("sns", **options), boto3.client("sqs", **options)
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def received() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(each["Body"]) for each in found]

    monkeypatch.setenv("AIRFLOW__TWITCH__SNS_TOPIC", topic)
    yield topic, received
    sns.delete_topic(TopicArn=topic)
    sqs.delete_queue(QueueUrl=queue)


def test_a_topic_gets_it_and_what_twitch_names_is_not_a_template(dag: Any, topic: Any) -> None:
    _, received = topic
    notify(dag, ALERT)
    (body,) = received()
    assert (body["Message"], body["Subject"]) == (ALERT["text"], "Twitch in Airflow: rise")


class Notifier:
    """A provider's notifier, as Airflow's base class."""

    sent: ClassVar[list[Any]] = []

    def render_template_fields(self, context: Any) -> None:
        self.text = context["alert"]["text"]

    def notify(self, context: Any) -> None:
        if "Total" in self.text:
            raise RuntimeError(f"the channel does not exist: {WEBHOOK}")
        self.sent.append(self.text)


@pytest.fixture
def of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function in a module of the deployment's own, which counts although a topic is set, too."""
    module = ModuleType("my_alerts")
    module.notifier = Notifier  # type: ignore[attr-defined]
    module.broken = lambda: 1 / 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_alerts", module)
    monkeypatch.setattr(Notifier, "sent", [])
    monkeypatch.setenv("AIRFLOW__TWITCH__NOTIFIER", "my_alerts.notifier")
    monkeypatch.setenv("AIRFLOW__TWITCH__SNS_TOPIC", "arn:aws:sns:eu-west-1:123456789012:unused")


@pytest.mark.usefixtures("of_ours")
def test_a_notifier_that_fails_fails_its_task_with_one_sentence_and_not_the_others(dag: Any) -> None:
    with pytest.raises(
        TwitchNotifierError,
        match=r"^Notifier could .*an alert \(drop\): RuntimeError: the channel does not exist: \*+\. Check",
    ) as raised:
        notify(dag, {"kind": "drop", "text": "Total: 9 viewers"})
    assert raised.value.__suppress_context__, "a traceback would show the address"
    notify(dag, ALERT)
    assert Notifier.sent == [ALERT["text"]]
    assert dag.get_task("notify").partial_kwargs["retries"] == 3  # of each message for itself


@pytest.mark.usefixtures("of_ours")
def test_a_function_that_fails_is_named(dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__NOTIFIER", "my_alerts.broken")
    with pytest.raises(TwitchNotifierError, match=r"^The function of \[twitch\] notifier could not send"):
        notify(dag, ALERT)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        (
            "NOTIFIER",
            "nowhere.notifier",
            "must be the import path of a function .* not 'nowhere.notifier': No module",
        ),
        (
            "NOTIFIER",
            "notifier",
            "must be the import path of a function .* not 'notifier': Empty module name",
        ),
        (
            "NOTIFIER",
            "json.notifier",
            "must be the import path of a function .* not 'json.notifier': module 'json'",
        ),
        ("SNS_TOPIC", "alerts", "must be the ARN of a standard topic, .* not 'alerts'"),
        ("SNS_TOPIC", "arn:aws:sns:eu-west-1:123456789012:a.fifo", "must be the ARN of a standard topic, "),
    ],
)
def test_an_option_that_is_not_valid_is_not_retried(
    dag: Any, monkeypatch: pytest.MonkeyPatch, option: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"AIRFLOW__TWITCH__{option}", value)
    with pytest.raises(AirflowFailException, match=rf"AIRFLOW__TWITCH__{option}\) {sentence}"):
        notify(dag, ALERT)


@pytest.mark.parametrize("dag_id", sorted(path.stem for path in DAGS.glob("*.py")))
def test_a_run_that_fails_is_told_by_its_callback(dag: Any, topic: Any, dag_id: str) -> None:
    failed, (_, received) = read_dag(dag_id), topic
    callback = failed.on_failure_callback
    (callback,) = callback if isinstance(callback, list) else [callback]
    # What the DAG processor of Airflow 3.0 gives; later ones give more.
    callback({"dag": failed, "run_id": "scheduled__2026-11-23T12:00:00+00:00", "reason": "task_failure"})
    (body,) = received()
    assert body["Subject"] == "Twitch in Airflow: failed"
    assert body["Message"] == (
        f"A run of {dag_id} failed (task failure): scheduled__2026-11-23T12:00:00+00:00. Look at its tasks "
        "in Airflow."
    )


def test_a_callback_whose_notifier_fails_logs_one_sentence(
    dag: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__SNS_TOPIC", "alerts")
    dag.on_failure_callback({"dag": dag, "run_id": "a", "reason": "timed_out"})
    (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert line.startswith("[twitch] sns_topic (AIRFLOW__TWITCH__SNS_TOPIC) must be the ARN")


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
