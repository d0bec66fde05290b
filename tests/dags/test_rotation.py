# SPDX-License-Identifier: Apache-2.0
"""The client secret is replaced while runs go on, as ``docs/howto/secrets.md`` has it.

At Twitch the new secret replaces the old one at once. What is stored in the secrets backend follows later:
here between two tries of a task.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from tests.dags.conftest import read_dag

from twitch_provider.hooks.sessions import forget_shared
from twitch_provider.testing import Simulator

NAME = "airflow/connections/twitch_default"
DAG_ID = "twitch_all_streams"

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


class Operations:
    """Twitch, the secrets backend, and who keeps the one in step with the other."""

    def __init__(self, twitch: Simulator, secrets: Any, auth_cache: str) -> None:
        self.twitch = twitch
        self._secrets = secrets
        self._auth_cache = auth_cache
        #: Whether somebody is about to store the secret: before the second try of a task they have.
        self.storing = False
        self.tries: list[int] = []
        secrets.create_secret(Name=NAME)
        self.store()

    def store(self) -> None:
        """Put what Twitch accepts now into the backend."""
        connection = json.loads(self.twitch.connection_json())
        connection["extra"]["auth_cache"] = self._auth_cache
        self._secrets.put_secret_value(SecretId=NAME, SecretString=json.dumps(connection))

    def before_try(self, context: Any) -> None:
        """Make the process new, as it is for each try."""
        forget_shared()
        self.tries.append(context["ti"].try_number)
        if self.storing and context["ti"].try_number == 2:
            self.store()

    def run(self, dag_id: str, run_after: datetime) -> set[str]:
        """Run a DAG; the states of its tasks."""
        dag = read_dag(dag_id)
        for task in dag.tasks:
            task.retry_delay = timedelta(0)
            task._pre_execute_hook = self.before_try
        dag_run = dag.test(run_after=run_after, logical_date=run_after)
        return {str(instance.state) for instance in dag_run.get_task_instances()}


@pytest.fixture
def operations(
    airflow_of_the_dags: None, airflow_database: None, bucket: Any, s3: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Operations]]:
    """A Twitch, and a deployment whose connection is in Secrets Manager."""
    backend = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
    options = {"connections_prefix": "airflow/connections", "variables_prefix": None, "config_prefix": None}
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(options))
    import airflow.configuration

    # Airflow keeps its backends for as long as a process lives.
    monkeypatch.setattr("airflow.sdk.configuration._secrets_backend_cache", {}, raising=False)
    backends = airflow.configuration.initialize_secrets_backends()
    monkeypatch.setattr("airflow.configuration.secrets_backend_list", backends)
    secrets = boto3.client("secretsmanager")
    with Simulator(streams=300, clock=lambda: 0.0) as twitch:
        yield lambda auth_cache: Operations(twitch, secrets, auth_cache)
    secrets.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)


def ticks() -> list[datetime]:
    """Three ticks in a row, recent enough to ask Twitch."""
    last = datetime.now(UTC).replace(second=0, microsecond=0)
    return [last - timedelta(minutes=minutes) for minutes in (10, 5, 0)]


@pytest.mark.parametrize(
    ("auth_cache", "revoke_tokens"), [("file", False), ("file", True), ("variable", True), ("none", True)]
)
def test_a_rotation_between_two_runs_fails_none(
    operations: Callable[..., Operations], bucket: Any, auth_cache: str, revoke_tokens: bool
) -> None:
    deployment = operations(auth_cache)
    before, during, after = ticks()
    assert deployment.run(DAG_ID, before) == {"success"}
    deployment.twitch.replace_secret(revoke_tokens=revoke_tokens)
    deployment.storing = True
    deployment.tries.clear()
    assert deployment.run(DAG_ID, during) == {"success"}
    # A token in a cache bridges the time until the secret is stored, unless it was revoked.
    assert (2 in deployment.tries) is (revoke_tokens or auth_cache == "none")
    deployment.store()
    assert deployment.run(DAG_ID, after) == {"success"}
    assert len(bucket.find(f"/manifests/{DAG_ID}/")) == 3
    assert deployment.twitch.counters.tokens_minted == (3 if auth_cache == "none" else 2)


@pytest.mark.parametrize("dag_id", ["twitch_top_games", DAG_ID])
def test_a_rotation_in_the_middle_of_a_run_does_not_fail_it(
    operations: Callable[..., Operations], bucket: Any, dag_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = operations("file")
    admit, asked = deployment.twitch.twitch.auth.admit, []

    def admit_until_the_secret_is_new(*args: Any) -> None:
        asked.append(args)
        if len(asked) == 10:
            deployment.twitch.replace_secret(revoke_tokens=True)
        admit(*args)

    monkeypatch.setattr(deployment.twitch.twitch.auth, "admit", admit_until_the_secret_is_new)
    deployment.storing = True
    assert deployment.run(dag_id, ticks()[-1]) == {"success"}
    assert 2 in deployment.tries
    (manifest,) = bucket.find(f"/manifests/{dag_id}/")
    assert json.loads(bucket.read(manifest))["complete"] is True


def test_a_secret_that_stays_wrong_fails_the_run_after_its_retries(
    operations: Callable[..., Operations], bucket: Any
) -> None:
    deployment = operations("none")
    deployment.twitch.replace_secret()
    assert deployment.run(DAG_ID, ticks()[-1]) == {"failed"}
    assert deployment.tries == [1, 2, 3, 4]
    assert deployment.twitch.counters.requests == {"token": 4}
    assert bucket.find() == []
