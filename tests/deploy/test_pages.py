# SPDX-License-Identifier: Apache-2.0
"""What the pages of ``docs/deploy/`` name exists: options, files, outputs, commands, services."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml  # type: ignore[import-untyped]
from botocore import xform_name
from packaging.requirements import Requirement
from tests.aws.test_identity import AGENT, IRSA, KEYS, TASK
from tests.cluster.compose import load
from tests.managed.sets import SETS

from deploy import new_env
from twitch_provider import __version__
from twitch_provider.aws.identity import holder
from twitch_provider.get_provider_info import get_provider_info

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "deploy"
PAGES = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.md"))}
OPTIONS = get_provider_info()["config"]["twitch"]["options"]
STATUS = (ROOT / "deploy" / "status.py").read_text()
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

all_pages = pytest.mark.parametrize("name", PAGES)


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[name], re.MULTILINE | re.DOTALL)


# --- what every page names ---------------------------------------------------------------------------------


@all_pages
def test_options_exist(name: str) -> None:
    page = PAGES[name]
    named = re.findall(r"\bAIRFLOW__TWITCH__([A-Z_0-9]*[A-Z0-9])\b", page)
    named += re.findall(r"`\[twitch\] (\w+)", page)
    named += re.findall(r"[`\"]twitch\.([a-z_]+)[`\"]", page)
    assert {each.lower() for each in named} - OPTIONS.keys() == set()


@all_pages
def test_extras_and_wheels_are_those_of_this_version(name: str) -> None:
    page = PAGES[name]
    assert set(re.findall(r"airflow-provider-twitch\[([\w-]+)\]", page)) <= EXTRAS.keys()
    assert set(re.findall(r"airflow_provider_twitch-([\d.]+)-py3", page)) <= {__version__}


@all_pages
def test_files_exist(name: str) -> None:
    made = {"deploy/.env", "deploy/store.yaml"}
    named = re.findall(r"(?<![\w/.])((?:deploy|tests|dags|constraints)/[\w./-]*\w)(?!\*)\b", PAGES[name])
    assert {each for each in named if not (ROOT / each).exists()} <= made


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads the short forms of CloudFormation as if they were not there."""


_Loader.add_multi_constructor("!", lambda loader, _, node: getattr(node, "value", None))


@all_pages
def test_outputs_exist(name: str) -> None:
    named = re.findall(r"\boutput \"\$LAKE\" (\w+)", PAGES[name])
    named += re.findall(r"(?:lake's|the output\s+)`(\w+)`", PAGES[name])
    outputs = yaml.load((ROOT / "deploy" / "lake.yaml").read_text(), _Loader)["Outputs"]  # noqa: S506
    assert set(named) - outputs.keys() == set()


def commands(name: str) -> Iterator[list[str]]:
    """Each ``aws …`` of a page's shell blocks, as words, without its brackets and what it is piped into."""
    text = "\n".join(blocks(name, "sh")).replace("\\\n", " ")
    for command in re.findall(r"(?:^|\$\(|\{ |&& )aws ([^|;\n]+)", text, re.MULTILINE):
        yield re.split(r"\s+", re.sub(r"\"[^\"]*\"|'[^']*'", "value", command.strip().rstrip(")")))


@all_pages
def test_commands_of_aws_and_their_options_exist(name: str) -> None:
    session = botocore.session.Session()
    # The last is SNS's Endpoint, which the AWS CLI calls so.
    general = {"--query", "--output", "--cli-input-json", "--notification-endpoint"}
    # Of the AWS CLI, not of the API.
    own = {("cloudformation", "deploy"), ("s3", "cp"), ("s3", "sync"), ("ecr", "get-login-password")}
    for service, operation, *words in commands(name):
        if (service, operation) in own or operation in {"wait", "start-session"}:
            continue
        model = session.get_service_model(service.removesuffix("api"))
        names = {_dashed(each): each for each in model.operation_names}
        assert operation in names, f"aws {service} {operation}"
        members = model.operation_model(names[operation]).input_shape.members
        known = {f"--{_dashed(each)}" for each in members} | general
        given = {word for word in words if word.startswith("--") and not word.startswith("--no-")}
        assert given - known == set(), f"aws {service} {operation}"


