# SPDX-License-Identifier: Apache-2.0
"""How an identity is named, with real sessions of boto3: no test asks for credentials."""

from __future__ import annotations

from pathlib import Path

import botocore.session
import pytest
from botocore.exceptions import ClientError

from twitch_provider.aws.errors import explain
from twitch_provider.aws.identity import Asker, holder
from twitch_provider.aws.store import S3Store

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}
IRSA = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/it"}
TASK = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x"}
AGENT = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}
NAMES = {*KEYS, *IRSA, *TASK, *AGENT, "AIRFLOW_ENV_NAME", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE"}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which no AWS credentials can be found."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("environment", "method", "name"),
    [
        (KEYS, "env", "the AWS keys in this worker's environment"),
        (IRSA, "assume-role-with-web-identity", "the IAM role of this pod's service account"),
        (TASK, "container-role", "the role of this ECS task"),
        (AGENT, "container-role", "the IAM role of this pod's service account"),
        (
            {**TASK, "AIRFLOW_ENV_NAME": "mine"},
            "container-role",
            "the execution role of this MWAA environment",
        ),
        ({}, "", "the IAM role of this worker"),
        ({**IRSA, **KEYS}, "env", "the AWS keys in this worker's environment"),
    ],
)
def test_an_identity_is_named_as_boto3_finds_it(
    bare: pytest.MonkeyPatch, environment: dict[str, str], method: str, name: str
) -> None:
    for variable, value in environment.items():
        bare.setenv(variable, value)
    assert holder() == name
    assert holder(None, method) == name
    assert holder("mine", method) == "connection 'mine'"
    if method in {"env", "assume-role-with-web-identity"}:  # the others ask at once
        found = botocore.session.Session().get_credentials()
        assert found.method == method


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("iam-role", "the IAM role of this worker's EC2 instance"),
        ("shared-credentials-file", "the AWS profile of this worker"),
        ("sso", "the AWS profile of this worker"),
        ("one-of-tomorrow", "the IAM role of this worker"),
    ],
)
def test_what_no_variable_tells(bare: pytest.MonkeyPatch, method: str, name: str) -> None:
    assert holder(None, method) == name


def test_a_store_names_what_its_session_found(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profile = tmp_path / "credentials"
    lines = ("[default]", "aws_access_key_id = AKIAIOSFODNN7EXAMPLE", f"aws_secret_access_key = {SECRET}")
    profile.write_text("\n".join(lines))
    bare.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))
    bare.setenv("AWS_DEFAULT_REGION", "us-east-1")
    store = S3Store("lake", None)

    def refuse(**_: object) -> None:
        answer = {"Error": {"Code": "AccessDenied", "Message": f"Access Denied {SECRET}"}}
        raise ClientError(answer, "DeleteObject")

    store.hook.get_conn().meta.events.register("before-call.s3.DeleteObject", refuse)
    with pytest.raises(Exception, match="grant it to the AWS profile of this worker") as caught:
        store.delete(["a"])
    assert SECRET not in str(caught.value)


def test_a_role_of_a_pod_that_may_not_be_assumed(bare: pytest.MonkeyPatch) -> None:
    for variable, value in IRSA.items():
        bare.setenv(variable, value)
    answer = {"Error": {"Code": "AccessDenied", "Message": "Not authorized"}}
    error = explain(
        ClientError(answer, "AssumeRoleWithWebIdentity"), bucket="lake", key="a", asker=Asker(None)
    )
    assert str(error).startswith(
        "AWS STS denies sts:AssumeRoleWithWebIdentity on the IAM role of this pod's service account: allow "
        "it in the role's trust policy."
    )
