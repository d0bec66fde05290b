# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from twitch_provider.helix.token import AppToken, Credentials
from twitch_provider.hooks.encryption import TokenCipher

NOW = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
TOKEN = AppToken("a-token", NOW + timedelta(days=58))


def seal(**other: str) -> TokenCipher:
    given = {
        "client_id": "id",
        "client_secret": "hidden",
        "base": "https://api",
        "auth": "https://id",
        **other,
    }
    credentials = Credentials(given["client_id"], given["client_secret"])
    return TokenCipher(credentials, given["base"], given["auth"], now=lambda: NOW)


@pytest.mark.parametrize("token", [TOKEN, AppToken("without-an-end")])
def test_what_was_sealed_opens(token: AppToken) -> None:
    assert seal().open(seal().close(token)) == token


def test_neither_token_nor_secret_can_be_read() -> None:
    text = seal().close(TOKEN)
    assert text.isascii()
    assert not [each for each in ("a-token", "hidden") if each in text]


@pytest.mark.parametrize(
    "other",
    [
        seal(client_id="other"),
        seal(client_secret="other"),
        seal(base="https://other"),
        seal(auth="https://other"),
    ],
    ids=["client id", "client secret", "base URL", "OAuth URL"],
)
def test_a_foreign_seal_does_not_open(other: TokenCipher) -> None:
    assert seal().open(other.close(TOKEN)) is None


@pytest.mark.parametrize("damage", ["", "nonsense", "ü", "gAAAAA", '["a-token", null]'])
def test_a_broken_seal_does_not_open(damage: str) -> None:
    assert seal().open(damage) is None


def test_a_seal_that_was_altered_does_not_open() -> None:
    text = seal().close(TOKEN)
    middle = len(text) // 2
    assert seal().open(text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]) is None


@pytest.mark.parametrize(("left", "opens"), [(61, True), (59, False), (-1, False)])
def test_a_token_that_is_over_is_of_no_use(left: int, opens: bool) -> None:
    token = AppToken("a-token", NOW + timedelta(seconds=left))
    assert (seal().open(seal().close(token)) == token) is opens


def test_is_named_by_the_application_and_not_by_its_secret() -> None:
    assert seal().name == seal(client_secret="other").name
    assert len({seal().name, seal(client_id="other").name, seal(base="x").name, seal(auth="x").name}) == 4
