# SPDX-License-Identifier: Apache-2.0
"""Errors instead of a response, and faults of the token endpoint."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from twitch_provider.testing.answers import Answer, auth_error, helix_error, too_many_requests
from twitch_provider.testing.faults.registry import Context, fault, instead, sends, without_rate_limit
from twitch_provider.testing.rate_limit import ratelimit_headers


@fault("rate_limited", "429 with no points left: Ratelimit-Remaining 0, Reset in a minute")
def _rate_limited(answer: Answer, context: Context) -> Answer:
    reset = int(context.now.timestamp()) + 60
    return instead(answer, too_many_requests(), **ratelimit_headers(context.limit, 0, reset))


@fault("false_429", "429 although points are left: Ratelimit-Remaining above 0, Reset in a second")
def _false_429(answer: Answer, context: Context) -> Answer:
    reset = int(context.now.timestamp()) + 1
    return instead(answer, too_many_requests(), **ratelimit_headers(context.limit, context.limit - 1, reset))


@fault("bare_429", "429 without any rate limit header")
def _bare_429(answer: Answer, context: Context) -> Answer:
    return without_rate_limit(instead(answer, too_many_requests()))


fault("unauthorized", "401 Invalid OAuth token, although the token is valid")(
    sends(helix_error(401, "Invalid OAuth token"))
)
fault("invalid_cursor", "400 invalid cursor, although the cursor is valid")(
    sends(helix_error(400, "invalid cursor"))
)
for _status in (500, 502, 503, 504):
    fault(f"error_{_status}", f"{_status} {HTTPStatus(_status).phrase}, with Twitch's empty message")(
        sends(helix_error(_status, ""))
    )

# --- the token endpoint ----------------------------------------------------------------------------------

fault("token_down", "the token endpoint answers 503")(sends(auth_error(503, "Service Unavailable")))


@fault("token_without_expires_in", "a token without expires_in, as very old client ids receive")
def _token_without_expires_in(answer: Answer, context: Context) -> Answer | None:
    if answer.status != 200 or not isinstance(answer.payload, dict):
        return None
    return replace(answer, payload={k: v for k, v in answer.payload.items() if k != "expires_in"})
