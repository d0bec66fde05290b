# SPDX-License-Identifier: Apache-2.0
"""From a reply to its result: each function here returns what was asked for, or raises one of our errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, TypeVar

from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConfigError,
    TwitchConnectionError,
    TwitchResponseError,
    TwitchSecretError,
)
from twitch_provider.helix.messages import Failure, Reply, Request, Response
from twitch_provider.helix.refusals import detail_of, refusal, said_by_twitch, stated_status
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
    raise refusal(request, response)


def read_found(request: Request, reply: Reply) -> Response:
    """Return an answer that has all of what was asked for: with status 202 or 206, for example, it may not.

    :raises TwitchError: as :func:`read_response`, and for any other status than 200
    """
    response = read_response(request, reply)
    if response.status != HTTPStatus.OK:
        raise TwitchResponseError(
            f"{request}: Twitch answers this with status 200, not {response.status}; try later"
        )
    return response


def read_page(request: Request, reply: Reply) -> Envelope:
    """Decode a page of a list endpoint.

    :raises TwitchError: as :func:`read_found`, for a body without a list of rows, and for an error in it
    """
    response = read_found(request, reply)
    body = _object(request, response)
    if status := stated_status(body):
        raise refusal(request, response, status)
    rows = body.get("data")
    # No list of Helix has these.
    if any(body.get(name) for name in _ERROR_FIELDS) or (not rows and not _went_well(body)):
        raise TwitchResponseError(f"{request}: the answer has status 200 and an error in it; try later")
    if not isinstance(rows, list):
        raise TwitchResponseError(f"{request}: data must be a list of rows, not {_kind(rows)}; try later")
    total = body.get("total")
    return Envelope(
        response, rows, _cursor(request, body.get("pagination")), total if type(total) is int else None
    )


#: Where others say what went wrong.
_ERROR_FIELDS = ("error", "errors", "message")


def _went_well(body: dict[str, Any]) -> bool:
    """Whether nothing beside an empty list says that it is empty because of an error."""
    return body.get("status") in (None, 200, "200") and body.get("success", True) is not False


def _cursor(request: Request, pagination: Any) -> str | None:
    """Find the cursor; an empty object, an empty cursor, ``null`` or no ``pagination`` ends the list.

    To take anything else for the end would be to lose the rest of the list silently.
    https://dev.twitch.tv/docs/api/guide#pagination
    """
    if pagination is None:
        return None
    if not isinstance(pagination, dict):
        raise TwitchResponseError(
            f"{request}: pagination must be an object, not {_kind(pagination)}; try later"
        )
    cursor = pagination.get("cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise TwitchResponseError(f"{request}: the cursor must be text, not {_kind(cursor)}; try later")
    return cursor or None


def read_token(request: Request, reply: Reply) -> AppToken:
    """Return the app token from the token endpoint's answer.

    :raises TwitchAuthError: Twitch refuses the client id (400 here)
    :raises TwitchSecretError: it refuses the client secret (403 here)
    :raises TwitchConfigError: the endpoint does not exist
    :raises TwitchError: the answer is incomplete or has no token
    """
    response = _received(request, reply)
    if said_by_twitch(request, response, *_REFUSALS):
        refused = said_by_twitch(request, response, HTTPStatus.FORBIDDEN)
        raise (TwitchSecretError if refused else TwitchAuthError)(
            f"Twitch refuses to issue an app token: {detail_of(request, response) or response.status}; check "
            f"the connection's client id (login) and client secret (password)"
        )
    if said_by_twitch(request, response, HTTPStatus.NOT_FOUND):
        raise TwitchConfigError(f"{request}: {request.host} has no token endpoint; check the auth_url")
    response = read_found(request, reply)
    value = _object(request, response).get("access_token")
    # It is sent in a header, which must not have blanks, line breaks or anything but ASCII.
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
        raise TwitchResponseError(f"{request}: the answer has no access_token; check the auth_url")
    return AppToken(value, _expiry(response, _object(request, response).get("expires_in")))


def _expiry(response: Response, expires_in: Any) -> datetime | None:
    """When a token expires; old client ids get no ``expires_in``."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return None
    try:
        return response.received_at + timedelta(seconds=expires_in)
    except (OverflowError, ValueError):
        return None


#: How the token endpoint refuses credentials.
_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def read_validation(request: Request, reply: Reply) -> Validation:
    """Decode the answer of the validate endpoint.

    :raises TwitchError: the token is refused, or the answer is not that of a validate endpoint
    """
    body = _object(request, read_found(request, reply))
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


def _kind(value: Any) -> str:
    """Name the type of a JSON value, whose content may be a secret."""
    return "null" if value is None else type(value).__name__
