# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.hooks.settings import _EXTRAS, AUTH_URL, BASE_URL, Settings


def settings(**fields: Any) -> Settings:
    extra = fields.pop("extra", None)
    text = extra if isinstance(extra, str) or extra is None else json.dumps(extra)
    given = {"login": "id", "password": "top-secret", "host": None, "port": None, "schema": None} | fields
    return Settings.from_connection(SimpleNamespace(conn_id="twitch_x", extra=text, **given))


def test_login_and_password_are_enough() -> None:
    found = settings()
    assert (found.credentials.client_id, found.credentials.client_secret) == ("id", "top-secret")
    assert (found.base_url, found.auth_url) == (BASE_URL, AUTH_URL)
    assert (found.timeout, found.rate_limit_reserve, found.auth_cache) == (30, 50, "file")


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({"host": "https://api.twitch.tv/helix/"}, "https://api.twitch.tv/helix"),
        ({"host": "https://api.twitch.tv/helix", "port": 443}, "https://api.twitch.tv/helix"),
        ({"host": "api.twitch.tv/helix"}, "https://api.twitch.tv/helix"),
        ({"host": "https://mock.example/helix", "port": 8443}, "https://mock.example:8443/helix"),
        ({"host": "https://mock.example:8443/helix", "port": 443}, "https://mock.example:8443/helix"),
        ({"host": "127.0.0.1/helix", "schema": "http", "port": 8080}, "http://127.0.0.1:8080/helix"),
        ({"host": "http://localhost:9/a/b"}, "http://localhost:9/a/b"),
        ({"host": "HTTPS://API.Twitch.TV/helix"}, "https://api.twitch.tv/helix"),
        ({"host": "http://[::1]:9"}, "http://[::1]:9"),
    ],
)
def test_finds_the_base_url(fields: dict[str, Any], base_url: str) -> None:
    assert settings(**fields).base_url == base_url


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"login": None}, "login"),
        ({"login": ""}, "login"),
        ({"password": None}, "password"),
        ({"password": "top-secret\n"}, "password"),
        ({"login": "two words"}, "login"),
        ({"extra": "{not json"}, "not valid JSON"),
        ({"extra": "[1]"}, "must be a JSON object"),
        ({"extra": "[" * 100_000}, "not valid JSON"),
        ({"extra": {"timeout": 10**400}}, "timeout"),
        ({"extra": {"timeout": "soon"}}, "timeout"),
        ({"extra": {"timeout": 0}}, "timeout"),
        ({"extra": {"timeout": True}}, "timeout"),
        ({"extra": {"timeout": [1]}}, "timeout"),
        ({"extra": {"auth_url": "https://mock.example:abc"}}, "ort"),
        ({"extra": {"auth_url": "https://mock.example/?client_secret=top-secret"}}, "must be a URL"),
        ({"extra": {"auth_url": "https://u:top-secret@mock.example/?x"}}, "must not contain a user"),
        ({"extra": {"timeout": "nan"}}, "timeout"),
        ({"extra": {"rate_limit_reserve": -1}}, "rate_limit_reserve"),
        (
            {"extra": {"auth_cache": "redis"}},
            "auth_cache must be one of file, variable, none, not 'redis'; fix it",
        ),
        ({"extra": {"auth_cache": "File"}}, "auth_cache"),
        ({"extra": {"auth_cache": False}}, "auth_cache must be one of file, variable, none, not False"),
        ({"extra": {"auth_cache": ["file"]}}, "auth_cache"),
        ({"extra": {"auth_url": 7}}, "auth_url"),
        ({"extra": {"auth_url": "id.twitch.tv"}}, "auth_url"),
        ({"extra": {"auth_url": "http://id.twitch.tv/oauth2"}}, "only for 127.0.0.1 and localhost"),
        ({"host": "http://api.twitch.tv/helix"}, "only for 127.0.0.1 and localhost"),
        ({"host": "http://127.0.0.1.evil.example/helix"}, "only for 127.0.0.1 and localhost"),
        ({"host": "https://me:mine@api.twitch.tv/helix"}, "must not contain a user or password"),
        ({"host": "file:///etc/passwd"}, "must be a URL"),
        ({"host": "https://api.twitch.tv/helix?x=1"}, "must be a URL"),
        ({"host": "https://"}, "must be a URL"),
        ({"host": "127.0.0.1", "schema": "helix"}, "schema"),
    ],
)
def test_a_malformed_field_is_one_sentence_that_names_it_and_the_connection(
    fields: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(TwitchConfigError) as caught:
        settings(**fields)
    assert "connection twitch_x: " in str(caught.value)
    assert complaint in str(caught.value)
    assert "top-secret" not in str(caught.value)


def test_unknown_extras_are_ignored_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    found = settings(extra={"verify": False, "proxies": {"https": "http://evil"}, "timeout": "12"})
    assert found == settings(extra={"timeout": 12})
    assert "ignoring unknown extras: proxies, verify" in caplog.text
    assert "evil" not in caplog.text


@pytest.mark.parametrize("nothing", [None, ""])
def test_extras_left_empty_are_the_defaults(nothing: str | None) -> None:
    # What the forms of Airflow 3 and Airflow 2 store for a field that was filled in and emptied.
    assert settings(extra=dict.fromkeys(_EXTRAS, nothing)) == settings()


@pytest.mark.parametrize("auth_cache", ["file", "variable", "none"])
def test_a_token_is_shared_as_far_as_the_connection_says(auth_cache: str) -> None:
    assert settings(extra={"auth_cache": auth_cache}).auth_cache == auth_cache


def test_its_repr_hides_the_secret() -> None:
    assert "top-secret" not in repr(settings())


def test_unknown_extras_are_named_once_in_a_process(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        settings(extra={"verify": False, "headers": "x"})
    assert [record.getMessage() for record in caplog.records] == [
        "Connection twitch_x: ignoring unknown extras: headers, verify"
    ]


@pytest.mark.parametrize("host", ["https://exa mple/", "https://a..b", f"https://{'x' * 70}.com"])
def test_an_invalid_host_name_is_refused(host: str) -> None:
    with pytest.raises(TwitchConfigError, match="host"):
        settings(host=host)


@pytest.mark.parametrize(
    "host", ["https://api.twitch.tv.", "https://my_proxy:8080/helix", "http://[::1]:8080/x"]
)
def test_a_valid_host_name_is_accepted(host: str) -> None:
    assert settings(host=host).base_url == host.rstrip("/")
