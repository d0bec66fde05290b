# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from tests.cluster.compose import ROOT, read_env

from deploy import new_env

BACKEND = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
KWARGS = {
    "connections_prefix": "lake/connections",
    "connections_lookup_pattern": r"^twitch_\w+$",
    "x": 'a "b"',
}


def written(*arguments: str) -> dict[str, str]:
    return read_env(new_env.render(new_env.read(arguments)))


def test_bucket_is_all_that_has_to_be_given() -> None:
    env = written("TWITCH_BUCKET=my-lake")
    given = {name: env[name] for name in new_env.SETTINGS}
    assert given == {
        "AIRFLOW_IMAGE": "airflow-twitch",
        "EXECUTOR": "LocalExecutor",
        "TWITCH_BUCKET": "my-lake",
        "TWITCH_PREFIX": "twitch",
        "TWITCH_SNS_TOPIC": "",
        "AWS_REGION": "us-east-1",
        "SECRETS_BACKEND": "",
        "SECRETS_BACKEND_KWARGS": "",
    }


def test_whatever_is_given_is_what_compose_reads() -> None:
    arguments = {
        "AIRFLOW_IMAGE": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/airflow-twitch:1.0@sha256:"
        + "a" * 64,
        "EXECUTOR": "CeleryExecutor",
        "TWITCH_BUCKET": "my.lake-1",
        "TWITCH_PREFIX": "raw data!".replace(" ", "_") + "/twitch",
        "TWITCH_SNS_TOPIC": "arn:aws-us-gov:sns:us-gov-west-1:123456789012:twitch",
        "AWS_REGION": "us-gov-west-1",
        "SECRETS_BACKEND": BACKEND,
        "SECRETS_BACKEND_KWARGS": json.dumps(KWARGS),
    }
    env = written(*(f"{name}={value}" for name, value in arguments.items()))
    assert {name: env[name] for name in arguments} == arguments
    assert json.loads(env["SECRETS_BACKEND_KWARGS"]) == KWARGS


@pytest.mark.parametrize(("executor", "profiles"), [("CeleryExecutor", "celery"), ("LocalExecutor", None)])
def test_celery_switches_its_profile_on(executor: str, profiles: str | None) -> None:
    assert written("TWITCH_BUCKET=my-lake", f"EXECUTOR={executor}").get("COMPOSE_PROFILES") == profiles


def test_every_secret_is_fresh() -> None:
    first, second = (written("TWITCH_BUCKET=my-lake") for _ in range(2))
    values = [env[name] for env in (first, second) for name in new_env.SECRETS]
    assert len(set(values)) == 2 * len(new_env.SECRETS)
    assert min(map(len, values)) >= 24


def test_secrets_fit_into_addresses() -> None:
    env = written("TWITCH_BUCKET=my-lake")
    for name in new_env.SECRETS:
        assert env[name].strip("=").replace("-", "").replace("_", "").isalnum(), name


def test_fernet_key_is_one() -> None:
    key = written("TWITCH_BUCKET=my-lake")["FERNET_KEY"]
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x"


def test_jwt_secret_is_as_long_as_its_hash() -> None:
    # HS512: https://www.rfc-editor.org/rfc/rfc7518#section-3.2
    secret = written("TWITCH_BUCKET=my-lake")["JWT_SECRET"]
    assert len(base64.urlsafe_b64decode(secret + "==")) >= 64


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "TWITCH_BUCKET is missing: give TWITCH_BUCKET=…"),
        (["TWITCH_BUCKET=s3://lake"], "without s3://"),
        (["TWITCH_BUCKET=Lake"], "TWITCH_BUCKET=Lake is invalid"),
        (["TWITCH_BUCKET=my-lake", "TWITCH_BUCKET=other"], "TWITCH_BUCKET is given twice"),
        (["TWITCH_BUCKET=my-lake", "TWITCH_PREFIX=/twitch/"], "without a leading or trailing slash"),
        (["TWITCH_BUCKET=my-lake", "TWITCH_SNS_TOPIC=alerts"], "the ARN of a standard SNS topic"),
        (["TWITCH_BUCKET=my-lake", "AWS_REGION=Frankfurt"], "a region, such as eu-central-1"),
        (["TWITCH_BUCKET=my-lake", "EXECUTOR=KubernetesExecutor"], "LocalExecutor or CeleryExecutor"),
        (["TWITCH_BUCKET=my-lake", "AIRFLOW_IMAGE="], "the name of an image"),
        (["TWITCH_BUCKET=my-lake", "AIRFLOW_IMAGE=a b"], "the name of an image"),
        (["TWITCH_BUCKET=my-lake", "SECRETS_BACKEND=x; y"], "the path of a class"),
        (
            ["TWITCH_BUCKET=my-lake", f"SECRETS_BACKEND={BACKEND}", "SECRETS_BACKEND_KWARGS=[1]"],
            "a JSON object",
        ),
        (
            ["TWITCH_BUCKET=my-lake", "SECRETS_BACKEND_KWARGS={}"],
            "SECRETS_BACKEND_KWARGS requires SECRETS_BACKEND",
        ),
        (["TWITCH_BUCKET"], "give NAME=VALUE"),
        (["TWITCH_BUCKETS=my-lake"], "'TWITCH_BUCKETS' is not a setting"),
        (["COMPOSE_PROFILES=celery"], "'COMPOSE_PROFILES' is not a setting"),
        (["POSTGRES_PASSWORD=x"], "POSTGRES_PASSWORD is generated and cannot be given"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        new_env.read(arguments)


@pytest.mark.parametrize(
    "value", ["my-lake\nADMIN_PASSWORD=x", "my-lake\r", "my'lake", "my-lake\\", "my\u2028lake"]
)
@pytest.mark.parametrize("name", ["TWITCH_BUCKET", "SECRETS_BACKEND_KWARGS"])
def test_nothing_can_bring_in_a_line_of_its_own(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"contains a character that \.env does not allow"):
        new_env.check(name, value)


def test_a_key_among_the_arguments_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="must be a JSON object") as refused:
        new_env.check("SECRETS_BACKEND_KWARGS", '{"aws_secret_access_key": "sesame-sesame"')
    assert "sesame" not in str(refused.value)


