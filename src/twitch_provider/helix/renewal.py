# SPDX-License-Identifier: Apache-2.0
"""Getting an app token: the one this process holds, the cached one, or a new one, which only one fetches.

Users report that the 51st valid token of a client id invalidates the first
(https://github.com/twitchdev/issues/issues/986), so a token is shared as widely as its cache allows, and
threads, coroutines and processes that need one at the same time wait for the first of them to fetch it.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode

from twitch_provider.exceptions import TwitchError
from twitch_provider.helix.answers import read_token
from twitch_provider.helix.messages import Call, Request
from twitch_provider.helix.retry import TRANSIENT, RetryState
from twitch_provider.helix.session import Session, Steps
from twitch_provider.helix.token import AppToken

#: Seconds between two checks for the token that another one is fetching: a fraction of a request.
POLL = 0.1
#: Seconds that the waits between the retries of a fetch take, with a margin.
_PAUSES = 15.0

_WAITING = "another conversation or process is fetching the app token"


def get_token(session: Session) -> Steps[tuple[AppToken, bool]]:
    """Return a token, fetching one if needed.

    :returns: the token, and whether it was fetched just now
    :raises TwitchAuthError: client id or secret are wrong
    :raises TwitchError: the token endpoint cannot be reached or understood
    """
    tokens = session.tokens
    waited, longest = 0.0, min(longest_wait(session), session.max_wait)
    while (token := tokens.held()) is None:
        if tokens.claim():
            try:
                return (yield from _recall_or_fetch(session, longest - waited))
            finally:
                tokens.release()
        if waited >= longest:
            return (yield from _fetch_and_keep(session)), True
        waited += POLL
        yield from session.sleep(POLL, _WAITING)
    return token, False


def longest_wait(session: Session) -> float:
    """Return how many seconds to wait for another fetch: what it takes if every try times out.

    After that the other fetch is stuck, and a superfluous token is better than a standstill.
    """
    return TRANSIENT.tries * session.timeout + _PAUSES


def _recall_or_fetch(session: Session, max_wait: float) -> Steps[tuple[AppToken, bool]]:
    tokens = session.tokens
    token: AppToken | None = yield Call(tokens.recall)
    if token is not None:
        return token, False
    try:
        while not (yield Call(tokens.lock)) and max_wait > 0:
            max_wait -= POLL
            yield from session.sleep(POLL, _WAITING)
        # Again: the previous owner of the lock may have left a token.
        token = yield Call(tokens.recall)
        if token is not None:
            return token, False
        return (yield from _fetch_and_keep(session)), True
    finally:
        tokens.unlock()


def _fetch_and_keep(session: Session) -> Steps[AppToken]:
    token = yield from _fetch(session)
    session.stats["tokens"] += 1
    session.fetched.append(session.clock())
    yield Call(partial(session.tokens.keep, token))
    return token


def _fetch(session: Session) -> Steps[AppToken]:
    request = _token_request(session)
    retry = RetryState(session.random, renewable=False, max_wait=session.max_wait)
    while True:
        reply = yield from session.send(request, metered=False)
        try:
            return read_token(request, reply)
        except TwitchError as error:
            yield from session.wait_to_retry(retry, error)


def _token_request(session: Session) -> Request:
    """Build the request in its own frame: error trackers collect the local variables of every frame."""
    credentials = session.credentials
    form = {
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "grant_type": "client_credentials",
    }
    return Request(
        "POST",
        f"{session.auth_url}/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),  # not in the query: URLs end up in logs
        endpoint="oauth2/token",
        secrets=(credentials.client_secret,),
    )
