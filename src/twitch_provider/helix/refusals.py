# SPDX-License-Identifier: Apache-2.0
"""From an error answer to one of our errors: whether Twitch said it, and what to do about it.

They decide by the status and the shape, never by Twitch's wording: applications "should not take
dependencies on message strings". https://dev.twitch.tv/docs/api/guide#api-errors
"""

from __future__ import annotations

import re
from collections import Counter
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus

from twitch_provider.exceptions import (
    TwitchAPIError,
    TwitchAuthError,
    TwitchError,
    TwitchNotFoundError,
    TwitchRateLimitError,
    TwitchRequestError,
    TwitchResponseError,
    TwitchServerError,
    plain,
)
from twitch_provider.helix.messages import Request, Response

_KINDS: dict[int, tuple[type[TwitchAPIError], str]] = {
    4: (TwitchRequestError, "correct the request"),
    408: (TwitchServerError, "try later"),
    425: (TwitchServerError, "try later"),
    404: (TwitchNotFoundError, "check that the ids and the endpoint exist"),
    429: (TwitchRateLimitError, "send fewer requests with this client id, or spread them out"),
    5: (TwitchServerError, "try later, and see https://status.twitch.com"),
}

#: Retried in any form, from Twitch or from a proxy.
_TRANSIENT = {408, 425, 429}

#: Of Helix's errors.
_FIELDS = frozenset({"error", "status", "message"})

#: What logins and ids of Twitch look like, by the end of a parameter's name; those of clips are words.
_FORMS = {"login": re.compile(r"\w{1,25}", re.ASCII), "id": re.compile(r"[0-9]+")}


def refusal(request: Request, response: Response, status: int | None = None) -> TwitchError:
    """Return the error that an error answer stands for.

    A 4xx that does not have the form of Twitch's errors comes from a proxy, an edge or another server: it
    says nothing about the request or the credentials, and may not come at the next try.

    :param request: that was answered
    :param response: the answer
    :param status: of the error, where only the body states it
    """
    status = response.status if status is None else status
    if (
        status < HTTPStatus.INTERNAL_SERVER_ERROR
        and status not in _TRANSIENT
        and not said_by_twitch(request, response, status)
    ):
        return TwitchResponseError(
            f"{request}: status {status} without an error message of Twitch, as from a proxy or another "
            f"server; try later, or check that the base URL ({request.host}) is Twitch's"
        )
    detail = detail_of(request, response)
    said = f"{status}: {detail}" if detail else str(status)
    if status == HTTPStatus.UNAUTHORIZED:
        return TwitchAuthError(
            f"{request}: Twitch refuses the token ({said}); check the client id and secret, and that "
            f"this endpoint accepts app tokens"
        )
    kind, advice = _KINDS.get(status) or _KINDS[status // 100]
    if status == HTTPStatus.BAD_REQUEST:
        advice += suspects(request, detail)
    return kind(
        f"{request}: Twitch answered {said}; {advice}",
        status=status,
        endpoint=request.endpoint,
        detail=detail,
        rate_limit=response.rate_limit,
    )


def said_by_twitch(request: Request, response: Response, *statuses: int) -> bool:
    """Whether an answer is an error in Twitch's form: ``{"error": …, "status": …, "message": …}``.

    That of id.twitch.tv has no ``error``. https://dev.twitch.tv/docs/api/guide#api-errors

    :param request: that was answered
    :param response: any answer
    :param statuses: of the errors that are meant
    """
    body = _json(response)
    status = stated_status(body)
    if status not in statuses or response.status not in {HTTPStatus.OK, status}:
        return False
    if status == HTTPStatus.NOT_FOUND:
        # What any server says of a path that it does not have, some as JSON: only in the exact form.
        fields = {"status", "message"} if request.endpoint.startswith("oauth2/") else _FIELDS
        if not fields <= body.keys() <= _FIELDS:
            return False
    return isinstance(body.get("message"), str)


def stated_status(body: Any) -> int | None:
    """Return the error status in a body; None where it has none.

    Twitch's own mock server answers some errors with status 200.
    https://github.com/twitchdev/twitch-cli/tree/main/internal/mock_auth

    :param body: decoded
    """
    status = body.get("status") if isinstance(body, dict) else None
    if isinstance(status, str) and re.fullmatch("[0-9]{3}", status, re.ASCII):
        status = int(status)
    return status if type(status) is int and 400 <= status < 600 else None


def detail_of(request: Request, response: Response) -> str:
    """Return Twitch's own message, shortened. The body of an error may be empty, or a gateway's.

    :param request: whose secrets are masked
    :param response: an error answer
    """
    body = _json(response)
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, str):
        return ""
    # A gateway may echo the request. Mask before shortening: half a secret would not be found.
    for secret in request.secrets:
        message = message.replace(secret, "***").replace(quote_plus(secret), "***")
    return plain(" ".join(message.split()), 200).rstrip(".")


def suspects(request: Request, detail: str) -> str:
    """Say which of many values may be wrong: those that Twitch named, else those of an odd form, else any.

    :param request: that was refused
    :param detail: Twitch's own message
    """
    counts = Counter(name for name, _ in request.params)
    many = [(name, value) for name, value in request.params if counts[name] > 1]
    named = [pair for pair in many if re.search(rf"(?<!\w){re.escape(pair[1])}(?!\w)", detail, re.IGNORECASE)]
    odd = [
        (name, value)
        for name, value in many
        if request.endpoint != "clips"
        and any(name.endswith(end) and not form.fullmatch(value) for end, form in _FORMS.items())
    ]
    if found := named or odd:
        return ": " + ", ".join(f"{name}={plain(value, 60)!r}" for name, value in found[:10])
    lists = [f"{count} values of {name}" for name, count in counts.items() if count > 1]
    return f": any of its {' and '.join(lists)} may be wrong" if lists else ""


def _json(response: Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
