# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from twitch_provider.helix.token import AppToken
from twitch_provider.hooks.caches import TokenCache
from twitch_provider.hooks.tokens import SharedTokens

OLD, NEW = AppToken("old-token"), AppToken("new-token")


class Cache(TokenCache):
    """What other processes see."""

    def __init__(self, token: AppToken | None = None) -> None:
        self.token = token

    def load(self) -> AppToken | None:
        return self.token

    def save(self, token: AppToken) -> None:
        self.token = token


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    masked: list[Any] = []
    monkeypatch.setattr("twitch_provider.hooks.tokens.mask_secret", masked.append)
    return masked


def test_holds_shares_and_masks_the_last_token(masked: list[Any]) -> None:
    cache = Cache()
    tokens = SharedTokens(cache)
    assert (tokens.held(), tokens.recall()) == (None, None)
    tokens.keep(NEW)
    assert tokens.held() == tokens.recall() == cache.token == NEW
    assert masked == ["new-token"]


def test_takes_over_and_masks_what_another_process_left(masked: list[Any]) -> None:
    tokens = SharedTokens(Cache(NEW))
    assert tokens.held() is None
    assert tokens.recall() == tokens.held() == NEW
    assert masked == ["new-token"]


def test_never_uses_a_refused_token_of_the_cache_again() -> None:
    cache = Cache(OLD)
    tokens = SharedTokens(cache)
    tokens.recall()
    tokens.refuse(OLD)
    assert (tokens.held(), tokens.recall()) == (None, None)
    cache.token = NEW
    assert tokens.recall() == NEW


def test_keeps_a_token_that_came_after_the_refused_one() -> None:
    tokens = SharedTokens(TokenCache())
    tokens.keep(NEW)
    tokens.refuse(OLD)
    assert tokens.held() == NEW


def test_only_one_conversation_has_the_claim() -> None:
    tokens = SharedTokens(TokenCache())
    assert [tokens.claim(), tokens.claim()] == [True, False]
    tokens.release()
    assert tokens.claim()
