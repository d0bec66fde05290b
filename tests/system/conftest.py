# SPDX-License-Identifier: Apache-2.0
"""A real Airflow, an S3 in memory, and a Twitch in which the channels of the examples are live."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from twitch_provider.testing import Simulator
from twitch_provider.testing.capture import CapturedWorld, Recording
from twitch_provider.testing.generated import GeneratedWorld

EXAMPLES = Path(__file__).parent
BUCKET = "my-twitch-lake"
CHANNELS = ("monstercat", "nasa")


@pytest.fixture
def twitch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A made-up Twitch whose first streams are those that the examples name."""
    now = datetime.now(UTC)
    rows = [dict(stream.row) for stream in GeneratedWorld(streams=600, short_pages=False).at(now).streams]
    game = rows[0]["game_id"]
    for row in rows:
        if row["game_id"] == game:
            row["game_name"] = "Just Chatting"
    for row, login in zip(rows, CHANNELS, strict=False):
        row |= {"user_login": login, "user_name": login.title()}
    with Simulator(CapturedWorld([Recording(rows, now)], None, "the examples' Twitch"), at=now) as simulator:
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", simulator.connection_json())
        yield simulator


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 with the examples' bucket, and the connection and option that lead to it."""
    connection = {
        "conn_type": "aws",
        "login": "testing-key",
        "password": "testing-secret",
        "extra": {"region_name": "us-east-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", BUCKET)
    monkeypatch.setenv("AIRFLOW__TWITCH__AWS_CONN_ID", "aws_default")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def run_example(twitch: Simulator, s3: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Any]:
    """Run the DAG of an example here and now; gives the run."""
    from airflow.utils import db

    bundle = {
        "name": "tests-system",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(EXAMPLES)},
    }
    # dag.test runs what it finds in a bundle only.
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))
    db.initdb()

    def run(file: str, dag_id: str) -> Any:
        found = runpy.run_path(str(EXAMPLES / file))[dag_id]
        dag = found() if callable(found) else found  # one of @dag is a function
        return dag.test()

    return run
