# SPDX-License-Identifier: Apache-2.0
"""No redirect is followed: neither token nor secret goes where Twitch, or what poses as it, sends us."""

from __future__ import annotations

import json

import pytest
from tests.leaks.eavesdropper import Answer, Eavesdropper, Heard
from tests.leaks.readings import READERS, Reader
from tests.leaks.search import Mark, findings

from twitch_provider.exceptions import TwitchError

SECRET = Mark("client secret", "client5secret3of7redirects")
TOKEN = Mark("app token", "2token9for4nobody8else1")

#: Where to, with the address of a foreign host.
LOCATIONS = {
    "a foreign host": "http://{foreign}/stolen",
    "without a scheme": "//{foreign}/stolen",
    "behind a backslash": "\\\\{foreign}/stolen",
    "with a user": "http://id.twitch.tv@{foreign}/stolen",
    "another path of this host": "/stolen",
    "a file": "file:///etc/passwd",
}


#: Every reader, asking for a token or for a page; and with both libraries every status and every place.
CASES = [
    (reader, redirected, 307, "a foreign host") for reader in READERS for redirected in ("token", "helix")
]
CASES += [
    (reader, "helix", status, where)
    for reader in READERS[:2]
    for status, where in (
        *((status, "a foreign host") for status in (300, 301, 302, 303, 305, 308)),
        *((307, where) for where in LOCATIONS if where != "a foreign host"),
    )
]


@pytest.mark.parametrize(
    ("reader", "redirected", "status", "where"),
    CASES,
    ids=[f"{reader.name}-{redirected}-{status}-{where}" for reader, redirected, status, where in CASES],
)
def test_no_redirect_is_followed(
    reader: Reader,
    redirected: str,
    status: int,
    where: str,
    naps: list[float],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", "")
    with Eavesdropper() as foreign:
        location = LOCATIONS[where].format(foreign=foreign.address.replace("127.0.0.1", "localhost"))

        def answer(heard: Heard) -> Answer:
            if heard.target.startswith("/oauth2/token") and redirected != "token":
                return 200, {}, json.dumps({"access_token": TOKEN.value, "expires_in": 5000}).encode()
            return status, {"Location": location, "Refresh": f"0; url={location}"}, b""

        with Eavesdropper(answer) as twitch:
            monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", twitch.connection_json(SECRET.value))
            with pytest.raises(TwitchError) as caught:
                reader.read()
        assert foreign.heard == []
        assert {each.target.split("?")[0] for each in twitch.heard} <= {
            "/oauth2/token",
            "/oauth2/validate",
            "/helix/games/top",
        }
        sent = [("what Twitch heard", each.text) for each in twitch.heard]
    assert findings(sent, [SECRET]), "nothing was sent, so nothing is shown"
    assert bool(findings(sent, [TOKEN])) == (redirected == "helix")
    said = [("log", caplog.text.encode()), ("error", f"{caught.value!r} {caught.value}".encode())]
    assert findings(said, [SECRET, TOKEN]) == []


def test_a_redirect_that_is_followed_would_be_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with a library that follows, to show that the foreign host does listen."""
    import requests

    with (
        Eavesdropper() as foreign,
        Eavesdropper(lambda _: (307, {"Location": f"{foreign.url}/stolen"}, b"")) as twitch,
    ):
        requests.post(twitch.url, data={"client_secret": SECRET.value}, timeout=5)
        (heard,) = foreign.heard
    assert findings([("foreign", heard.text)], [SECRET])