@pytest.mark.parametrize("name", ["lake", "airflow-ec2"])
def test_a_template_is_deployed_without_a_bucket_for_it(name: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    assert (ROOT / "deploy" / f"{name}.yaml").stat().st_size < 51_200


@all_pages
def test_the_region_is_set_for_either_version_of_the_aws_cli(name: str) -> None:
    """Version 1 reads the second only."""
    for line in re.findall(r"^export .*\bAWS_REGION=.*", PAGES[name], re.MULTILINE):
        given = dict(each.split("=") for each in line.split()[1:])
        assert given["AWS_REGION"] == given["AWS_DEFAULT_REGION"]


def _dashed(name: str) -> str:
    return str(xform_name(name, "-"))


# --- the connection ----------------------------------------------------------------------------------------


def backends() -> Iterator[tuple[str, str]]:
    """Every text with the arguments of the secrets backend, by where it is."""
    for name, page in PAGES.items():
        for text in re.findall(r"(?<![\\\w])\{\"connections_prefix\".*?\}", page):
            yield name, text


def test_all_pages_have_the_same_backend() -> None:
    options = json.loads((ROOT / "deploy" / "mwaa-options.json").read_text())
    found = dict(backends())
    assert {"index", "astronomer"} <= found.keys()
    assert all(json.loads(text) == json.loads(options["secrets.backend_kwargs"]) for text in found.values())
    for name in ("index", "astronomer", "mwaa"):
        assert options["secrets.backend"] in PAGES[name]


@all_pages
def test_a_connection_has_fields_and_extras_that_exist(name: str) -> None:
    info = get_provider_info()["connection-types"][0]
    found = re.findall(r"\{\"conn_type\": \"twitch\".*?\"(?:\}\})?(?=[}'\n])", PAGES[name])
    for text in found:
        assert set(re.findall(r"\"(\w+)\": ", text)) <= {
            "conn_type",
            "login",
            "password",
            "extra",
            *info["conn-fields"],
        }
        for choice in re.findall(r"\"auth_cache\": \"(\w+)\"", text):
            assert choice in info["conn-fields"]["auth_cache"]["schema"]["enum"]


# --- the role ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "method"),
    [
        (KEYS, ""),
        (IRSA, ""),
        ({}, "config-file"),
        (AGENT, ""),
        ({**TASK, "AIRFLOW_ENV_NAME": "mine"}, ""),
        (TASK, ""),
        ({}, "iam-role"),
    ],
)
def test_the_table_of_roles_has_what_errors_say(
    environment: dict[str, str], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in {*KEYS, *IRSA, *TASK, *AGENT, "AIRFLOW_ENV_NAME"}:
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    rows = [line for line in PAGES["index"].splitlines() if line.endswith(f"| {holder(None, method)} |")]
    assert rows
    named = {variable for variable in environment if any(f"`{variable}`" in row for row in rows)}
    assert named or not environment


# --- Astronomer --------------------------------------------------------------------------------------------


def test_the_base_image_is_one_whose_pins_are_known() -> None:
    (block,) = blocks("astronomer", "dockerfile")
    ((release, python),) = re.findall(r"^FROM \S+/runtime:([\d.-]+)-python-([\d.]+)$", block, re.MULTILINE)
    known = {pin_set.name: pin_set.python for pin_set in SETS}
    assert known[f"astro-runtime-{release}"] == python
    requirement = Requirement(re.findall(r'"(airflow-provider-twitch.*)"', block)[0])
    assert requirement.extras == {"metrics"}


# --- Compose -----------------------------------------------------------------------------------------------


def test_the_second_file_changes_services_that_exist() -> None:
    document: dict[str, Any] = yaml.safe_load(blocks("compose", "yaml")[0])
    services = load()["services"]
    ours = {
        name for name, each in services.items() if "AIRFLOW__TWITCH__BUCKET" in each.get("environment", {})
    }
    # These two run no code of ours.
    assert document["services"].keys() == ours - {"airflow-init", "maintenance"}
    for each in document["services"].values():
        assert each["environment"].keys() <= services["airflow-scheduler"]["environment"].keys()


def test_the_memory_is_that_of_the_limits() -> None:
    services = load()["services"]
    limits = {
        name: int(each["mem_limit"][:-1]) * {"m": 1, "g": 1024}[each["mem_limit"][-1]]
        for name, each in services.items()
        if name != "airflow-init" and "profiles" not in each
    }
    assert f"{sum(limits.values()):,} MiB with the LocalExecutor" in PAGES["compose"]


def test_settings_of_compose_exist() -> None:
    (command,) = re.findall(r"deploy/new_env\.py (.*) > deploy/\.env", PAGES["compose"])
    settings = new_env.read(shlex.split(command))
    assert settings["TWITCH_BUCKET"] == "my-lake"
    sentence = re.findall(r"`EXECUTOR`,\s.*?are its other settings", PAGES["compose"], re.DOTALL)[0]
    given = {argument.partition("=")[0] for argument in shlex.split(command)}
    assert set(re.findall(r"`(\w+)`", sentence)) == new_env.SETTINGS.keys() - given
    assert "ADMIN_PASSWORD" in new_env.SECRETS
    profiles = {profile for each in load()["services"].values() for profile in each.get("profiles", ())}
    assert set(re.findall(r"`COMPOSE_PROFILES='(\w+)'`", PAGES["compose"])) == profiles


def test_the_options_of_status_exist() -> None:
    options = set(
        re.findall(
            r" (--\w+)", *re.findall(r"^python3 deploy/status\.py(.*)$", PAGES["compose"], re.MULTILINE)
        )
    )
    assert options
    assert all(f'add_argument("{each}"' in STATUS or f'"{each}",' in STATUS for each in options)


def test_the_dump_is_of_the_database_that_compose_makes() -> None:
    database = load()["services"]["postgres"]["environment"]
    for tool in re.findall(r"pg_(?:dump|restore) .*", PAGES["compose"]):
        if "--username" in tool:
            assert f"--username {database['POSTGRES_USER']} " in tool
            assert re.search(rf" (?:--dbname )?{database['POSTGRES_DB']} ", tool)
