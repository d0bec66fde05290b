# SPDX-License-Identifier: Apache-2.0
"""One request to Twitch is a conversation, written once for every transport.

Sign it, perhaps wait for a point of the rate limit, send it, read the answer, perhaps renew the token or back
off, and send again. The generators here yield what to do (``Send``, ``Sleep``, ``Call``), are sent the
result, and return the answer. They use no socket, no clock of their own and no log.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from twitch_provider.exceptions import TwitchAuthError, TwitchError, TwitchParameterError, TwitchResponseError
from twitch_provider.helix.answers import Envelope, Reader, Validation, read_page, read_validation
from twitch_provider.helix.messages import Params, Request
from twitch_provider.helix.renewal import get_token
from twitch_provider.helix.retry import RetryState
from twitch_provider.helix.session import Session, Steps
from twitch_provider.helix.token import AppToken

T = TypeVar("T")


def converse(session: Session, request: Request, read: Reader[T], *, scheme: str = "Bearer") -> Steps[T]:
    """Send a request, again where that helps, until there is an answer.

    :param session: what all conversations of the application share
    :param request: unsigned, below ``session.base_url`` (or below ``auth_url``, which costs no point)
    :param read: turns the reply into the result, or raises one of our errors
    :param scheme: of the Authorization header
    :returns: what ``read`` returned
    :raises TwitchParameterError: the request would carry the token to another host
    :raises TwitchError: what ``read`` raised, where a retry does not help or all retries are used up
    """
    metered = request.url.startswith(f"{session.base_url}/")
    if not metered and not request.url.startswith(f"{session.auth_url}/"):
        raise TwitchParameterError(
            f"connection {session.name} sends requests only to {session.base_url}, "
            f"not to {request.url!r:.100}",
            parameter="url",
        )
    retry: RetryState | None = None
    new_token = False
    while True:
        token, fetched = yield from get_token(session)
        new_token = new_token or fetched
        if metered:
            yield from session.take_point()
        signed = _signed(session, request, scheme, token)
        reply = yield from session.send(signed, metered=metered)
        try:
            return read(signed, reply)
        except TwitchError as error:
            retry = retry or _retries(session, request)
            renew = session.may_renew
            yield from session.wait_to_retry(retry, error, new_token=new_token, renew=renew)
            # Only on a retry: where the endpoint does not accept app tokens, the token is good for others.
            if isinstance(error, TwitchAuthError) and renew:
                session.tokens.refuse(token)


def request_page(session: Session, path: str, params: Params) -> Steps[Envelope]:
    """Request one page of a list.

    :param session: what all conversations of the application share
    :param path: of the endpoint
    :param params: checked ones
    """
    return converse(session, Request("GET", f"{session.base_url}/{path}", params, endpoint=path), read_page)


def validate(session: Session) -> Steps[Validation]:
    """Ask Twitch whose token this is and how long it lives.

    https://dev.twitch.tv/docs/authentication/validate-tokens/

    :raises TwitchAuthError: client id or secret are wrong
    :raises TwitchResponseError: the answer names another client id
    """
    request = Request("GET", f"{session.auth_url}/validate", endpoint="oauth2/validate")
    found = yield from converse(session, request, read_validation, scheme="OAuth")
    if found.client_id != session.credentials.client_id:
        # Do not repeat the answer: it could be anything, our token included.
        raise TwitchResponseError(f"{request}: the answer names another client id; check the auth_url")
    return found


def _retries(session: Session, request: Request) -> RetryState:
    return RetryState(
        session.random,
        repeatable=request.method in {"GET", "HEAD"},
        paged=any(name in {"after", "before"} for name, _ in request.params),
        max_wait=session.max_wait,
    )


def _signed(session: Session, request: Request, scheme: str, token: AppToken) -> Request:
    others = {name: value for name, value in request.headers.items() if name.lower() not in _OURS}
    ours = {"Client-Id": session.credentials.client_id, "Authorization": f"{scheme} {token.value}"}
    secrets = (token.value, session.credentials.client_secret)
    return replace(request, headers=others | ours, secrets=secrets)


_OURS = {"client-id", "authorization", "cookie"}
