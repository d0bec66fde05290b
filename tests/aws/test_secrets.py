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
    """A backend that returns what it is told to."""

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


def test_without_a_backend_there_is_nothing_to_explain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "get_custom_secret_backend", lambda **_: None)
    assert explain_absence("mine") is None


def test_the_hook_names_the_backend(backend: Vault) -> None:
    with pytest.raises(TwitchConfigError, match=r"^connection mine does not exist: store \{.*\} in Vault$"):
        TwitchHook("mine").settings  # noqa: B018


def test_an_airflow_without_backends_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    # Airflow 2 takes no argument there.
    monkeypatch.setattr(secrets, "get_custom_secret_backend", lambda: Vault("x"))
    assert "connection mine: invalid value in Vault" in str(explain_absence("mine"))


def test_the_secret_is_named_if_its_name_is_known(backend: Any) -> None:
    backend.connections_prefix, backend.sep = "airflow/connections", "/"
    assert str(explain_absence("mine")).endswith(" in secret 'airflow/connections/mine' of Vault")
    backend.connections_prefix = ""
    assert str(explain_absence("mine")).endswith(" in secret 'mine' of Vault")


@pytest.mark.parametrize(
    "attributes", [{"connections_prefix": None}, {"connections_lookup_pattern": "^other_"}]
)
def test_a_backend_that_is_not_asked_is_not_named(backend: Vault, attributes: dict[str, Any]) -> None:
    vars(backend).update(attributes)
    assert explain_absence("mine") is None


def test_a_backend_without_this_method_is_not_named(backend: Vault) -> None:
    backend.value = NotImplementedError()
    assert explain_absence("mine") is None


@pytest.mark.parametrize("error", [OSError("hunter2"), RuntimeError("hunter2")])
def test_a_failure_may_pass_and_is_not_repeated(backend: Vault, error: Exception) -> None:
    backend.value = error
    ours = explain_absence("mine")
    assert type(ours) is TwitchLookupError
    assert f"cannot be looked up in Vault ({type(error).__name__}): a later try may succeed" in str(ours)
    assert "hunter2" not in str(ours)


def test_an_invalid_value_is_not_repeated(backend: Vault) -> None:
    backend.value = ValueError("hunter2")
    ours = explain_absence("mine")
    assert type(ours) is TwitchConfigError
    assert str(ours).startswith("connection mine: invalid value in Vault; store {")
    assert "hunter2" not in str(ours)


def test_the_secret_that_a_connection_may_come_from(backend: Any) -> None:
    assert also_in("mine") == " or in Vault"
    backend.connections_lookup_pattern = "^other_"
    assert also_in("mine") == ""
