# SPDX-License-Identifier: Apache-2.0
"""The app access token, the credentials that buy one, and where it is kept.

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
    :param expires_at: aware UTC; None where Twitch does not say. It keeps a token that is over from being
        taken out of a cache, and nothing else: Twitch asks applications to renew on 401 and not by the clock.
        https://dev.twitch.tv/docs/authentication/refresh-tokens/
    """

    value: str = field(repr=False)
    expires_at: datetime | None = None


class TokenStore(Protocol):
    """Where one application's token is kept between requests, and who may fetch a new one.

    Two circles: the conversations of this process, and whatever shares a cache with it. ``held``, ``refuse``,
    ``claim``, ``release`` and ``unlock`` return at once. The others may block (a file, a database), so a
    conversation has its driver call them. None of them raises: a cache that fails is no cache.
    """

    def held(self) -> AppToken | None:
        """Return the token that this process holds, or None."""
        ...

    def recall(self) -> AppToken | None:
        """Return the token that this process holds, else the one of the cache, unless it was refused here."""
        ...

    def keep(self, token: AppToken) -> None:
        """Hold a token that was just fetched, and share it.

        :param token: the new one
        """
        ...

    def refuse(self, token: AppToken) -> None:
        """Never return this token again: Twitch refused it. Another one that came meanwhile stays.

        :param token: the refused one
        """
        ...

    def claim(self) -> bool:
        """Become the one conversation of this process that looks for a token; False where there is one."""
        ...

    def release(self) -> None:
        """Give that back."""
        ...

    def lock(self) -> bool:
        """Become the one process that fetches a token; False where there is one."""
        ...

    def unlock(self) -> None:
        """Give that back; nothing happens where it was not had."""
        ...
