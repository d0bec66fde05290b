# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SECRET = "s3cretsecretsecretsecretsecret"
GOOD = {"client_secret": SECRET, "grant_type": "client_credentials"}


@pytest.fixture
def client(make_client: Callable[..., Any]) -> Any:
    return make_client(client_id="theclientidtheclientidtheclien", client_secret=SECRET)


def form(client: Any, **changes: str) -> dict[str, str]:
    fields = {"client_id": client.simulator.client_id, **GOOD, **changes}
    return {name: value for name, value in fields.items() if value}


def test_mints_a_token(client: Any) -> None:
    answer = client.send("/oauth2/token", method="POST", headers={}, **form(client))
    assert answer.status == 200
    assert answer.payload.keys() == {"access_token", "expires_in", "token_type"}
    assert len(answer.payload["access_token"]) == 30
    assert answer.payload["token_type"] == "bearer"


def test_a_new_token_leaves_the_old_one_valid(client: Any) -> None:
    client.send("/oauth2/token", method="POST", headers={}, **form(client))
    assert client.get("games/top").status == 200


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"client_id": ""}, 400, "missing client id"),
        ({"client_secret": ""}, 400, "missing client secret"),
        ({"grant_type": ""}, 400, "missing grant type"),
        ({"grant_type": "password"}, 400, "invalid grant type"),
        ({"client_id": "another"}, 400, "invalid client"),
        ({"client_secret": "wrong"}, 403, "invalid client secret"),
        ({"client_secret": "falsch äöü"}, 403, "invalid client secret"),
    ],
)
def test_refuses_a_token_as_twitch_does(
    client: Any, changes: dict[str, str], status: int, message: str
) -> None:
    answer = client.send("/oauth2/token", method="POST", headers={}, **form(client, **changes))
    assert answer.status == status
    assert answer.payload == {"status": status, "message": message}


def test_reads_credentials_from_the_form_only(client: Any) -> None:
    query = f"client_id={client.simulator.client_id}&client_secret={SECRET}&grant_type=client_credentials"
    answer = client.send(f"/oauth2/token?{query}", method="POST", headers={})
    assert answer.payload["message"] == "missing client id"


def test_get_token_is_not_found(client: Any) -> None:
    assert client.send("/oauth2/token").status == 404


@pytest.mark.parametrize("scheme", ["OAuth", "Bearer"])
def test_validates_a_token(client: Any, scheme: str) -> None:
    answer = client.send("/oauth2/validate", headers={"authorization": f"{scheme} {client.token}"})
    assert answer.payload == {"client_id": client.simulator.client_id, "scopes": [], "expires_in": 5_011_271}


@pytest.mark.parametrize("headers", [{}, {"authorization": "OAuth nonsense"}])
def test_does_not_validate_an_invalid_token(client: Any, headers: dict[str, str]) -> None:
    answer = client.send("/oauth2/validate", headers=headers)
    assert (answer.status, answer.payload) == (401, {"status": 401, "message": "invalid access token"})


def test_revokes_a_token(client: Any) -> None:
    revoke = {"client_id": client.simulator.client_id, "token": client.token}
    answer = client.send("/oauth2/revoke", method="POST", headers={}, **revoke)
    assert (answer.status, answer.body) == (200, b"")
    assert client.get("streams").status == 401
    answer = client.send("/oauth2/revoke", method="POST", headers={}, **revoke)
    assert (answer.status, answer.payload["message"]) == (400, "Invalid token")


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [({}, 400, "missing client id"), ({"client_id": "another"}, 404, "client does not exist")],
)
def test_refuses_to_revoke(client: Any, fields: dict[str, str], status: int, message: str) -> None:
    answer = client.send("/oauth2/revoke", method="POST", headers={}, **fields)
    assert answer.payload == {"status": status, "message": message}


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "OAuth token is missing"),
        ({"authorization": "OAuth {token}", "client-id": "{id}"}, "OAuth token is missing"),
        ({"authorization": "Bearer nonsense", "client-id": "{id}"}, "Invalid OAuth token"),
        ({"authorization": "Bearer {token}", "client-id": "x"}, "Client ID and OAuth token do not match"),
        ({"authorization": "Bearer {token}"}, "Client ID and OAuth token do not match"),
    ],
)
def test_helix_refuses_in_three_ways(client: Any, headers: dict[str, str], message: str) -> None:
    sent = {
        name: value.format(token=client.token, id=client.simulator.client_id)
        for name, value in headers.items()
    }
    answer = client.send("/helix/streams", headers=sent)
    assert answer.payload == {"error": "Unauthorized", "status": 401, "message": message}


def test_tokens_expire_in_the_worlds_time(client: Any) -> None:
    client.simulator.advance(5_011_270)
    assert client.get("streams").status == 200
    client.simulator.advance(1)
    assert client.get("streams").status == 401


def test_all_tokens_may_be_revoked_at_once(client: Any) -> None:
    client.simulator.revoke_tokens()
    assert client.get("streams").payload["message"] == "Invalid OAuth token"


def test_the_oldest_token_dies_where_there_is_a_cap(make_client: Callable[..., Any]) -> None:
    client = make_client(most_tokens=2)
    tokens = client.simulator.twitch.auth.tokens
    now = client.simulator.now.timestamp()
    second, third = tokens.mint(now), tokens.mint(now)
    assert client.get("streams").status == 401
    assert tokens.expires_in(second, now)
    assert tokens.expires_in(third, now)


def test_no_secret_shows_in_a_repr(client: Any) -> None:
    assert SECRET not in repr(client.simulator.twitch)
    assert client.token not in repr(client.simulator.twitch)
