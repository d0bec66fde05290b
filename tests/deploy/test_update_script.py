# SPDX-License-Identifier: Apache-2.0
"""``deploy/update.sh`` with a stand-in for the AWS CLI."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from tests.deploy.machine import DEPLOY

OLD, NEW = "registry.example.com/twitch:1", "registry.example.com/twitch:2"
BEGIN = "\r\nStarting session with SessionId: me-0123\r\n"
END = "\r\n\r\nExiting session with sessionId: me-0123.\r\n"
WELL = f"{BEGIN}ok: 7 containers are healthy, Airflow's of {NEW}\r\nstatus: well\r\n{END}"
NOT_WELL = f"{BEGIN}ok: x\r\nerror: .env has the image {OLD}, not {NEW}\r\nstatus: not well\r\n{END}"
AWAY = (
    "An error occurred (TargetNotConnected) when calling the StartSession operation: i-1 is not connected.\n"
)

# Sessions answer with the files 1, 2 …, and the last one again and again.
AWS = r"""#!/bin/bash
printf '%s\0' "$@" >>"$FOLDER/calls"
echo >>"$FOLDER/calls"
case "$*" in
  *describe-stacks*Parameters*) echo "$OLD" ;;
  *describe-stacks*Outputs*) echo i-0123456789abcdef0 ;;
  *deploy*) exit "${DEPLOYED:-0}" ;;
  *start-session*)
    session=$(($(cat "$FOLDER/session" 2>/dev/null || echo 0) + 1))
    if test ! -e "$FOLDER/$session"; then session=$((session - 1)); fi
    echo "$session" >"$FOLDER/session"
    cat "$FOLDER/$session"
    ! grep --quiet TargetNotConnected "$FOLDER/$session" ;;
esac
"""


class Shell:
    """The operator's shell."""

    def __init__(self, folder: Path, *answers: str) -> None:
        self.folder = folder
        for number, answer in enumerate(answers):
            (folder / f"{number + 1}").write_bytes(answer.encode())
        for name, text in {"aws": AWS, "sleep": "#!/bin/sh\necho sleep >>$FOLDER/sleeps\n"}.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def update(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(DEPLOY / "update.sh"), *arguments],
            env={"PATH": f"{self.folder}:/usr/bin:/bin", "FOLDER": str(self.folder), "OLD": OLD, **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[list[str]]:
        lines = (self.folder / "calls").read_text().splitlines()
        return [line.split("\0")[:-1] for line in lines]


def test_only_the_image_changes(tmp_path: Path) -> None:
    shell = Shell(tmp_path, WELL)
    assert shell.update("twitch", NEW).returncode == 0
    (deploy,) = [call for call in shell.calls() if call[1] == "deploy"]
    assert deploy[deploy.index("--parameter-overrides") + 1 :] == [f"Image={NEW}"]
    assert deploy[deploy.index("--stack-name") + 1] == "twitch"
    template = Path(deploy[deploy.index("--template-file") + 1])
    assert template == DEPLOY / "airflow-ec2.yaml"
    assert template.exists()


def test_the_machine_is_asked_for_the_new_image_and_a_run_of_it(tmp_path: Path) -> None:
    shell = Shell(tmp_path, WELL)
    shell.update("twitch", NEW)
    (session,) = [call for call in shell.calls() if call[1] == "start-session"]
    (command,) = json.loads(session[session.index("--parameters") + 1])["command"]
    script, *options = command.removeprefix("sudo python3 ").split()
    assert Path(script).name == "status.py"
    assert options == ["--image", NEW, "--since", "start", "--wait", "60"]


def test_success_is_what_the_machine_says(tmp_path: Path) -> None:
    done = Shell(tmp_path, AWAY, NOT_WELL, WELL).update("twitch", NEW)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"twitch has {OLD}",
        f"Waiting until Airflow is well with {NEW}",
        "-- not yet:",
        AWAY.strip(),
        "-- not yet:",
        f"error: .env has the image {OLD}, not {NEW}",
        f"ok: 7 containers are healthy, Airflow's of {NEW}",
        f"twitch is well with {NEW}",
    ]
    assert (tmp_path / "sleeps").read_text().count("sleep") == 2


@pytest.mark.parametrize(
    "answer", [NOT_WELL, AWAY, "", f"{BEGIN}error: status: well\r\nstatus: not well\r\n"]
)
def test_without_the_machines_word_it_is_a_failure(tmp_path: Path, answer: str) -> None:
    done = Shell(tmp_path, answer).update("twitch", NEW, MINUTES="0")
    assert done.returncode == 1
    assert done.stderr == f"error: twitch is not well with {NEW}. To go back: update.sh twitch {OLD}\n"


def test_a_refused_update_of_the_stack_is_a_failure(tmp_path: Path) -> None:
    shell = Shell(tmp_path, WELL)
    assert shell.update("twitch", NEW, DEPLOYED="255").returncode == 255
    assert not [call for call in shell.calls() if call[1] == "start-session"]


@pytest.mark.parametrize(
    "arguments", [(), ("twitch",), ("twitch", "x; rm"), ("twitch", 'x"'), ("a", "b", "c")]
)
def test_what_is_given_wrong_changes_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = Shell(tmp_path, WELL).update(*arguments)
    assert done.returncode == 2
    assert done.stderr == "error: give the name of the stack and the new image: update.sh STACK IMAGE\n"
    assert not (tmp_path / "calls").exists()


def test_an_image_may_be_what_the_template_allows() -> None:
    template = (DEPLOY / "airflow-ec2.yaml").read_text()
    parameter = yaml.safe_load(re.sub(r"![A-Z]\w+", "", template.partition("\nConditions:")[0]))[
        "Parameters"
    ]["Image"]
    assert parameter["AllowedPattern"] in (DEPLOY / "update.sh").read_text()


def test_its_programs_get_no_options_that_only_gnu_has() -> None:
    # macOS has them from BSD, and there `tr --delete` would turn every answer into none.
    text = (DEPLOY / "update.sh").read_text()
    assert not re.findall(r"\b(?:tr|tail|head|grep|sed|cut|sleep|dirname) .*?(?<![\w-])--[a-z].*", text)
