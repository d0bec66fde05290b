# SPDX-License-Identifier: Apache-2.0
"""App access tokens as the server keeps them: minted, valid for a while, revoked."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field

#: What Twitch's own example says: about 58 days. https://dev.twitch.tv/docs/authentication/getting-tokens-oauth
LIFETIME = 5_011_271

_ALPHABET = string.ascii_lowercase + string.digits


@dataclass
class Tokens:
    """The valid tokens of the one client that the simulator knows; time is the world's, in epoch seconds.

    :param lifetime: seconds until a token expires
    :param most: how many may be valid at once, the oldest dies first; None for no such cap. (Twitch
        documents 50 for user tokens; of app tokens it is only reported.)
    """

    lifetime: int = LIFETIME
    most: int | None = None
    minted: int = field(default=0, init=False)
    _expires: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    def mint(self, now: float) -> str:
        """A new token; earlier ones stay valid, up to the cap."""
        token = "".join(secrets.choice(_ALPHABET) for _ in range(30))
        self._expires[token] = now + self.lifetime
        self.minted += 1
        while self.most is not None and len(self._expires) > self.most:
            del self._expires[next(iter(self._expires))]
        return token

    def expires_in(self, token: str, now: float) -> int | None:
        """Seconds that a token has left; None where it is not valid."""
        left = int(self._expires.get(token, now) - now)
        return left if left > 0 else None

    def revoke(self, token: str) -> bool:
        """End one token; False where there was none."""
        return self._expires.pop(token, None) is not None

    def revoke_all(self) -> None:
        """End every token now, as Twitch may do for reasons of its own."""
        self._expires.clear()
