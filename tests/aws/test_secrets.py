# SPDX-License-Identifier: Apache-2.0
"""Secrets backends other than Amazon's; that one is in tests/cloud/test_secrets.py."""

from __future__ import annotations

from typing import Any

import pytest

from twitch_provider.aws import secrets
from twitch_provider.aws.secrets import also_in, explain_absence
from twitch_provider.exceptions import TwitchConfigError, TwitchLookupError
from twitch_provider.hooks.twitch import TwitchHook


class Vault:
    """A backend that gives what it is told to."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def get_conn_value(self, conn_id: str) -> Any:
        assert conn_id == "mine"
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Vault:
    backend = Vault()
    monkeypatch.setattr(secrets, "get_custom_secret_backend", lambda **_: backend)
    return backend


def test_nobody_is_to_blame_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "get_custom_secret_backend", lambda **_: None)
    assert explain_absence("mine") is None


def test_the_hook_blames_it(backend: Vault) -> None:
    with pytest.raises(TwitchConfigError, match=r"^connection mine does not exist: Vault has none; put \{"):
        TwitchHook("mine").settings  # noqa: B018


def test_an_airflow_whose_workers_have_none_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    # Airflow 2 takes no argument there.
    monkeypatch.setattr(secrets, "get_custom_secret_backend", lambda: Vault("x"))
    assert "what Vault has is none" in str(explain_absence("mine"))


def test_the_name_of_the_secret_is_told_where_it_is_known(backend: Any) -> None:
    backend.connections_prefix, backend.sep = "airflow/connections", "/"
    assert "secret 'airflow/connections/mine' of Vault has none" in str(explain_absence("mine"))
    backend.connections_prefix = ""
    assert "secret 'mine' of Vault has none" in str(explain_absence("mine"))


@pytest.mark.parametrize(
    "attributes", [{"connections_prefix": None}, {"connections_lookup_pattern": "^other_"}]
)
def test_one_that_is_not_asked_for_it_is_not_to_blame(backend: Vault, attributes: dict[str, Any]) -> None:
    vars(backend).update(attributes)
    assert explain_absence("mine") is None


def test_one_that_cannot_be_asked_so_is_not_blamed(backend: Vault) -> None:
    backend.value = NotImplementedError()
    assert explain_absence("mine") is None


@pytest.mark.parametrize("error", [OSError("hunter2"), RuntimeError("hunter2")])
def test_a_failure_may_pass_and_is_not_repeated(backend: Vault, error: Exception) -> None:
    backend.value = error
    ours = explain_absence("mine")
    assert type(ours) is TwitchLookupError
    assert f"cannot be looked up in Vault ({type(error).__name__}): a later try may succeed" in str(ours)
    assert "hunter2" not in str(ours)


def test_what_is_no_connection_is_not_repeated(backend: Vault) -> None:
    backend.value = ValueError("hunter2")
    ours = explain_absence("mine")
    assert type(ours) is TwitchConfigError
    assert str(ours).startswith("connection mine: what Vault has is none; put ")
    assert "hunter2" not in str(ours)


def test_where_else_a_connection_may_be(backend: Any) -> None:
    assert also_in("mine") == " or in Vault"
    backend.connections_lookup_pattern = "^other_"
    assert also_in("mine") == ""
