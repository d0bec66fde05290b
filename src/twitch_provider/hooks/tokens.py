# SPDX-License-Identifier: Apache-2.0
"""Where tokens live: in this process, shared by all hooks of one application, masked in every log."""

from __future__ import annotations

import threading

from airflow.providers.common.compat.sdk import mask_secret

from twitch_provider.helix.token import AppToken


class ProcessTokens:
    """Keeps one application's token as long as the process lives; satisfies ``helix.token.TokenStore``."""

    def __init__(self) -> None:
        self._token: AppToken | None = None
        self._lock = threading.Lock()

    def load(self) -> AppToken | None:
        """Return the token to use, or None where a new one is needed."""
        return self._token

    def save(self, token: AppToken) -> None:
        """Keep a token that was just fetched, and mask it in this process's logs."""
        mask_secret(token.value)
        with self._lock:
            self._token = token

    def discard(self, token: AppToken) -> None:
        """Forget this token, which Twitch refused; another one that came meanwhile stays."""
        with self._lock:
            if self._token == token:
                self._token = None
