# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from twitch_provider.helix.token import AppToken
from twitch_provider.hooks.tokens import ProcessTokens


def test_keeps_the_last_token() -> None:
    tokens = ProcessTokens()
    assert tokens.load() is None
    tokens.save(AppToken("one-token"))
    assert tokens.load() == AppToken("one-token")


def test_forgets_a_refused_token() -> None:
    tokens = ProcessTokens()
    tokens.save(AppToken("one-token"))
    tokens.discard(AppToken("one-token"))
    assert tokens.load() is None


def test_keeps_a_token_that_came_after_the_refused_one() -> None:
    tokens = ProcessTokens()
    tokens.save(AppToken("new-token"))
    tokens.discard(AppToken("old-token"))
    assert tokens.load() == AppToken("new-token")
