# SPDX-License-Identifier: Apache-2.0
"""``deploy/status.py`` with what Docker, psql and the clock would answer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from airflow.models.base import Base
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from moto import mock_aws
from sqlalchemy import create_engine, insert, text
from tests.cluster.compose import load, read_env, services
from tests.deploy.machine import DEPLOY

from deploy import new_env, status

NOW = datetime(2026, 11, 29, 12, 4, tzinfo=UTC)
IMAGE = "registry.example.com/twitch:2"
ENV = new_env.render(
    new_env.read(
        [
            f"AIRFLOW_IMAGE={IMAGE}",
            "TWITCH_BUCKET=my-lake",
            "AWS_REGION=eu-west-1",
            "TWITCH_SNS_TOPIC=arn:aws:sns:eu-west-1:123456789012:alerts",
        ]
    )
)
RAN = "twitch_top_games|success|2026-11-29 12:00:02.5+00|2026-11-29 12:05:00+00"


class Fake:
    """The machine's Docker: every container of the file healthy, until something is changed."""

    def __init__(self) -> None:
        self.services = services(load(), read_env(ENV))
        self.containers = {name: self.container(name) for name in self.services}
        self.containers["airflow-init"]["State"] = {"Status": "exited", "ExitCode": 0}
        self.rows = RAN
        self.logs = ""
        self.fails = ""
        self.used = {"root": 40.4, "data": 12.0}
        self.calls: list[str] = []
        self.failure = Path("no-such-file")

    def container(self, name: str) -> dict[str, Any]:
        return {
            "Config": {
                "Image": self.services[name].raw["image"],
                "Labels": {"com.docker.compose.service": name},
            },
            "State": {"Status": "running", "ExitCode": 0, "Health": {"Status": "healthy"}},
            "Created": "2026-11-29T11:58:30.123456789Z",
        }

    def run(self, command: Sequence[str]) -> str:
        call = " ".join(command)
        self.calls.append(call)
        if self.fails and self.fails in call:
            raise status.FailedError("Cannot connect to the Docker daemon")
        if "config" in command:
            return json.dumps({"services": {name: each.raw for name, each in self.services.items()}})
        if "ps" in command:
            return "".join(f"{name}\n" for name in self.containers)
        if "inspect" in command:
            assert command[2:] == [*self.containers]
            return json.dumps([*self.containers.values()])
        if "logs" in command:
            return self.logs
        assert "psql" in command
        return f"{self.rows}\n" if self.rows else ""

    def look(self, image: str | None = None, since: str | None = None, now: datetime = NOW) -> status.Status:
        return status.look(image, since, now, self.run, self.used, self.failure)


@pytest.fixture
def fake() -> Fake:
    return Fake()


def test_all_is_well(fake: Fake) -> None:
    found = fake.look()
    assert found.problems == []
    assert found.good == [
        "40 % of the root volume are used",
        "12 % of the data volume are used",
        f"7 containers are healthy, Airflow's of {IMAGE}",
        "twitch_top_games: success, began at 2026-11-29 12:00:02 UTC",
    ]


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({"Status": "running", "ExitCode": 0, "Health": {"Status": "unhealthy"}}, "is unhealthy"),
        ({"Status": "running", "ExitCode": 0, "Health": {"Status": "starting"}}, "is starting"),
        ({"Status": "restarting", "ExitCode": 137}, "is restarting"),
        ({"Status": "exited", "ExitCode": 137}, "exited with 137"),
        # As by docker compose stop.
        ({"Status": "exited", "ExitCode": 0}, "exited with 0"),
        ({"Status": "exited", "ExitCode": 0, "Health": {"Status": "unhealthy"}}, "exited with 0"),
        ({"Status": "created", "ExitCode": 0}, "is created"),
    ],
)
def test_a_container_that_is_not_healthy_is_named(fake: Fake, state: Any, problem: str) -> None:
    fake.containers["airflow-triggerer"]["State"] = state
    assert fake.look().problems == [f"airflow-triggerer {problem}"]
    assert not [call for call in fake.calls if "psql" in call]


def test_a_container_that_is_missing_is_named(fake: Fake) -> None:
    del fake.containers["maintenance"]
    assert fake.look().problems == ["maintenance has no container"]


