# SPDX-License-Identifier: Apache-2.0
"""One request to Twitch is a conversation, written once for every transport.

Sign it, perhaps wait for a point, send, look at the answer, perhaps fetch a token and send again, perhaps
back off. The generators here yield what to do (:class:`Send`, :class:`Sleep`), are sent what came back, and
return the answer once it is understood. They touch no socket, no clock of their own and no log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlencode

from twitch_provider.exceptions import TwitchAuthError, TwitchError, TwitchParameterError
from twitch_provider.helix.answers import (
    Reader,
    Validation,
    read_token,
    read_validation,
)
from twitch_provider.helix.messages import Reply, Request, Response, Send, Sleep
from twitch_provider.helix.ratelimit import Bucket
from twitch_provider.helix.retry import Patience
from twitch_provider.helix.token import AppToken, Credentials, TokenStore

T = TypeVar("T")

#: What a conversation looks like to its driver: a Send wants a Reply sent back, a Sleep wants nothing.
Steps = Generator[Send | Sleep, Reply | None, T]


@dataclass(frozen=True)
class Session:
    """What the conversations with one Twitch application share.

    :param credentials: client id and secret
    :param base_url: of Helix, without a slash at its end
    :param auth_url: of the OAuth endpoints, without a slash at its end
    :param tokens: where the app token is kept
    :param bucket: the mirror of the rate limit
    :param clock: seconds on a monotonic clock
    :param random: a number from 0 to 1, for jitter
    :param name: what to call the connection in messages
    :param tally: what was done: ``requests`` to Helix, ``tokens`` fetched, ``waited_ms``, and
        ``retries: rate limit``, ``retries: transient``, ``retries: token``, ``retries: cursor``
    """

    credentials: Credentials
    base_url: str
    auth_url: str
    tokens: TokenStore
    bucket: Bucket
    clock: Callable[[], float]
    random: Callable[[], float]
    name: str = "twitch_default"
    tally: Counter[str] = field(default_factory=Counter)


def converse(session: Session, request: Request, read: Reader[T], *, scheme: str = "Bearer") -> Steps[T]:
    """Ask until there is an answer.

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
    patience = Patience(
        session.random,
        repeatable=request.method in {"GET", "HEAD"},
        paged=any(name in {"after", "before"} for name, _ in request.params),
    )
    while True:
        token = session.tokens.load() or (yield from _fetch_token(session))
        if metered:
            yield from _take_point(session)
        signed = _signed(session, request, scheme, token)
        reply = yield from _send(session, signed, metered=metered)
        try:
            return read(signed, reply)
        except TwitchError as error:
            if isinstance(error, TwitchAuthError):
                session.tokens.discard(token)
            yield from _persist(session, patience, error)


def validate(session: Session) -> Steps[Validation]:
    """Ask Twitch whose token this is and how long it lives.

    https://dev.twitch.tv/docs/authentication/validate-tokens/

    :raises TwitchAuthError: client id or secret are wrong
    """
    request = Request("GET", f"{session.auth_url}/validate", endpoint="oauth2/validate")
    return (yield from converse(session, request, read_validation, scheme="OAuth"))


def _fetch_token(session: Session) -> Steps[AppToken]:
    credentials = session.credentials
    form = {
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "grant_type": "client_credentials",
    }
    request = Request(
        "POST",
        f"{session.auth_url}/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),  # not in the query: URLs end up in logs
        endpoint="oauth2/token",
        secrets=(credentials.client_secret,),
    )
    patience = Patience(session.random, renewable=False)
    while True:
        reply = yield from _send(session, request, metered=False)
        try:
            token = read_token(request, reply)
        except TwitchError as error:
            yield from _persist(session, patience, error)
        else:
            session.tokens.save(token)
            session.tally["tokens"] += 1
            return token


def _signed(session: Session, request: Request, scheme: str, token: AppToken) -> Request:
    theirs = {name: value for name, value in request.headers.items() if name.lower() not in _OURS}
    ours = {"Client-Id": session.credentials.client_id, "Authorization": f"{scheme} {token.value}"}
    secrets = (token.value, session.credentials.client_secret)
    return replace(request, headers=theirs | ours, secrets=secrets)


_OURS = {"client-id", "authorization", "cookie"}


def _take_point(session: Session) -> Steps[None]:
    while delay := session.bucket.take(session.clock()):
        yield from _sleep(session, delay, "waiting for a point of the rate limit")


def _send(session: Session, request: Request, *, metered: bool) -> Steps[Reply]:
    reply: Reply | None = None
    try:
        reply = yield Send(request)
    finally:
        # Also where the driver gives up meanwhile: a point must not stay under way for ever.
        if metered:
            session.tally["requests"] += 1
            answer = reply if isinstance(reply, Response) else None
            session.bucket.settle(
                session.clock(),
                answer.rate_limit if answer else None,
                refused=answer is not None and answer.status == 429,
            )
    if reply is None:
        raise TypeError("a Send wants a Response or a Failure sent back")
    return reply


def _persist(session: Session, patience: Patience, error: TwitchError) -> Steps[None]:
    """Wait as long as this error asks for; raises it where no waiting helps."""
    kind, delay = patience.after(error)
    session.tally[f"retries: {kind}"] += 1
    if delay:
        yield from _sleep(session, delay, str(error))


def _sleep(session: Session, seconds: float, reason: str) -> Steps[None]:
    session.tally["waited_ms"] += round(seconds * 1000)
    yield Sleep(seconds, reason)
