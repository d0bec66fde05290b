# SPDX-License-Identifier: Apache-2.0
"""Who edits a connection cannot have the secret sent in clear, nor read this machine's files with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yarl
from hypothesis import example, given
from hypothesis import strategies as st
from tests.leaks.eavesdropper import Eavesdropper
from tests.leaks.readings import READERS, Reader
from tests.leaks.search import Mark, findings
from tests.leaks.tricks import PIECES, TRICKS, wide
from urllib3.util import parse_url

from twitch_provider.exceptions import TwitchConfigError, TwitchError
from twitch_provider.helix.messages import is_loopback
from twitch_provider.hooks.settings import Settings
from twitch_provider.testing import Simulator

SECRET = Mark("client secret", "client5secret3of7editors")
FIELDS = ("host", "auth_url")


def settings(**fields: Any) -> Settings:
    extra = json.dumps(fields.pop("extra", {}))
    given = {"login": "an-id", "password": SECRET.value, "host": None, "port": None, "schema": None}
    return Settings.from_connection(SimpleNamespace(conn_id="twitch_x", extra=extra, **(given | fields)))


def url_of(field: str, text: str) -> str:
    """What the hooks make of a field; the rest of the connection is harmless."""
    if field == "host":
        return settings(host=text).base_url
    return settings(extra={field: text}).auth_url


def assert_all_libraries_agree(url: str) -> None:
    """Both transports go to the host that was checked, and it may be gone to."""
    ours = urlsplit(f"{url}/token")
    by_requests = parse_url(requests.Request("GET", f"{url}/token").prepare().url or "")
    by_aiohttp = yarl.URL(f"{url}/token")
    host = ours.hostname or ""
    assert (by_requests.scheme, (by_requests.host or "").strip("[]"), by_requests.port) == (
        ours.scheme,
        host,
        ours.port,
    )
    assert (by_aiohttp.scheme, by_aiohttp.explicit_port) == (ours.scheme, ours.port)
    assert is_loopback(by_aiohttp.raw_host or "") == is_loopback(host)
    assert ours.scheme == "https" or is_loopback(host)
    assert by_aiohttp.user is by_aiohttp.password is by_requests.auth is None


def refusal(field: str, text: str) -> str:
    """Return the error of a field, or what it was taken for."""
    try:
        return f"taken as {url_of(field, text)}"
    except TwitchConfigError as error:
        return str(error)


@pytest.mark.parametrize("field", FIELDS)
def test_a_url_that_might_lead_elsewhere_is_refused(field: str) -> None:
    said = {trick: refusal(field, trick) for trick in TRICKS}
    expected = re.compile(f"connection twitch_x: (extra )?{field} ")
    assert {trick: text for trick, text in said.items() if not expected.match(text)} == {}


@pytest.mark.parametrize("field", FIELDS)
def test_a_url_that_is_taken_is_the_same_to_every_library(field: str) -> None:
    for url in (
        "https://api.twitch.tv/helix",
        "https://API.twitch.tv./helix/",
        "https://my_proxy.example:8443/a/../b//c",
        "https://127.0.0.1/x;y=@z",
        "https://xn--bcher-kva.example",
        "https://[2001:db8::1]:8443/x",
        "http://127.0.0.1",
        "http://127.8.9.10:080/x",
        "http://LOCALHOST:9/helix",
        "http://[::1]:9",
        "http://127.0.0.1/@evil.example",
        "http://127.0.0.1//evil.example/",
    ):
        assert_all_libraries_agree(url_of(field, url))


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@example("http://[::1].evil.example")
def test_whatever_an_editor_writes_leads_every_library_to_the_host_that_was_checked(text: str) -> None:
    for field in FIELDS:
        try:
            url = url_of(field, text)
        except TwitchConfigError:
            continue
        assert_all_libraries_agree(url)


@pytest.mark.parametrize(
    "fields",
    [
        {"schema": "file", "host": "/etc/passwd"},
        {"schema": "http", "host": "evil.example"},
        {"schema": "http", "host": "//evil.example"},
        {"schema": "http://evil.example/", "host": "x"},
        {"schema": "HTTP", "host": "evil.example"},
        {"schema": "http+unix", "host": "%2fvar%2frun%2fdocker.sock"},
        {"host": "http://127.0.0.1", "port": "80@evil.example"},
        {"host": "http://127.0.0.1", "port": "80.evil.example"},
        {"host": "127.0.0.1", "schema": "http", "port": "@evil.example:80"},
        {"host": "http://[::1]", "port": ".evil.example"},
    ],
    ids=str,
)
def test_schema_and_port_lead_nowhere_else(fields: dict[str, Any]) -> None:
    with pytest.raises(TwitchConfigError):
        settings(**fields)


@pytest.mark.parametrize("field", ["login", "password"])
def test_login_and_password_cannot_add_to_a_header(field: str) -> None:
    for value in ("a\r\nX-Evil: yes", "a\nb", "a\tb", "a\0b", "ä", "a b", "", "\u2028"):
        with pytest.raises(TwitchConfigError, match=field):
            settings(**{field: value})


@pytest.mark.parametrize(
    "fields",
    [
        {"host": f"https://me:{SECRET.value}@api.twitch.tv"},
        {"host": f"https://me:{SECRET.value}@api.twitch.tv{wide('/')}x"},
        {"host": f"https://me:{SECRET.value}"},
        {"host": f"https://[{SECRET.value}]"},
        {"host": f"https://api.twitch.tv/helix?client_secret={SECRET.value}"},
        {"extra": {"auth_url": f"https://id.twitch.tv/#{SECRET.value}"}},
        {"extra": {SECRET.value: "x", "auth_cache": "unknown"}},
        {"login": f"{SECRET.value} "},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_secret_in_the_wrong_field_is_not_repeated(
    fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TwitchConfigError) as caught:
        settings(**fields)
    said = [("error", str(caught.value).encode())]
    assert findings(said, [SECRET]) == []


#: What HttpHook takes from an extra, and what would happen.
EXTRAS_OF_HTTP_HOOK = {
    "verify": "/nonexistent/ca.pem",
    "cert": "/nonexistent/client.pem",
    "trust_env": True,
    "stream": True,
    "allow_redirects": True,
    "max_redirects": 30,
    "check_response": False,
    "srv_lookup": True,
    "timeout": 7,
    "auth_type": "requests.auth.HTTPBasicAuth",
    "headers": {"X-Evil": "yes"},
    "X-Evil": "yes",
    "Authorization": "Basic evil",
    "Host": "evil.example",
    "base_url": "http://evil.example",
    "auth_url": None,
}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_extras_of_http_hook_have_no_effect(
    reader: Reader, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Eavesdropper() as proxy, Simulator(streams=30) as twitch:
        connection = json.loads(twitch.connection_json())
        evil = {**EXTRAS_OF_HTTP_HOOK, "proxies": {"http": proxy.url, "https": proxy.url, "all": proxy.url}}
        connection["extra"] = {**evil, **connection["extra"]}
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(connection))
        reader.read()
        assert proxy.heard == []
        assert sum(twitch.counters.requests.values()) >= 1


def _environment(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy)
        monkeypatch.setenv(name.upper(), proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_what_goes_to_this_machine_in_clear_goes_through_no_proxy(
    reader: Reader, twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Eavesdropper() as proxy:
        _environment(monkeypatch, proxy.url)
        reader.read()
        assert proxy.heard == []


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_proxy_is_told_the_name_of_the_host_and_nothing_else(
    reader: Reader, naps: list[float], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "")
    password = Mark("proxy's password", "proxy4password9of1theirs")
    connection = {"conn_type": "twitch", "login": "an-id", "password": SECRET.value}
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(connection))
    with Eavesdropper() as proxy:
        _environment(monkeypatch, f"http://me:{password.value}@{proxy.address}")
        with pytest.raises(TwitchError) as caught:
            reader.read()
        assert {(each.method, each.target) for each in proxy.heard} == {("CONNECT", "id.twitch.tv:443")}
        heard = [("what the proxy heard", each.text) for each in proxy.heard]
    assert findings(heard, [SECRET]) == []
    assert findings(heard, [password])[0].encoding == "base64", (
        "it gets its own password, or nothing is shown"
    )
    said = [("log", caplog.text.encode()), ("error", f"{caught.value!r} {caught.value}".encode())]
    assert findings(said, [SECRET, password]) == []


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_netrc_is_not_read(
    reader: Reader, tmp_path: Path, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    password = Mark("password of .netrc", "netrc8password2of6others")
    netrc = tmp_path / ".netrc"
    netrc.write_text(
        f"machine 127.0.0.1 login me password {password.value}\n"
        f"machine localhost login me password {password.value}\n"
        f"default login me password {password.value}\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))

    with Eavesdropper() as twitch:
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", twitch.connection_json(SECRET.value))
        with pytest.raises(TwitchError):
            reader.read()
        heard = [("what Twitch heard", each.text) for each in twitch.heard]
    assert findings(heard, [password]) == []
    assert findings(heard, [SECRET]), "nothing was sent, so nothing is shown"