def test_no_container_at_all(fake: Fake) -> None:
    fake.containers = {}
    assert len(fake.look().problems) == 7


def test_a_container_of_another_image_is_named(fake: Fake) -> None:
    fake.containers["airflow-scheduler"]["Config"]["Image"] = "registry.example.com/twitch:1"
    assert fake.look().problems == [f"airflow-scheduler runs registry.example.com/twitch:1, not {IMAGE}"]


def test_an_update_that_has_not_begun_is_not_taken_for_done(fake: Fake) -> None:
    assert fake.look(image=IMAGE).problems == []
    assert fake.look(image="registry.example.com/twitch:3").problems == [
        f".env has the image {IMAGE}, not registry.example.com/twitch:3"
    ]


def test_a_start_that_failed_is_a_problem_though_the_old_containers_run(fake: Fake, tmp_path: Path) -> None:
    fake.failure = tmp_path / "error"
    fake.failure.write_text("x:3 was not pulled: what ran before goes on\n")
    assert fake.look().problems == ["the last start failed: x:3 was not pulled: what ran before goes on"]


def test_the_failure_is_where_the_starts_leave_it() -> None:
    for name in ("start.sh", "airflow-ec2.yaml"):
        assert str(status.FAILURE) in (DEPLOY / name).read_text()


def test_the_reason_comes_first_with_its_error(fake: Fake) -> None:
    for name in ("airflow-apiserver", "airflow-scheduler"):
        fake.containers[name]["State"] = {"Status": "created", "ExitCode": 0}
    fake.containers["airflow-init"]["State"] = {"Status": "exited", "ExitCode": 1}
    fake.logs = "error: an older one\nerror: The database was migrated by a newer Airflow.\nbye\n"
    first = fake.look().problems[0]
    assert first == "airflow-init exited with 1: The database was migrated by a newer Airflow."


@pytest.mark.parametrize("fails", ["config", "ps --all", "inspect", "psql"])
def test_a_command_that_fails_is_a_problem(fake: Fake, fails: str) -> None:
    fake.fails = fails
    assert fake.look().problems == ["Cannot connect to the Docker daemon"]


def test_a_failed_run_is_a_problem(fake: Fake) -> None:
    fake.rows = f"twitch_daily|failed|2026-11-29 02:00:00.1+00|\n{RAN}"
    assert fake.look().problems == [
        "the last run of twitch_daily failed, which began at 2026-11-29 02:00:00 UTC"
    ]


def test_every_dag_may_be_paused(fake: Fake) -> None:
    fake.rows = ""
    found = fake.look(since="start")
    assert (found.problems, found.good[-1]) == ([], "every DAG is paused")


def test_since_the_start_a_run_must_have_ended_if_one_is_due_soon(fake: Fake) -> None:
    fake.rows = "twitch_daily|||2026-11-30 02:00:00+00\ntwitch_top_games|||2026-11-29 12:05:00+00"
    found = fake.look(since="start")
    assert found.problems == ["no run that began after 2026-11-29 11:58:30 UTC has ended yet"]
    assert "r.start_date >= '2026-11-29 11:58:30+00:00'" in fake.calls[-1]
    assert fake.look().problems == []
    fake.rows = f"twitch_daily|||2026-11-30 02:00:00+00\n{RAN}"
    assert fake.look(since="start").problems == []


def test_a_run_that_is_not_due_soon_is_not_waited_for(fake: Fake) -> None:
    fake.rows = "twitch_daily|||2026-11-30 02:00:00+00\ntwitch_viewers_by_language|||"
    found = fake.look(since="1795953510")
    assert found.problems == []
    assert found.good[-2:] == [
        "twitch_daily: no finished run to look at, the next is due at 2026-11-30 02:00:00 UTC",
        "twitch_viewers_by_language: no finished run to look at",
    ]


def test_an_instant_is_in_the_query(fake: Fake) -> None:
    fake.look(since="1795953510.5")
    assert "r.start_date >= '2026-11-29 11:58:30+00:00'" in fake.calls[-1]


