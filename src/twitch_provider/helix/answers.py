# SPDX-License-Identifier: Apache-2.0
"""From a reply to its result: each function here returns what was asked for, or raises one of our errors.

They decide by the status and the shape, never by Twitch's wording: applications "should not take
dependencies on message strings". https://dev.twitch.tv/docs/api/guide#api-errors
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote_plus

from twitch_provider.exceptions import (
    TwitchAPIError,
    TwitchAuthError,
    TwitchConfigError,
    TwitchConnectionError,
    TwitchError,
    TwitchNotFoundError,
    TwitchRateLimitError,
    TwitchRequestError,
    TwitchResponseError,
    TwitchServerError,
)
from twitch_provider.helix.messages import Failure, Reply, Request, Response, plain
from twitch_provider.helix.token import AppToken

T = TypeVar("T")

#: Turns the reply to a request into its result, or raises a :class:`TwitchError`.
Reader = Callable[[Request, Reply], T]


@dataclass(frozen=True)
class Envelope:
    """The decoded answer of a list endpoint.

    :param response: as received
    :param rows: ``data``
    :param cursor: of the next page; None at the end of the list
    :param total: None where the endpoint sends none
    """

    response: Response
    rows: list[Any]
    cursor: str | None
    total: int | None


@dataclass(frozen=True)
class Validation:
    """What Twitch says about a token.

    :param client_id: of the application that it was issued to
    :param expires_in: seconds until it expires; None where Twitch does not say
    """

    client_id: str
    expires_in: int | None


def read_response(request: Request, reply: Reply) -> Response:
    """Return any answer of Helix that is not an error.

    :raises TwitchError: the answer is incomplete, an error, a redirect or a web page
    """
    response = _received(request, reply)
    status = response.status
    if 200 <= status < 300:
        if "html" in response.headers.get("content-type", ""):
            raise TwitchResponseError(f"{request}: the answer is a web page; try later")
        return response
    if not 400 <= status < 600:
        raise TwitchResponseError(
            f"{request}: Twitch's API never answers with status {status}; check the host"
        )
    raise _refusal(request, response, status)


def _refusal(request: Request, response: Response, status: int) -> TwitchError:
    detail = _detail(request, response)
    said = f"{status}: {detail}" if detail else str(status)
    if status == HTTPStatus.UNAUTHORIZED:
        return TwitchAuthError(
            f"{request}: Twitch refuses the token ({said}); check the client id and secret, and that "
            f"this endpoint accepts app tokens"
        )
    kind, advice = _KINDS.get(status) or _KINDS[status // 100]
    return kind(
        f"{request}: Twitch answered {said}; {advice}",
        status=status,
        endpoint=request.endpoint,
        detail=detail,
        rate_limit=response.rate_limit,
    )


def _stated(body: dict[str, Any]) -> int | None:
    """Find an error status that only the body has.

    Twitch's own mock server answers some errors with status 200.
    https://github.com/twitchdev/twitch-cli/tree/main/internal/mock_auth
    """
    status = body.get("status")
    return status if isinstance(status, int) and 400 <= status < 600 else None


_KINDS: dict[int, tuple[type[TwitchAPIError], str]] = {
    4: (TwitchRequestError, "correct the request"),
    408: (TwitchServerError, "try later"),
    425: (TwitchServerError, "try later"),
    404: (TwitchNotFoundError, "check that the ids and the endpoint exist"),
    429: (TwitchRateLimitError, "send fewer requests with this client id, or spread them out"),
    5: (TwitchServerError, "try later, and see https://status.twitch.com"),
}


def read_page(request: Request, reply: Reply) -> Envelope:
    """Decode a page of a list endpoint.

    :raises TwitchError: as :func:`read_response`, and for a body without a list of rows
    """
    response = read_response(request, reply)
    body = _object(request, response)
    rows = body.get("data")
    if not rows and (status := _stated(body)):
        raise _refusal(request, response, status)
    if not isinstance(rows, list):
        raise TwitchResponseError(f"{request}: data must be a list of rows, not {_kind(rows)}; try later")
    total = body.get("total")
    return Envelope(
        response, rows, _cursor(request, body.get("pagination")), total if type(total) is int else None
    )


def _cursor(request: Request, pagination: Any) -> str | None:
    """Find the cursor; ``{}``, ``null``, ``""`` or no ``pagination`` ends the list.

    https://dev.twitch.tv/docs/api/guide#pagination
    """
    cursor = pagination.get("cursor") if isinstance(pagination, dict) else pagination or None
    if cursor is None or cursor == "":
        return None
    if not isinstance(cursor, str):
        # To take it for the end would be to lose the rest of the list silently.
        raise TwitchResponseError(f"{request}: the cursor must be text, not {_kind(cursor)}; try later")
    return cursor


def read_token(request: Request, reply: Reply) -> AppToken:
    """Return the app token from the token endpoint's answer.

    :raises TwitchAuthError: Twitch refuses client id or secret (400 or 403 here)
    :raises TwitchConfigError: the endpoint does not exist
    :raises TwitchError: the answer is incomplete or has no token
    """
    response = _received(request, reply)
    if response.status in _REFUSALS:
        raise _no_token(request, response, response.status)
    if response.status == HTTPStatus.NOT_FOUND:
        raise TwitchConfigError(f"{request}: {request.host} has no token endpoint; check the auth_url")
    response = read_response(request, reply)
    body = _object(request, response)
    value = body.get("access_token")
    # It is sent in a header, which must not have blanks, line breaks or anything but ASCII.
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
        if (status := _stated(body)) in _REFUSALS:
            raise _no_token(request, response, status)
        raise TwitchResponseError(f"{request}: the answer has no access_token; check the auth_url")
    return AppToken(value, _expiry(response, body.get("expires_in")))


def _expiry(response: Response, expires_in: Any) -> datetime | None:
    """When a token expires; old client ids get no ``expires_in``."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return None
    try:
        return response.received_at + timedelta(seconds=expires_in)
    except (OverflowError, ValueError):
        return None


