# SPDX-License-Identifier: Apache-2.0
"""What Amazon MWAA is given: requirements and options of ``deploy/``, as ``docs/deploy/mwaa.md`` has them."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from tests.managed.sets import SETS, PinSet

from twitch_provider import __version__
from twitch_provider.get_provider_info import get_provider_info

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploy" / "mwaa.md").read_text()
REQUIREMENTS = (ROOT / "deploy" / "mwaa-requirements.txt").read_text()
OPTIONS: dict[str, str] = json.loads((ROOT / "deploy" / "mwaa-options.json").read_text())
MWAA = [pin_set for pin_set in SETS if pin_set.name.startswith("mwaa-")]
NEWEST = max(MWAA, key=lambda pin_set: Version(pin_set.airflow))
CONSTRAINT = (
    '--constraint "https://raw.githubusercontent.com/apache/airflow/constraints-{}/constraints-{}.txt"'
)
SED = re.compile(r'^sed "(.+)" deploy/mwaa-requirements\.txt > requirements\.txt$', re.MULTILINE)


def lines(text: str) -> list[str]:
    """The lines of a requirements file that are not comments."""
    return [line for line in text.splitlines() if not line.startswith("#")]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


# --- the requirements ---------------------------------------------------------------------------------------


def test_the_constraints_are_those_of_the_newest_image() -> None:
    assert lines(REQUIREMENTS)[0] == CONSTRAINT.format(NEWEST.airflow, NEWEST.python)


def test_the_wheel_is_of_this_version_and_has_what_the_dags_need() -> None:
    requirement = Requirement(lines(REQUIREMENTS)[1])
    assert requirement.name == "airflow-provider-twitch"
    assert requirement.extras == {"metrics"}
    wheel = f"airflow_provider_twitch-{__version__}-py3-none-any.whl"
    assert requirement.url == f"file:///usr/local/airflow/plugins/{wheel}"


def test_mwaa_reads_no_other_line_as_constraints() -> None:
    """Its search for the option includes comments."""
    found = [line for line in REQUIREMENTS.splitlines() if re.search(r"-c |--constraint ", line)]
    assert found == lines(REQUIREMENTS)[:1]


@pytest.mark.parametrize("pin_set", MWAA, ids=lambda pin_set: pin_set.name)
def test_the_page_s_command_names_the_constraints_of_an_environment(pin_set: PinSet) -> None:
    (command,) = SED.findall(PAGE)
    script = command.replace("$AIRFLOW", pin_set.airflow)
    done = subprocess.run(["sed", script], input=REQUIREMENTS, capture_output=True, text=True, check=True)
    assert lines(done.stdout) == [CONSTRAINT.format(pin_set.airflow, pin_set.python), lines(REQUIREMENTS)[1]]


def test_the_page_shows_the_requirements() -> None:
    assert blocks("text") == ["\n".join(lines(REQUIREMENTS)) + "\n"]


# --- the options --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def api() -> Any:
    """MWAA's API as botocore has it."""
    return botocore.session.Session().get_service_model("mwaa")


def test_the_page_shows_the_options() -> None:
    assert json.loads(blocks("json")[0]) == OPTIONS


def test_mwaa_takes_their_names_and_values(api: Any) -> None:
    key, value = (api.shape_for(name).metadata for name in ("ConfigKey", "ConfigValue"))
    assert [name for name in OPTIONS if not re.fullmatch(key["pattern"], name, re.ASCII)] == []
    assert [name for name in OPTIONS if not re.fullmatch(value["pattern"], OPTIONS[name])] == []
    assert max(map(len, OPTIONS)) <= key["max"]
    assert min(map(len, OPTIONS.values())) >= value["min"]


def test_every_option_of_ours_can_be_set_there(api: Any) -> None:
    pattern = api.shape_for("ConfigKey").metadata["pattern"]
    for name in get_provider_info()["config"]["twitch"]["options"]:
        assert re.fullmatch(pattern, f"twitch.{name}", re.ASCII)


def test_what_the_page_says_of_names_and_values_is_the_api_s(api: Any) -> None:
    key, value = (api.shape_for(name).metadata for name in ("ConfigKey", "ConfigValue"))
    # Some botocores have the anchors in them.
    assert (key["pattern"].strip("^$"), key["max"]) == ("[a-z]+([a-z0-9._]*[a-z0-9_]+)?", 64)
    assert (value["pattern"].strip("^$"), value["min"]) == ("[ -~]+", 1)


def test_they_are_options_of_ours_or_of_airflow_s_secrets() -> None:
    ours = {f"twitch.{name}" for name in get_provider_info()["config"]["twitch"]["options"]}
    assert set(OPTIONS) - ours == {"secrets.backend", "secrets.backend_kwargs"}
    assert OPTIONS["twitch.overview_xcom"] == "twitch_metrics"
    assert (ROOT / "dags" / f"{OPTIONS['twitch.overview_xcom']}.py").exists()


def test_the_backend_takes_its_arguments_and_looks_up_our_connections_only() -> None:
    from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend

    path = f"{SecretsManagerBackend.__module__}.{SecretsManagerBackend.__qualname__}"
    assert OPTIONS["secrets.backend"] == path
    arguments = json.loads(OPTIONS["secrets.backend_kwargs"])
    assert arguments.keys() <= inspect.signature(SecretsManagerBackend.__init__).parameters.keys()
    backend = SecretsManagerBackend(**arguments)
    assert (vars(backend)["variables_prefix"], vars(backend)["config_prefix"]) == (None, None)
    pattern = arguments["connections_lookup_pattern"]
    assert re.match(pattern, "twitch_default")
    # What MWAA's own pattern, which ours replaces, is there for.
    assert not re.match(pattern, "aws_default")


def test_workers_come_and_go_so_their_token_is_a_variable() -> None:
    connection = json.loads(blocks("json")[1])
    field = get_provider_info()["connection-types"][0]["conn-fields"]["auth_cache"]
    assert connection["conn_type"] == get_provider_info()["connection-types"][0]["connection-type"]
    assert connection["extra"]["auth_cache"] == "variable"
    assert "variable" in field["schema"]["enum"]
