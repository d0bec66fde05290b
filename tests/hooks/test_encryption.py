# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from twitch_provider.helix.token import AppToken, Credentials
from twitch_provider.hooks.encryption import TokenCipher

NOW = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
TOKEN = AppToken("a-token", NOW + timedelta(days=58))


def cipher(**other: str) -> TokenCipher:
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
def test_what_was_encrypted_can_be_decrypted(token: AppToken) -> None:
    assert cipher().decrypt(cipher().encrypt(token)) == token


def test_neither_token_nor_secret_can_be_read() -> None:
    text = cipher().encrypt(TOKEN)
    assert text.isascii()
    assert not [each for each in ("a-token", "hidden") if each in text]


@pytest.mark.parametrize(
    "other",
    [
        cipher(client_id="other"),
        cipher(client_secret="other"),
        cipher(base="https://other"),
        cipher(auth="https://other"),
    ],
    ids=["client id", "client secret", "base URL", "OAuth URL"],
)
def test_what_another_application_encrypted_cannot_be_decrypted(other: TokenCipher) -> None:
    assert cipher().decrypt(other.encrypt(TOKEN)) is None


@pytest.mark.parametrize("damage", ["", "nonsense", "ü", "gAAAAA", '["a-token", null]'])
def test_a_broken_text_cannot_be_decrypted(damage: str) -> None:
    assert cipher().decrypt(damage) is None


def test_an_altered_text_cannot_be_decrypted() -> None:
    text = cipher().encrypt(TOKEN)
    middle = len(text) // 2
    assert (
        cipher().decrypt(text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]) is None
    )


@pytest.mark.parametrize(("left", "opens"), [(61, True), (59, False), (-1, False)])
def test_an_expired_token_counts_as_none(left: int, opens: bool) -> None:
    token = AppToken("a-token", NOW + timedelta(seconds=left))
    assert (cipher().decrypt(cipher().encrypt(token)) == token) is opens


def test_is_named_by_the_application_and_not_by_its_secret() -> None:
    assert cipher().name == cipher(client_secret="other").name
    assert (
        len({cipher().name, cipher(client_id="other").name, cipher(base="x").name, cipher(auth="x").name})
        == 4
    )