def run(*arguments: str, to: Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "deploy" / "new_env.py"
    # As in the image and on an instance: no package is needed, nor found.
    command = [sys.executable, "-I", "-S", str(script), *arguments]
    with to.open("w") as output:
        return subprocess.run(
            command, stdout=output, stderr=subprocess.PIPE, text=True, check=False, env={"PATH": os.defpath}
        )


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.touch()
    path.chmod(0o644)
    assert run("TWITCH_BUCKET=my-lake", to=path).returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_env(path.read_text())["TWITCH_BUCKET"] == "my-lake"


OLD = """# Mine.
TWITCH_BUCKET='old-lake'
EXECUTOR='CeleryExecutor'
POSTGRES_PASSWORD='old-password'
MINE='1 = one'
"""


def kept(folder: Path, *arguments: str) -> str:
    (folder / "old").write_text(OLD)
    assert run("--keep", str(folder / "old"), *arguments, to=folder / "new").returncode == 0
    return (folder / "new").read_text()


def test_an_existing_file_keeps_what_is_not_given(tmp_path: Path) -> None:
    text = kept(tmp_path, "TWITCH_BUCKET=new-lake")
    assert text.startswith(OLD.replace("old-lake", "new-lake"))
    assert read_env(text).keys() == {*new_env.SETTINGS, *new_env.SECRETS, "MINE", "COMPOSE_PROFILES"}


def test_a_setting_that_was_added_below_is_replaced_too(tmp_path: Path) -> None:
    (tmp_path / "old").write_text(f"{OLD}TWITCH_BUCKET='added'\nMINE='2'\n")
    assert run("--keep", str(tmp_path / "old"), "TWITCH_BUCKET=new-lake", to=tmp_path / "new").returncode == 0
    text = (tmp_path / "new").read_text()
    assert text.startswith(f"{OLD}MINE='2'\n".replace("old-lake", "new-lake"))
    assert text.count("TWITCH_BUCKET=") == 1


def test_an_existing_file_needs_no_setting_again(tmp_path: Path) -> None:
    text = kept(tmp_path)
    assert text.startswith(OLD)
    (tmp_path / "again").write_text(text)
    assert run("--keep", str(tmp_path / "again"), to=tmp_path / "new").returncode == 0
    assert (tmp_path / "new").read_text() == text


def test_an_empty_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    assert run("--keep", str(tmp_path / "old"), "TWITCH_BUCKET=my-lake", to=tmp_path / "new").returncode == 0
    assert read_env((tmp_path / "new").read_text()).keys() == {*new_env.SETTINGS, *new_env.SECRETS}


def test_what_is_wrong_in_an_existing_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("TWITCH_BUCKET='Lake'\n")
    done = run("--keep", str(tmp_path / "old"), to=tmp_path / "new")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: TWITCH_BUCKET=Lake is invalid")
    done = run("--keep", str(tmp_path / "missing"), to=tmp_path / "new")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_an_error_is_one_line_and_a_status(tmp_path: Path) -> None:
    done = run(to=tmp_path / ".env")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: TWITCH_BUCKET is missing")
    assert not (tmp_path / ".env").read_text()
