# SPDX-License-Identifier: Apache-2.0
"""The app access token, the credentials that it is fetched with, and where it is kept.

https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/#client-credentials-grant-flow
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Credentials:
    """What identifies the application.

    :param client_id: the connection's login; public
    :param client_secret: the connection's password; never shown
    """

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class AppToken:
    """An app access token. It cannot be refreshed, only replaced.

    :param value: the token; never shown
    :param expires_at: aware UTC; None where Twitch does not say. It only keeps an expired token from being
        read from a cache: Twitch asks applications to renew on 401 and not by the clock.
        https://dev.twitch.tv/docs/authentication/refresh-tokens/
    """

    value: str = field(repr=False)
    expires_at: datetime | None = None


class TokenStore(Protocol):
    """Where one application's token is kept between requests, and who may fetch a new one.

    It has two scopes: the conversations of this process (claim), and all processes that share its cache
    (lock). ``held``, ``refuse``, ``claim``, ``release`` and ``unlock`` return at once. The others may block
    (a file, a database), so a conversation has its driver call them. None of them raises: a cache that fails
    counts as empty.
    """

    def held(self) -> AppToken | None:
        """Return the token that this process holds, or None."""
        ...

    def recall(self) -> AppToken | None:
        """Return the token that this process holds, else the cached one, unless Twitch refused it here."""
        ...

    def keep(self, token: AppToken) -> None:
        """Hold a token that was just fetched, and cache it."""
        ...

    def refuse(self, token: AppToken) -> None:
        """Never return this token again: Twitch refused it. A newer one is kept."""
        ...

    def claim(self) -> bool:
        """Claim the search for a token in this process; False where another conversation has the claim."""
        ...

    def release(self) -> None:
        """Release the claim."""
        ...

    def lock(self) -> bool:
        """Lock the fetching of a token; False where another process has the lock."""
        ...

    def unlock(self) -> None:
        """Release the lock, if this process has it."""
        ...
