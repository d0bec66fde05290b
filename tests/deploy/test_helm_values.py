# SPDX-License-Identifier: Apache-2.0
"""``deploy/helm-values.yaml`` against what is known of Airflow's chart, and ``docs/deploy/helm.md``."""

from __future__ import annotations

import copy
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]
from cryptography.fernet import Fernet

from twitch_provider.get_provider_info import get_provider_info

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploy" / "helm.md").read_text()
TEXT = (ROOT / "deploy" / "helm-values.yaml").read_text()
VALUES: dict[str, Any] = yaml.safe_load(TEXT)
CHART = "1.22.0"
KEYS: dict[str, Any] = json.loads((Path(__file__).parent / f"chart-{CHART}.json").read_text())
ENV = {each["name"]: each["value"] for each in VALUES["env"]}
#: Who has the role.
ACCOUNTS = {
    "airflow-task": VALUES["workers"]["kubernetes"]["serviceAccount"],
    "airflow-triggerer": VALUES["triggerer"]["serviceAccount"],
    "airflow-dag-processor": VALUES["dagProcessor"]["serviceAccount"],
    "airflow-api-server": VALUES["apiServer"]["serviceAccount"],
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def check(values: Mapping[str, Any]) -> None:
    jsonschema.Draft7Validator(KEYS).validate(values)


def secret_keys(
    schema: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """The paths of values that name a Secret, with the key that the chart reads in it."""
    for name, each in schema.get("properties", {}).items():
        if "key" in each:
            yield (*path, name), each["key"]
        yield from secret_keys(each, (*path, name))


def at(path: tuple[str, ...]) -> Any:
    value: Any = VALUES
    for name in path:
        value = value[name]
    return value


# --- the chart -------------------------------------------------------------------------------------------


def test_the_chart_has_every_key_that_is_used() -> None:
    jsonschema.Draft7Validator.check_schema(KEYS)
    check(VALUES)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("apiserver",), {}),
        (("workers", "serviceAccount"), {"create": True}),
        (("env",), [{"name": "AIRFLOW__TWITCH__BUCKET", "value": None}]),
        (("config", "logging", "remote_logging"), True),
        (("airflowVersion",), 3.3),
        (("createUserJob",), {"defaultUser": {"enabled": False}}),
    ],
)
def test_another_key_or_type_is_refused(path: tuple[str, ...], value: Any) -> None:
    values = copy.deepcopy(VALUES)
    place: Any = values
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        check(values)


def test_every_key_of_the_list_says_where_it_was_read() -> None:
    def unread(schema: Mapping[str, Any], name: str) -> Iterator[str]:
        inner = schema.get("properties", {})
        if "seen" not in schema and not inner:
            yield name
        if "seen" not in schema:
            for each, value in inner.items():
                yield from unread(value, f"{name}.{each}")

    assert list(unread(KEYS, "")) == []


def test_two_keys_were_read_in_values_of_others_only() -> None:
    assert json.dumps(KEYS).count('"seen": "use"') == 2
    assert "two only in values that others use" in PAGE


def test_file_and_page_name_the_version_of_the_list() -> None:
    assert set(re.findall(r"--version (\S+)", TEXT + PAGE)) == {CHART}
    assert f"version {CHART}" in TEXT
    assert KEYS["$comment"].count(CHART) == 1


# --- Airflow and we --------------------------------------------------------------------------------------


