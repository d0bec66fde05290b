# SPDX-License-Identifier: Apache-2.0
"""The app access token and the credentials that buy one.

https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/#client-credentials-grant-flow
"""

from __future__ import annotations

from dataclasses import dataclass, field
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

    Its lifetime is not kept: Twitch asks applications to renew on 401 and not by the clock.
    https://dev.twitch.tv/docs/authentication/refresh-tokens/

    :param value: the token; never shown
    """

    value: str = field(repr=False)


class TokenStore(Protocol):
    """Where a token is kept between requests. The hooks decide how far it is shared."""

    def load(self) -> AppToken | None:
        """Return the token to use, or None where a new one is needed."""
        ...

    def save(self, token: AppToken) -> None:
        """Keep a token that was just fetched."""
        ...

    def discard(self, token: AppToken) -> None:
        """Forget this token, which Twitch refused; another one that came meanwhile stays."""
        ...
