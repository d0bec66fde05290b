# SPDX-License-Identifier: Apache-2.0
"""An EC2 instance whose only credentials are its role's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from typing import Any

import pytest
from packaging.version import Version
from tests.cloud.account import BUCKET, PREFIX, REGION, STACK, Account
from tests.cloud.imds import MetadataService
from tests.cloud.job import Job

from twitch_provider.config import LakeConfig
from twitch_provider.pipelines.run import open_store
from twitch_provider.testing import Simulator

#: As the instance's user data sets it.
SECRETS = {
    "connections_prefix": f"{STACK}/connections",
    "connections_lookup_pattern": "^twitch_",
    "variables_prefix": None,
    "config_prefix": None,
}


@pytest.fixture(scope="module")
def _account() -> Iterator[Account]:
    with MetadataService(REGION) as metadata:
        account = Account(metadata)
        yield account
        account.close()


@pytest.fixture
def account(_account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The account as a new stack leaves it; this process runs on the instance."""
    for name in list(os.environ):
        if name.startswith(("AWS_ACCESS", "AWS_SECRET", "AWS_SESSION", "AIRFLOW_CONN_", "AWS_EC2_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", _account.metadata.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", _account.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", BUCKET)
    monkeypatch.setenv("AIRFLOW__TWITCH__PREFIX", PREFIX)
    _account.begin_anew()
    return _account


@pytest.fixture
def moto_that_signs_lists() -> None:
    """Skips where moto refuses the signature of every list."""
    if Version(version("moto")) < Version("5.2.5"):
        pytest.skip(f"moto {version('moto')} does not sign a request for a list as boto3 does")


@pytest.fixture
def lake(account: Account, moto_that_signs_lists: None) -> Any:
    """The store of the lake, on the instance."""
    return open_store(LakeConfig.resolve())


@pytest.fixture
def secrets_backend(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections come from the account's Secrets Manager."""
    backend = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(SECRETS))
    # Some Airflows make a backend once in a process.
    with suppress(ImportError):
        import airflow.sdk.configuration

        monkeypatch.setattr(airflow.sdk.configuration, "_secrets_backend_cache", {}, raising=False)


@pytest.fixture
def twitch(account: Account, secrets_backend: None) -> Iterator[Simulator]:
    """A Twitch on loopback; the connection to it is in the account's secret, and nowhere else."""
    with Simulator(streams=100) as twitch:
        account.put_secret(twitch.connection_json())
        yield twitch


@pytest.fixture(scope="session")
def _job(airflow_of_the_dags: None) -> Job:
    from airflow.utils import db

    db.initdb()
    return Job()


@pytest.fixture
def job(_job: Job, twitch: Simulator, moto_that_signs_lists: None) -> Job:
    """Every DAG, on the instance."""
    return _job