def test_the_version_is_that_of_the_image() -> None:
    base = re.findall(
        r"^FROM apache/airflow:([\d.]+)-python", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    assert [VALUES["airflowVersion"]] == base


def test_the_image_has_the_dags_and_the_settings() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "COPY --chown=airflow:0 dags /opt/airflow/dags" in dockerfile
    assert "airflow_local_settings.py /opt/airflow/config/" in dockerfile
    assert VALUES["airflowLocalSettings"] is None
    assert VALUES["dags"] == {"gitSync": {"enabled": False}, "persistence": {"enabled": False}}


def test_every_variable_is_an_option_or_of_aws() -> None:
    options = get_provider_info()["config"]["twitch"]["options"]
    ours = {f"AIRFLOW__TWITCH__{name.upper()}" for name in options}
    assert ENV.keys() - ours == {
        "AWS_DEFAULT_REGION",
        "AIRFLOW__SECRETS__BACKEND",
        "AIRFLOW__SECRETS__BACKEND_KWARGS",
    }
    assert "AIRFLOW__TWITCH__BUCKET" in ENV
    assert all("\n" not in value for value in ENV.values())


def test_the_backend_takes_its_arguments() -> None:
    from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend

    path = f"{SecretsManagerBackend.__module__}.{SecretsManagerBackend.__qualname__}"
    assert ENV["AIRFLOW__SECRETS__BACKEND"] == path
    arguments = json.loads(ENV["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    assert arguments.keys() <= inspect.signature(SecretsManagerBackend.__init__).parameters.keys()
    # The same as on MWAA.
    options = json.loads((ROOT / "deploy" / "mwaa-options.json").read_text())
    assert arguments == json.loads(options["secrets.backend_kwargs"])


def test_options_of_airflow_s_logging_exist() -> None:
    from airflow.configuration import conf

    assert {"remote_logging", "remote_base_log_folder"} == VALUES["config"]["logging"].keys()
    assert all(conf.has_option("logging", name) for name in VALUES["config"]["logging"])
    folder = VALUES["config"]["logging"]["remote_base_log_folder"]
    policy = json.loads(blocks("json")[0])
    arn = f"arn:aws:s3:::{folder.removeprefix('s3://')}"
    assert [each["Resource"] for each in policy["Statement"]] == [f"{arn}/*", arn.partition("/")[0]]
    assert folder.split("/")[2] != ENV["AIRFLOW__TWITCH__BUCKET"]


def test_the_page_s_command_for_users_is_one_of_the_auth_manager() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    environment = compose["services"]["airflow-scheduler"]["environment"]
    assert "airflow users create" in PAGE
    assert VALUES["config"]["core"] == {"auth_manager": environment["AIRFLOW__CORE__AUTH_MANAGER"]}


def test_tokens_are_shared_by_a_variable() -> None:
    assert json.loads(blocks("json")[1])["extra"] == {"auth_cache": "variable"}


# --- roles and secrets -----------------------------------------------------------------------------------


def test_four_accounts_have_one_role() -> None:
    assert {account["name"] for account in ACCOUNTS.values()} == set(ACCOUNTS)
    assert {tuple(account["annotations"]) for account in ACCOUNTS.values()} == {
        ("eks.amazonaws.com/role-arn",)
    }
    assert len({account["annotations"]["eks.amazonaws.com/role-arn"] for account in ACCOUNTS.values()}) == 1


def test_the_page_associates_each_of_them_and_says_why() -> None:
    (loop,) = re.findall(r"^for ACCOUNT in (.+); do$", PAGE, re.MULTILINE)
    assert set(loop.split()) == set(ACCOUNTS)
    assert set(re.findall(r"^\| `(airflow-[\w-]+)` \|", PAGE, re.MULTILINE)) == set(ACCOUNTS)


def test_the_secrets_that_the_page_makes_have_the_keys_that_the_chart_reads() -> None:
    (script,) = re.findall(r"^python3 - <<'END' .*?\n(.*?)^END$", PAGE, re.MULTILINE | re.DOTALL)
    made = [
        json.loads(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout)
        for _ in range(2)
    ]
    secrets = {made[0]["metadata"]["name"]: set(made[0]["stringData"])}
    for name, key in re.findall(r"create secret generic (\S+) --from-file=(\w+)=", PAGE):
        secrets.setdefault(name, set()).add(key)
    needed = dict(secret_keys(KEYS))
    assert len(needed) == 4
    for path, key in needed.items():
        assert key in secrets[at(path)], path
    Fernet(made[0]["stringData"]["fernet-key"])
    assert not set(made[0]["stringData"].values()) & set(made[1]["stringData"].values())


def test_the_file_has_no_secret() -> None:
    assert "password" not in re.sub(r"#.*", "", TEXT).lower()
    assert VALUES["createUserJob"] == VALUES["postgresql"] == {"enabled": False}


def test_the_connection_in_a_secret_is_a_value_of_the_chart() -> None:
    (snippet,) = blocks("yaml")
    values = yaml.safe_load(snippet)
    check({**VALUES, **values})
    (secret,) = values["secret"]
    assert secret["envName"] == "AIRFLOW_CONN_TWITCH_DEFAULT"
    assert f"{secret['secretName']} --from-file={secret['secretKey']}=" in PAGE


@pytest.mark.parametrize("name", ["defaultAirflowTag", "airflowVersion", "airflowLocalSettings", "config"])
def test_the_page_explains_a_value_that_is_there(name: str) -> None:
    assert name in VALUES
    assert f"`{name}" in PAGE
