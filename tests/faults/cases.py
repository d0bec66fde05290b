# SPDX-License-Identifier: Apache-2.0
"""Every fault that the hooks are held against, and how a reading ends: ``docs/faults.md`` as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConnectionError,
    TwitchError,
    TwitchPaginationError,
    TwitchRateLimitError,
    TwitchRequestError,
    TwitchResponseError,
    TwitchServerError,
)


@dataclass(frozen=True)
class Fault:
    """A fault of the simulator.

    :param name: one of ``twitch_provider.testing.FAULTS``
    :param times: how many answers it spoils; None for ever
    :param start: the first request that it may spoil
    :param endpoint: ``token``, or None for what is read
    """

    name: str
    times: int | None = 1
    start: int = 1
    endpoint: str | None = None


@dataclass(frozen=True)
class Case:
    """What Twitch does, and what follows.

    :param name: in a few words
    :param does: what the hooks do about it
    :param faults: what the simulator plays
    :param outcome: the error that ends the reading; None where every row arrives
    :param more: requests at most, beyond those of a reading without faults
    :param waits: seconds at most
    :param paged: it takes a list of several pages
    :param adds: what each row has in addition
    :param connection: what is different in the connection
    :param unresolved: how often the server's name cannot be resolved
    """

    name: str
    does: str
    faults: tuple[Fault, ...] = ()
    outcome: type[TwitchError] | None = None
    more: int = 0
    waits: float = 0
    paged: bool = False
    adds: Mapping[str, Any] = field(default_factory=dict)
    connection: Mapping[str, Any] = field(default_factory=dict)
    unresolved: int = 0


EVER = None
#: The simulator keeps silent for ever; so long is waited for it in truth.
PATIENT, HASTY = {"extra": {"timeout": 0.5}}, {"extra": {"timeout": 0.2}}
ODD_FIELDS = {"brand_new_field": {"nested": [1, 2]}}

AGAIN = "asks again, up to 4 times in all"
GIVES_UP = "asks 4 times, then gives up"


def transient(name: str, fault: str, error: type[TwitchError], **options: Any) -> Iterator[Case]:
    """What may pass by itself: once it is survived, for ever it is loud."""
    yield Case(f"{name}, once", AGAIN, (Fault(fault),), more=1, waits=1, **options)
    yield Case(f"{name}, for ever", GIVES_UP, (Fault(fault, EVER),), error, more=3, waits=7, **options)


def server_errors() -> Iterator[Case]:
    for status in (500, 502, 503, 504):
        once, for_ever = transient(str(status), f"error_{status}", TwitchServerError)
        yield once
        yield Case(f"{status}, twice", AGAIN, (Fault(f"error_{status}", 2),), more=2, waits=3)
        yield for_ever


def token_endpoint(name: str, fault: str, error: type[TwitchError], **options: Any) -> Iterator[Case]:
    what = f"token endpoint: {name}"
    once, ever = Fault(fault, endpoint="token"), Fault(fault, EVER, endpoint="token")
    yield Case(f"{what}, once", AGAIN, (once,), more=1, waits=1, **options)
    yield Case(f"{what}, for ever", GIVES_UP, (ever,), error, more=3, waits=7, **options)


def odd_end(name: str, fault: str) -> Case:
    return Case(f"list ends with {name}", "takes it for the end", (Fault(fault),), paged=True)


CASES: tuple[Case, ...] = (
    # A bucket that is empty needs a point, and the reserve that is left to others, before the next request.
    Case(
        "429, bucket empty, once",
        "waits for a point of the rate limit and asks again",
        (Fault("rate_limited"),),
        more=1,
        waits=5,
    ),
    Case(
        "429 though points are left, once",
        "waits 1 to 2 s, asks again",
        (Fault("false_429"),),
        more=1,
        waits=2,
    ),
    Case(
        "429 without rate limit headers, once",
        "takes the bucket for empty, waits and asks again",
        (Fault("bare_429"),),
        more=1,
        waits=5,
    ),
    Case(
        "429 of all kinds, 5 in a row",
        "asks again up to 6 times in all, after 2, 4, 8, 16 and 32 s at most",
        (Fault("rate_limited", 2), Fault("false_429", 2, start=3), Fault("bare_429", start=5)),
        more=5,
        waits=70,
    ),
    *(
        Case(
            f"429 {kind}, for ever",
            "asks 6 times, then gives up",
            (Fault(fault, EVER),),
            TwitchRateLimitError,
            more=5,
            waits=70,
        )
        for kind, fault in (
            ("with an empty bucket", "rate_limited"),
            ("though points are left", "false_429"),
            ("without rate limit headers", "bare_429"),
        )
    ),
    Case("401, once", "fetches a new token, asks again", (Fault("unauthorized"),), more=2),
    Case(
        "401 in the middle of a list",
        "fetches a new token, asks again",
        (Fault("unauthorized", start=2),),
        more=2,
        paged=True,
    ),
    Case(
        "401, for ever",
        "fetches one new token, then gives up",
        (Fault("unauthorized", EVER),),
        TwitchAuthError,
        more=2,
    ),
    Case(
        "400 `invalid cursor`, once",
        "asks again with the same cursor",
        (Fault("invalid_cursor", start=2),),
        more=1,
        waits=1,
        paged=True,
    ),
    Case(
        "400 `invalid cursor`, for ever",
        "asks twice, then gives up",
        (Fault("invalid_cursor", EVER, start=2),),
        TwitchRequestError,
        more=1,
        waits=1,
        paged=True,
    ),
    *server_errors(),
    *transient("a web page with status 200", "html_200", TwitchResponseError),
    *transient("a web page with status 502", "html_502", TwitchServerError),
    *transient("status 200, but no JSON", "not_json", TwitchResponseError),
    *transient("`data: null`", "null_data", TwitchResponseError),
    *transient("a redirect to another host", "redirect", TwitchResponseError),
    *transient("half a body", "half_body", TwitchConnectionError),
    *transient("a dropped connection", "dropped_connection", TwitchConnectionError),
    Case(
        "no answer within the `timeout`, once", AGAIN, (Fault("hang"),), more=1, waits=1, connection=PATIENT
    ),
    Case(
        "no answer within the `timeout`, for ever",
        GIVES_UP,
        (Fault("hang", EVER),),
        TwitchConnectionError,
        more=3,
        waits=7,
        connection=HASTY,
    ),
    Case("name not resolved, once", AGAIN, more=1, waits=1, unresolved=1),
    Case(
        "name not resolved, for ever",
        GIVES_UP,
        outcome=TwitchConnectionError,
        more=3,
        waits=7,
        unresolved=1_000,
    ),
    Case(
        "several faults on one request",
        "is patient with each kind by itself",
        (
            Fault("error_503", 2),
            Fault("unauthorized", start=3),
            Fault("false_429", start=4),
            Fault("half_body", start=5),
        ),
        more=6,
        waits=9,
    ),
    Case("a compressed body", "unpacks it", (Fault("gzip", EVER),)),
    Case("unknown fields", "hands them on", (Fault("unknown_fields", EVER),), adds=ODD_FIELDS),
    Case(
        "no rate limit headers",
        "goes by its own mirror of the bucket",
        (Fault("no_rate_limit_headers", EVER),),
    ),
    Case("no `Date` header", "goes by its own clock", (Fault("no_date", EVER),)),
    Case("short pages", "reads on", (Fault("short_page", 2),), more=2, paged=True),
    Case(
        "shifted pages: rows come twice",
        "gives each row once",
        (Fault("shifted_pages", EVER),),
        more=1,
        paged=True,
    ),
    Case("an empty page in the middle", "reads on", (Fault("empty_page", start=2),), more=1, paged=True),
    Case("4 empty pages in a row", "reads on", (Fault("empty_page", 4, start=2),), more=4, paged=True),
    Case(
        "empty pages for ever",
        "gives up after 5 in a row",
        (Fault("empty_page", EVER, start=2),),
        TwitchPaginationError,
        more=5,
        paged=True,
    ),
    Case(
        "the cursor of the request comes again",
        "stops: the list would never end",
        (Fault("repeated_cursor", start=2),),
        TwitchPaginationError,
        paged=True,
    ),
    Case(
        "the last page leads back to page one",
        "stops: the list would never end, and nobody can say whether it was whole",
        (Fault("wrapping_cursor", EVER),),
        TwitchPaginationError,
        more=1,
        paged=True,
    ),
    Case(
        "ever new cursors with old rows",
        "gives up after 5 pages in a row without a new row",
        (Fault("endless_cursors", EVER, start=2),),
        TwitchPaginationError,
        more=5,
        paged=True,
    ),
    odd_end('`"cursor": ""`', "empty_cursor"),
    odd_end('`"cursor": null`', "null_cursor"),
    odd_end('`"pagination": null`', "null_pagination"),
    odd_end("no `pagination` at all", "missing_pagination"),
    *token_endpoint("503", "token_down", TwitchServerError),
    *token_endpoint("a web page", "token_html", TwitchResponseError),
    *token_endpoint("no JSON", "not_json", TwitchResponseError),
    *token_endpoint("a dropped connection", "dropped_connection", TwitchConnectionError),
    Case(
        "token endpoint: no answer within the `timeout`, once",
        AGAIN,
        (Fault("hang", endpoint="token"),),
        more=1,
        waits=1,
        connection=PATIENT,
    ),
    Case(
        "token endpoint: no `expires_in`",
        "uses the token until Twitch refuses it",
        (Fault("token_without_expires_in"),),
    ),
    Case(
        "wrong client secret",
        "gives up at once",
        outcome=TwitchAuthError,
        connection={"password": "not-the-right-secret"},
    ),
    Case(
        "wrong client id", "gives up at once", outcome=TwitchAuthError, connection={"login": "unknown-client"}
    ),
)
