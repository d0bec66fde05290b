# SPDX-License-Identifier: Apache-2.0
"""The app token of one application: held by this process, shared through a cache, masked in logs."""

from __future__ import annotations

import threading

from twitch_provider.compat import mask_secret
from twitch_provider.helix.token import AppToken
from twitch_provider.hooks.caches import TokenCache


class SharedTokens:
    """A :class:`twitch_provider.helix.token.TokenStore` for all conversations of a process, and a cache.

    :param cache: shared with other processes
    """

    def __init__(self, cache: TokenCache) -> None:
        self._cache = cache
        self._token: AppToken | None = None
        # Never forgotten: the cache may hold them until another process replaces them.
        self._refused: set[AppToken] = set()
        self._guard = threading.Lock()
        self._claim = threading.Lock()

    def held(self) -> AppToken | None:
        """Return the token that this process holds, or None."""
        return self._token

    def recall(self) -> AppToken | None:
        """Return the token that this process holds, else the cached one, unless Twitch refused it here."""
        if self._token is not None:
            return self._token
        token = self._cache.load()
        if token is None or token in self._refused:
            return None
        self._hold(token)
        return token

    def keep(self, token: AppToken) -> None:
        """Hold a token that was just fetched, and cache it."""
        self._hold(token)
        self._cache.save(token)

    def refuse(self, token: AppToken) -> None:
        """Never return this token again: Twitch refused it. A newer one is kept."""
        with self._guard:
            self._refused.add(token)
            if self._token == token:
                self._token = None

    def claim(self) -> bool:
        """Claim the search for a token in this process; False where another conversation has the claim."""
        return self._claim.acquire(blocking=False)

    def release(self) -> None:
        """Release the claim."""
        self._claim.release()

    def lock(self) -> bool:
        """Lock the fetching of a token; False where another process has the lock."""
        return self._cache.lock()

    def unlock(self) -> None:
        """Release the lock, if this process has it."""
        self._cache.unlock()

    def _hold(self, token: AppToken) -> None:
        mask_secret(token.value)
        with self._guard:
            self._token = token