@pytest.mark.parametrize(
    ("used", "problem"),
    [
        (
            {"root": 92.4, "data": 3},
            "92 % of the root volume are used: docker system df shows what takes the room",
        ),
        ({"root": 3, "data": 99.6}, "100 % of the data volume are used: make room, or raise DataGigabytes"),
    ],
)
def test_a_disk_that_is_nearly_full_is_a_problem(fake: Fake, used: dict[str, float], problem: str) -> None:
    fake.used = used
    assert fake.look().problems == [problem]


def test_a_disk_is_measured() -> None:
    assert 0 < status.percent_used(DEPLOY) <= 100


class Ticks:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def wait(problems: Sequence[int], *arguments: str) -> tuple[int, float]:
    """Return the exit status and the seconds that it took, with this number of problems at each look."""
    ticks = Ticks()
    left = [*problems]

    def look(image: str | None, since: str | None, now: datetime) -> status.Status:
        count = left.pop(0) if len(left) > 1 else left[0]
        return status.Status([], ["x"] * count, {})

    code = status.main(arguments, look, clock=lambda: ticks.now, sleep=ticks.sleep)
    return code, ticks.now - NOW.timestamp()


def test_waits_until_it_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert wait([2, 1, 0], "--wait", "60") == (0, 20)
    assert capsys.readouterr().out == "status: well\n"


def test_does_not_wait_longer_than_it_may(capsys: pytest.CaptureFixture[str]) -> None:
    assert wait([1], "--wait", "60") == (1, 60)
    assert capsys.readouterr().out == "error: x\nstatus: not well\n"


def test_looks_once_if_it_is_not_to_wait() -> None:
    assert wait([1, 0]) == (1, 0)


def test_arguments_reach_the_look() -> None:
    seen = []

    def look(image: str | None, since: str | None, now: datetime) -> status.Status:
        seen.append((image, since, now))
        return status.Status([], [], {})

    status.main(["--image", IMAGE, "--since", "start"], look, clock=NOW.timestamp)
    assert seen == [(IMAGE, "start", NOW)]


def test_cloudwatch_gets_what_the_alarms_read(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / ".env").write_text(ENV)
    monkeypatch.setattr(status, "FOLDER", tmp_path)
    sent = []
    fake.rows = "twitch_daily|failed|2026-11-29 02:00:00.1+00|"
    code = status.main(
        ["--publish", "my-stack"],
        lambda *_: fake.look(),
        lambda region, data: sent.append((region, data)),
        clock=NOW.timestamp,
    )
    stack = {"Name": "Stack", "Value": "my-stack"}
    assert code == 1
    assert sent == [
        (
            "eu-west-1",
            [
                {"MetricName": "Healthy", "Dimensions": [stack], "Value": 0.0},
                {
                    "MetricName": "DiskUsedPercent",
                    "Dimensions": [stack, {"Name": "Volume", "Value": "root"}],
                    "Value": 40.4,
                    "Unit": "Percent",
                },
                {
                    "MetricName": "DiskUsedPercent",
                    "Dimensions": [stack, {"Name": "Volume", "Value": "data"}],
                    "Value": 12.0,
                    "Unit": "Percent",
                },
            ],
        )
    ]
    assert status.metrics("x", status.Status([], [], {}))[0]["Value"] == 1.0


