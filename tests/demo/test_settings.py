# SPDX-License-Identifier: Apache-2.0
"""What is asked, where it is written, and the environment of an Airflow."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from demo.errors import DemoError
from demo.settings import Lake, Twitch, airflow_environment, connection_variables, credentials, last_ticks


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 23, 16, 37, 12, tzinfo=UTC), ["16:30", "16:35"]),
        (datetime(2026, 11, 23, 16, 35, tzinfo=UTC), ["16:30", "16:35"]),
        (datetime(2026, 11, 23, 0, 4, 59, tzinfo=UTC), ["23:55", "00:00"]),
        (datetime(2026, 11, 23, 22, 7, tzinfo=timezone(timedelta(hours=5, minutes=30))), ["16:30", "16:35"]),
    ],
)
def test_ticks_are_the_last_boundaries_in_utc(now: datetime, expected: list[str]) -> None:
    ticks = last_ticks(now, 2)
    assert [f"{tick:%H:%M}" for tick in ticks] == expected
    assert all(tick.tzinfo is UTC and tick <= now for tick in ticks)


def test_callers_airflow_does_not_leak_in(tmp_path: Path, local_lake: Lake) -> None:
    caller = {
        "PATH": "/bin",
        "AIRFLOW_HOME": "/theirs",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://theirs",
        "_AIRFLOW_PARSING_CONTEXT_DAG_ID": "theirs",
        "TWITCH_CLIENT_SECRET": "theirs",
    }
    env = airflow_environment(tmp_path, tmp_path / "dags", local_lake, caller=caller)
    assert env["PATH"] == "/bin"
    assert env["AIRFLOW_HOME"] == str(tmp_path)
    assert not caller.keys() - {"PATH", "AIRFLOW_HOME"} & env.keys()


def test_local_lake_ignores_the_callers_aws(tmp_path: Path, local_lake: Lake) -> None:
    caller = {"AWS_PROFILE": "theirs", "AWS_ENDPOINT_URL": "https://theirs"}
    env = airflow_environment(tmp_path, tmp_path, local_lake, caller=caller)
    assert not env.keys() & caller.keys()
    assert env["AIRFLOW__TWITCH__AWS_CONN_ID"] == "aws_default"


def test_real_bucket_uses_the_callers_aws(tmp_path: Path, simulated: Twitch) -> None:
    lake = Lake("their-bucket")
    env = airflow_environment(tmp_path, tmp_path, lake, caller={"AWS_PROFILE": "theirs"})
    assert env["AWS_PROFILE"] == "theirs"
    assert env["AIRFLOW__TWITCH__BUCKET"] == "their-bucket"
    assert env["AIRFLOW__TWITCH__AWS_CONN_ID"] == ""
    assert set(connection_variables(simulated, lake)) == {"AIRFLOW_CONN_TWITCH_DEFAULT"}


def test_requests_to_this_machine_avoid_proxies(tmp_path: Path, local_lake: Lake) -> None:
    caller = {"HTTP_PROXY": "http://proxy:3128", "no_proxy": "intranet"}
    env = airflow_environment(tmp_path, tmp_path, local_lake, caller=caller)
    assert env["no_proxy"] == env["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_connections_lead_to_the_local_servers(simulated: Twitch, local_lake: Lake) -> None:
    variables = connection_variables(simulated, local_lake)
    assert json.loads(variables["AIRFLOW_CONN_TWITCH_DEFAULT"]) == {
        "conn_type": "twitch",
        "login": "client",
        "password": "hunter2",
        "host": "http://127.0.0.1:8/helix",
        "extra": {"auth_url": "http://127.0.0.1:8/oauth2"},
    }
    assert json.loads(variables["AIRFLOW_CONN_AWS_DEFAULT"]) == {
        "conn_type": "aws",
        "login": "AK",
        "password": "hunter3",
        "extra": {"endpoint_url": "http://127.0.0.1:9", "region_name": "us-east-1"},
    }


def test_real_twitch_needs_no_address(simulated: Twitch) -> None:
    assert replace(simulated, simulated=None).connection.keys() == {"conn_type", "login", "password"}


def test_no_secret_in_a_repr(simulated: Twitch, local_lake: Lake) -> None:
    assert "hunter" not in repr(simulated) + repr(local_lake)


def test_credentials_make_it_the_real_twitch() -> None:
    twitch = credentials({"TWITCH_CLIENT_ID": "id", "TWITCH_CLIENT_SECRET": "secret"})
    assert twitch == Twitch("id", "secret")


@pytest.mark.parametrize("caller", [{}, {"TWITCH_CLIENT_ID": "", "TWITCH_CLIENT_SECRET": ""}])
def test_no_credentials_make_it_simulated(caller: dict[str, str]) -> None:
    assert credentials(caller) is None


@pytest.mark.parametrize("missing", ["TWITCH_CLIENT_ID", "TWITCH_CLIENT_SECRET"])
def test_half_of_the_credentials_is_an_error_that_names_the_other(missing: str) -> None:
    caller = {"TWITCH_CLIENT_ID": "id", "TWITCH_CLIENT_SECRET": "secret"}
    del caller[missing]
    with pytest.raises(DemoError, match=f"^{missing} is not set"):
        credentials(caller)
