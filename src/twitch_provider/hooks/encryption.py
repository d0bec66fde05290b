# SPDX-License-Identifier: Apache-2.0
"""Encryption of a cached token: only the client secret can read it, or can have written it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken

from twitch_provider.helix.token import AppToken, Credentials

#: A token that expires sooner than this is not worth using.
_LEAST_LIFETIME = timedelta(minutes=1)


def _now() -> datetime:
    return datetime.now(UTC)


class TokenCipher:
    """Encrypts and authenticates the token of one application.

    What was encrypted for another client id, secret or host cannot be decrypted, nor can what was altered. So
    a foreign entry counts as broken, and once the secret is changed no old token can be read.

    :param credentials: of the application
    :param base_url: of Helix
    :param auth_url: of OAuth
    :param now: the present instant, aware UTC
    """

    def __init__(
        self, credentials: Credentials, base_url: str, auth_url: str, *, now: Callable[[], datetime] = _now
    ) -> None:
        application = "\0".join((credentials.client_id, base_url, auth_url)).encode()
        #: Identifies the application without its secret: a new secret overwrites the old one's entry.
        self.name = hashlib.sha256(application).hexdigest()[:32]
        key = hmac.digest(
            credentials.client_secret.encode(), b"airflow-provider-twitch\0" + application, "sha256"
        )
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self._now = now

    def encrypt(self, token: AppToken) -> str:
        """Encrypt a token.

        :returns: ASCII text
        """
        expiry = None if token.expires_at is None else token.expires_at.isoformat()
        return self._fernet.encrypt(json.dumps([token.value, expiry]).encode()).decode()

    def decrypt(self, text: str) -> AppToken | None:
        """Decrypt a token.

        :returns: None where the text is not ours, was altered, or the token has expired
        """
        try:
            value, expiry = json.loads(self._fernet.decrypt(text.encode()))
            token = AppToken(str(value), None if expiry is None else datetime.fromisoformat(expiry))
            expired = token.expires_at is not None and token.expires_at - self._now() < _LEAST_LIFETIME
        except (InvalidToken, ValueError, TypeError):
            return None
        return None if expired else token
