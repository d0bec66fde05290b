# SPDX-License-Identifier: Apache-2.0
"""One request to Twitch is a conversation, written once for every transport.

Sign it, perhaps wait for a point, send, look at the answer, perhaps fetch a token and send again, perhaps
back off. The generators here yield what to do (``Send``, ``Sleep``, ``Call``), are sent what came back, and
return the answer once it is understood. They touch no socket, no clock of their own and no log.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from twitch_provider.exceptions import TwitchAuthError, TwitchError, TwitchParameterError, TwitchResponseError
from twitch_provider.helix.answers import Reader, Validation, read_validation
from twitch_provider.helix.messages import Request
from twitch_provider.helix.renewal import obtain
from twitch_provider.helix.retry import RetryState
from twitch_provider.helix.session import Session, Steps
from twitch_provider.helix.token import AppToken

T = TypeVar("T")


def converse(session: Session, request: Request, read: Reader[T], *, scheme: str = "Bearer") -> Steps[T]:
    """Ask until there is an answer.

    :param session: what all conversations of the application share
    :param request: unsigned, below ``session.base_url`` (or below ``auth_url``, which costs no point)
    :param read: turns the reply into what is wanted, or raises one of our errors
    :param scheme: of the Authorization header
    :returns: what ``read`` made of the answer
    :raises TwitchParameterError: the request would carry the token to another host
    :raises TwitchError: what ``read`` raised, where no retry helps or once patience has run out
    """
    metered = request.url.startswith(f"{session.base_url}/")
    if not metered and not request.url.startswith(f"{session.auth_url}/"):
        raise TwitchParameterError(
            f"connection {session.name} speaks only to {session.base_url}, not to {request.url!r:.100}",
            parameter="url",
        )
    patience = RetryState(
        session.random,
        repeatable=request.method in {"GET", "HEAD"},
        paged=any(name in {"after", "before"} for name, _ in request.params),
        budget=session.budget,
    )
    fresh = False
    while True:
        token, fetched = yield from obtain(session)
        fresh = fresh or fetched
        if metered:
            yield from session.take_point()
        signed = _signed(session, request, scheme, token)
        reply = yield from session.send(signed, metered=metered)
        try:
            return read(signed, reply)
        except TwitchError as error:
            yield from session.persist(patience, error, fresh=fresh)
            # Only where it is replaced: if the endpoint is not for app tokens, the token is good for others.
            if isinstance(error, TwitchAuthError):
                session.tokens.refuse(token)


def validate(session: Session) -> Steps[Validation]:
    """Ask Twitch whose token this is and how long it lives.

    https://dev.twitch.tv/docs/authentication/validate-tokens/

    :param session: what all conversations of the application share
    :raises TwitchAuthError: client id or secret are wrong
    :raises TwitchResponseError: it is said to be somebody else's
    """
    request = Request("GET", f"{session.auth_url}/validate", endpoint="oauth2/validate")
    found = yield from converse(session, request, read_validation, scheme="OAuth")
    if found.client_id != session.credentials.client_id:
        # Not what it said: that could be anything, our token among it.
        raise TwitchResponseError(
            f"{request}: the token is said to belong to another client id; check the auth_url"
        )
    return found


def _signed(session: Session, request: Request, scheme: str, token: AppToken) -> Request:
    theirs = {name: value for name, value in request.headers.items() if name.lower() not in _OURS}
    ours = {"Client-Id": session.credentials.client_id, "Authorization": f"{scheme} {token.value}"}
    secrets = (token.value, session.credentials.client_secret)
    return replace(request, headers=theirs | ours, secrets=secrets)


_OURS = {"client-id", "authorization", "cookie"}
