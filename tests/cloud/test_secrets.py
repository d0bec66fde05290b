# SPDX-License-Identifier: Apache-2.0
"""The Twitch credentials come from Secrets Manager; whatever is wrong there is one sentence."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.cloud.account import POLICY, SECRET, Account

from twitch_provider.aws.secrets import WANTED
from twitch_provider.exceptions import TwitchConfigError, TwitchError, TwitchLookupError
from twitch_provider.hooks.twitch import TwitchAsyncHook, TwitchHook

pytestmark = [
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("secrets_backend"),
]

PLACE = f"secret '{SECRET}' of SecretsManagerBackend"
MISSING = f"connection twitch_default does not exist: store {WANTED} in {PLACE}"
INVALID = f"connection twitch_default: invalid value in {PLACE}; store {WANTED} in it"
LOGIN = "connection twitch_default: login (client id) is missing"
FAILED = f"connection twitch_default cannot be looked up in {PLACE}"


def refusal() -> TwitchError:
    with pytest.raises(TwitchError) as caught:
        TwitchHook().settings  # noqa: B018
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "hunter2" not in str(caught.value)
    return caught.value


def test_it_is_the_connection(account: Account) -> None:
    account.put_secret(json.dumps({"conn_type": "twitch", "login": "an-id", "password": "a-secret"}))
    credentials = TwitchHook().settings.credentials
    assert (credentials.client_id, credentials.client_secret) == ("an-id", "a-secret")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, MISSING),
        ("  ", MISSING),
        ('{"conn_type": "twitch", "password": "hunter2"', INVALID),
        ('{"conn_type": "twitch", "login": "id", "password": "hunter2", "port": "x"}', INVALID),
        ('{"conn_type": "twitch", "login": 12, "password": "hunter2"}', INVALID),
        ('{"conn_type": "twitch", "password": "hunter2"}', LOGIN),
        ('{"client_id": "id", "client_secret": "hunter2"}', LOGIN),
        ('["id", "hunter2"]', LOGIN),
        ("id:hunter2", LOGIN),
        ("hunter2", LOGIN),
        (
            "mysql://id:hunter2@host/database",
            "connection twitch_default: the schema must be http or https, not 'database'",
        ),
    ],
    ids=[
        "no value",
        "blanks",
        "JSON that breaks off",
        "invalid port",
        "number for a login",
        "no login",
        "other names",
        "list",
        "id:secret",
        "text",
        "URI of a database",
    ],
)
def test_another_shape(account: Account, value: str | None, sentence: str) -> None:
    if value is not None:
        account.put_secret(value)
    error = refusal()
    assert str(error).startswith(sentence)
    assert PLACE in str(error)
    assert error.fatal


def test_bytes_instead_of_text(account: Account) -> None:
    account.put_secret(b"hunter2")
    assert str(refusal()) == MISSING


def test_a_secret_needs_no_connection_type(account: Account) -> None:
    account.put_secret('{"login": "id", "password": "hunter2"}')
    assert TwitchHook().settings.credentials.client_id == "id"


def test_a_role_that_may_not_read_it(account: Account) -> None:
    account.put_secret('{"login": "id", "password": "hunter2"}')
    account.grant({**POLICY, "Statement": POLICY["Statement"][:2]})
    error = refusal()
    assert str(error).startswith(
        f"{FAILED} (AccessDeniedException): grant secretsmanager:GetSecretValue on it to the IAM role of "
        "this worker, and kms:Decrypt if the secret has a KMS key of its own. AWS said: User: "
    )
    assert error.fatal


def test_a_clock_that_is_wrong_by_an_hour(account: Account) -> None:
    account.put_secret('{"login": "id", "password": "hunter2"}')
    account.amazon.clock_ahead = timedelta(hours=1)
    error = refusal()
    assert str(error).startswith(f"{FAILED} (InvalidSignatureException): if the signature expired, correct")
    assert "AWS said: Signature expired: 20261123T163500Z is now" in str(error)
    assert error.fatal


def test_a_role_that_is_missing(account: Account) -> None:
    account.metadata.role = None
    error = refusal()
    assert str(error).startswith(
        f"{FAILED}: there are no AWS credentials (NoCredentialsError): give this worker"
    )
    assert type(error) is TwitchLookupError


@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceUnavailable", "ExpiredTokenException"])
def test_what_may_pass_is_not_fatal(account: Account, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    refuse(monkeypatch, code, "hunter2")
    error = refusal()
    assert type(error) is TwitchLookupError
    assert str(error).startswith(f"{FAILED} ({code}): a later try may succeed")


def test_a_connection_that_the_backend_is_not_asked_for(account: Account) -> None:
    with pytest.raises(TwitchConfigError, match="connection mine does not exist; create it under Admin"):
        TwitchHook("mine").settings  # noqa: B018


async def test_the_hook_for_event_loops_says_it_too(account: Account) -> None:
    with pytest.raises(TwitchConfigError) as caught:
        async with TwitchAsyncHook():
            pass
    assert str(caught.value) == MISSING


async def test_an_event_loop_is_not_blocked_by_asking_again(account: Account) -> None:
    expected = f"{MISSING}, and let this worker read it (secretsmanager:GetSecretValue)"
    assert str(refusal()) == expected
    by_role = [each for each in account.amazon.requests if each.key_id == account.amazon.role_key]
    assert len(by_role) == 1


def refuse(monkeypatch: pytest.MonkeyPatch, code: str, said: str) -> None:
    """Let Secrets Manager refuse, as a botocore would report it."""
    from botocore.exceptions import ClientError

    def call(_client: Any, name: str, _arguments: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": said}}, name)

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", call)