def _no_token(request: Request, response: Response, status: int | None) -> TwitchAuthError:
    return TwitchAuthError(
        f"Twitch refuses to issue an app token: {_detail(request, response) or status}; check the "
        f"connection's client id (login) and client secret (password)"
    )


_REFUSALS: set[int | None] = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


def read_validation(request: Request, reply: Reply) -> Validation:
    """Decode the answer of the validate endpoint.

    :raises TwitchError: the token is refused, or the answer is not that of a validate endpoint
    """
    body = _object(request, read_response(request, reply))
    client_id, expires_in = body.get("client_id"), body.get("expires_in")
    if not isinstance(client_id, str):
        raise TwitchResponseError(f"{request}: the answer has no client_id; check the auth_url")
    known = isinstance(expires_in, int) and not isinstance(expires_in, bool) and 0 <= expires_in < 10**10
    return Validation(client_id, expires_in if known else None)


def _received(request: Request, reply: Reply) -> Response:
    if isinstance(reply, Failure):
        raise TwitchConnectionError(
            f"{request}: no answer from {request.host}: {reply.reason}; check the network and the host"
        )
    return reply


def _object(request: Request, response: Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise TwitchResponseError(
            f"{request}: the answer ({len(response.body)} bytes) is not a JSON object; try later"
        )
    return body


def _detail(request: Request, response: Response) -> str:
    """Twitch's own message, shortened. The body of an error may be empty, or a gateway's."""
    try:
        body = response.json()
    except ValueError:
        return ""
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, str):
        return ""
    # A gateway may echo the request. Mask before shortening: half a secret would not be found.
    for secret in request.secrets:
        message = message.replace(secret, "***").replace(quote_plus(secret), "***")
    return plain(" ".join(message.split()), 200).rstrip(".")


def _kind(value: Any) -> str:
    """Name the type of a JSON value, whose content may be a secret."""
    return "null" if value is None else type(value).__name__
