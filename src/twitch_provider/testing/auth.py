# SPDX-License-Identifier: Apache-2.0
"""What id.twitch.tv serves: ``token``, ``validate``, ``revoke``, with its real errors.

https://dev.twitch.tv/docs/authentication
"""

from __future__ import annotations

import hmac
import secrets
import string
from dataclasses import dataclass, field

from twitch_provider.testing.answers import Answer, RefusedError, Request, auth_error, helix_error

#: Of Twitch's own example, about 58 days: https://dev.twitch.tv/docs/authentication/getting-tokens-oauth
LIFETIME = 5_011_271

_ALPHABET = string.ascii_lowercase + string.digits


@dataclass
class Tokens:
    """The valid tokens of the one client that the simulator knows. Time is an argument, in epoch seconds.

    :param lifetime: seconds until a token expires
    :param most: how many may be valid at once, one more revokes the oldest; None for no cap. (Twitch
        documents 50 for user tokens; for app tokens it is only reported.)
    """

    lifetime: int = LIFETIME
    most: int | None = None
    minted: int = field(default=0, init=False)
    _expires: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    def mint(self, now: float) -> str:
        """Return a new token; earlier ones stay valid, up to the cap."""
        token = "".join(secrets.choice(_ALPHABET) for _ in range(30))
        self._expires[token] = now + self.lifetime
        self.minted += 1
        while self.most is not None and len(self._expires) > self.most:
            del self._expires[next(iter(self._expires))]
        return token

    def expires_in(self, token: str, now: float) -> int | None:
        """Seconds until a token expires; None if it is not valid."""
        left = int(self._expires.get(token, now) - now)
        return left if left > 0 else None

    def revoke(self, token: str) -> bool:
        """Revoke one token; False if it is not known."""
        return self._expires.pop(token, None) is not None

    def revoke_all(self) -> None:
        """Revoke every token now, as Twitch may do at any time."""
        self._expires.clear()


@dataclass
class Auth:
    """The one client that the simulator knows, and its tokens."""

    client_id: str
    client_secret: str = field(repr=False)
    tokens: Tokens

    def token(self, request: Request, now: float) -> Answer:
        """``POST token``: a form body only; Twitch reads no HTTP Basic."""
        form = request.form
        for name in ("client_id", "client_secret", "grant_type"):
            if not form.get(name):
                return auth_error(400, f"missing {name.replace('_', ' ')}")
        if form["grant_type"] != "client_credentials":
            return auth_error(400, "invalid grant type")
        if form["client_id"] != self.client_id:
            return auth_error(400, "invalid client")
        if not hmac.compare_digest(form["client_secret"].encode(), self.client_secret.encode()):
            return auth_error(403, "invalid client secret")
        token = self.tokens.mint(now)
        return Answer(
            payload={"access_token": token, "expires_in": self.tokens.lifetime, "token_type": "bearer"}
        )

    def validate(self, request: Request, now: float) -> Answer:
        """``GET validate``: whose token it is; an app token has no user and no scopes."""
        scheme, token = _credentials(request)
        left = self.tokens.expires_in(token, now) if scheme in {"oauth", "bearer"} else None
        if left is None:
            return auth_error(401, "invalid access token")
        return Answer(payload={"client_id": self.client_id, "scopes": [], "expires_in": left})

    def revoke(self, request: Request) -> Answer:
        """``POST revoke``: an empty 200 after the token was valid."""
        if not request.form.get("client_id"):
            return auth_error(400, "missing client id")
        if request.form["client_id"] != self.client_id:
            return auth_error(404, "client does not exist")
        if not self.tokens.revoke(request.form.get("token", "")):
            return auth_error(400, "Invalid token")
        return Answer(text="")

    def admit(self, request: Request, now: float) -> None:
        """Check the credentials of a Helix request; there are three kinds of 401.

        https://dev.twitch.tv/docs/api/reference: header missing, token invalid, wrong ``Client-Id``.

        :raises RefusedError: with the response
        """
        scheme, token = _credentials(request)
        if scheme != "bearer" or not token:
            raise RefusedError(helix_error(401, "OAuth token is missing"))
        if self.tokens.expires_in(token, now) is None:
            raise RefusedError(helix_error(401, "Invalid OAuth token"))
        if request.headers.get("client-id") != self.client_id:
            raise RefusedError(helix_error(401, "Client ID and OAuth token do not match"))

    def knows(self, request: Request, now: float) -> bool:
        """Whether a request carries a valid token, whatever else is wrong with it."""
        return self.tokens.expires_in(_credentials(request)[1], now) is not None


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), token.strip()