def test_cloudwatch_takes_it(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    with mock_aws():
        status.publish("eu-west-1", status.metrics("my-stack", fake.look()))
        stored = boto3.client("cloudwatch", region_name="eu-west-1").list_metrics(Namespace="AirflowTwitch")
    found = {
        (each["MetricName"], *(dim["Value"] for dim in each["Dimensions"])) for each in stored["Metrics"]
    }
    assert found == {
        ("Healthy", "my-stack"),
        ("DiskUsedPercent", "my-stack", "root"),
        ("DiskUsedPercent", "my-stack", "data"),
    }


def test_the_alarms_read_what_is_sent(fake: Fake, resources: Any) -> None:
    alarms = [
        each["Properties"]
        for each in resources.values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
        and each["Properties"].get("Namespace") == status.NAMESPACE
    ]
    read = {
        (alarm["MetricName"], *(dim["Name"] for dim in alarm["Dimensions"]), alarm["Dimensions"][-1]["Value"])
        if len(alarm["Dimensions"]) > 1
        else (alarm["MetricName"], *(dim["Name"] for dim in alarm["Dimensions"]))
        for alarm in alarms
    }
    assert read == {
        ("Healthy", "Stack"),
        ("DiskUsedPercent", "Stack", "Volume", "root"),
        ("DiskUsedPercent", "Stack", "Volume", "data"),
    }
    sent = {
        (metric["MetricName"], *(dim["Name"] for dim in metric["Dimensions"]))  # type: ignore[attr-defined]
        for metric in status.metrics("x", fake.look())
    }
    assert {each[:3] for each in read} == sent


@pytest.mark.parametrize(("stack", "topic"), [("", "arn:aws:sns:eu-west-1:123456789012:x"), ("x", "")])
def test_without_alarms_nothing_is_sent(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stack: str, topic: str
) -> None:
    (tmp_path / ".env").write_text(f"AWS_REGION='eu-west-1'\nTWITCH_SNS_TOPIC='{topic}'\n")
    monkeypatch.setattr(status, "FOLDER", tmp_path)

    def publish(*_: Any) -> None:
        raise AssertionError

    code = status.main(["--publish", stack], lambda *_: fake.look(), publish, clock=NOW.timestamp)
    assert code == 0


def test_cloudwatch_that_refuses_does_not_hide_the_status(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text(ENV)
    monkeypatch.setattr(status, "FOLDER", tmp_path)

    def publish(*_: Any) -> None:
        raise RuntimeError("AccessDenied")

    assert status.main(["--publish", "x"], lambda *_: fake.look(), publish, clock=NOW.timestamp) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "CloudWatch did not get it: AccessDenied",
        "status: well",
    ]


def test_no_secret_is_printed(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.containers["airflow-triggerer"]["State"] = {"Status": "exited", "ExitCode": 1}
    status.main([], lambda *_: fake.look(), clock=NOW.timestamp)
    printed = capsys.readouterr().out
    for name in new_env.SECRETS:
        assert read_env(ENV)[name] not in printed


def test_it_needs_no_package() -> None:
    command = [sys.executable, "-I", "-S", str(DEPLOY / "status.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_query_finds_the_last_finished_run_of_each_unpaused_dag_of_ours() -> None:
    engine = create_engine("sqlite://")
    tables = [Base.metadata.tables[name] for name in ("dag", "dag_run")]
    with engine.begin() as connection:
        for table in tables:
            columns = ", ".join(column.name for column in table.columns)
            connection.execute(text(f"CREATE TABLE {table.name} ({columns})"))
        for dag_id, paused, stale in [
            ("twitch_top_games", False, False),
            ("twitch_all_streams", False, False),
            ("twitch_daily", False, False),
            ("twitch_metrics", True, False),
            ("twitch_gone", False, True),
            ("twitchy", False, False),
            ("mine", False, False),
        ]:
            row = {"dag_id": dag_id, "is_paused": paused, "is_stale": stale}
            connection.execute(insert(DagModel.__table__).values(**row))
        for dag_id, minutes, state in [
            ("twitch_top_games", 30, "failed"),
            ("twitch_top_games", 20, "success"),
            ("twitch_top_games", 10, "running"),
            ("twitch_all_streams", 20, "success"),
            ("twitch_all_streams", 15, "failed"),
            ("twitch_metrics", 15, "failed"),
            ("mine", 15, "failed"),
        ]:
            began = NOW - timedelta(minutes=minutes)
            connection.execute(
                text("INSERT INTO dag_run (dag_id, state, start_date) VALUES (:dag, :state, :began)"),
                {"dag": dag_id, "state": state, "began": f"{began:%Y-%m-%d %H:%M:%S+00:00}"},
            )

        def found(since: datetime) -> list[tuple[str, str | None]]:
            query = status.QUERY.format(since=f"{since:%Y-%m-%d %H:%M:%S+00:00}")
            return [(row.dag_id, row.state) for row in connection.execute(text(query))]

        assert found(NOW - timedelta(days=99)) == [
            ("twitch_all_streams", "failed"),
            ("twitch_daily", None),
            ("twitch_top_games", "success"),
        ]
        assert found(NOW - timedelta(minutes=18)) == [
            ("twitch_all_streams", "failed"),
            ("twitch_daily", None),
            ("twitch_top_games", None),
        ]
    assert {"dag_id", "state", "start_date"} <= {column.name for column in DagRun.__table__.columns}
