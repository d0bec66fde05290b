# SPDX-License-Identifier: Apache-2.0
"""The token of one application: held by this process, shared through a cache, masked in every log."""

from __future__ import annotations

import threading
from typing import Protocol

from twitch_provider.compat import mask_secret
from twitch_provider.helix.token import AppToken


class TokenCache(Protocol):
    """Where processes leave a token for each other; :mod:`twitch_provider.hooks.caches` has them.

    All of it may block, none of it raises. One process uses it from one thread at a time, but for ``save``.
    """

    def load(self) -> AppToken | None:
        """Return the token that was left there, None where there is none that could be of use."""
        ...

    def save(self, token: AppToken) -> None:
        """Leave a token, in place of what was there.

        :param token: the new one
        """
        ...

    def lock(self) -> bool:
        """Keep other processes from fetching a token; False where one of them does."""
        ...

    def unlock(self) -> None:
        """Give the lock back, if it was had; returns at once."""
        ...


class SharedTokens:
    """A :class:`twitch_provider.helix.token.TokenStore`: all conversations of a process, and a cache.

    :param cache: what is shared with other processes
    """

    def __init__(self, cache: TokenCache) -> None:
        self._cache = cache
        self._token: AppToken | None = None
        # Kept as long as the process lives: the cache may still hold them, for another process to replace.
        self._refused: set[AppToken] = set()
        self._guard = threading.Lock()
        self._claim = threading.Lock()

    def held(self) -> AppToken | None:
        """Return the token that this process holds, or None."""
        return self._token

    def recall(self) -> AppToken | None:
        """Return the token that this process holds, else the one of the cache, unless it was refused here."""
        if self._token is not None:
            return self._token
        token = self._cache.load()
        if token is None or token in self._refused:
            return None
        self._hold(token)
        return token

    def keep(self, token: AppToken) -> None:
        """Hold a token that was just fetched, and share it.

        :param token: the new one
        """
        self._hold(token)
        self._cache.save(token)

    def refuse(self, token: AppToken) -> None:
        """Never return this token again: Twitch refused it. Another one that came meanwhile stays.

        :param token: the refused one
        """
        with self._guard:
            self._refused.add(token)
            if self._token == token:
                self._token = None

    def claim(self) -> bool:
        """Become the one conversation of this process that looks for a token; False where there is one."""
        return self._claim.acquire(blocking=False)

    def release(self) -> None:
        """Give that back."""
        self._claim.release()

    def lock(self) -> bool:
        """Become the one process that fetches a token; False where there is one."""
        return self._cache.lock()

    def unlock(self) -> None:
        """Give that back; nothing happens where it was not had."""
        self._cache.unlock()

    def _hold(self, token: AppToken) -> None:
        mask_secret(token.value)
        with self._guard:
            self._token = token
