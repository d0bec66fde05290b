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
    TwitchSecretError,
    TwitchServerError,
)


@dataclass(frozen=True)
class Fault:
    """A fault of the simulator.

    :param name: one of ``twitch_provider.testing.FAULTS``
    :param times: how many answers it spoils; None for all
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
    adds: Mapping[str, Any] = field(default_factory=dict)
    connection: Mapping[str, Any] = field(default_factory=dict)
    unresolved: int = 0


ALWAYS = None
#: The simulator does not answer at all; the test waits this long, in real time.
LONGER, SHORTER = {"extra": {"timeout": 0.5}}, {"extra": {"timeout": 0.2}}
ODD_FIELDS = {"brand_new_field": {"nested": [1, 2]}}

AGAIN = "retries, up to 4 requests in all"
GIVES_UP = "gives up after 4 requests"


def transient(name: str, fault: str, error: type[TwitchError], **options: Any) -> Iterator[Case]:
    """A temporary fault: once it is handled, every time it is an error."""
    yield Case(f"{name}, once", AGAIN, (Fault(fault),), more=1, waits=1, **options)
    yield Case(f"{name}, every time", GIVES_UP, (Fault(fault, ALWAYS),), error, more=3, waits=7, **options)


def server_errors() -> Iterator[Case]:
    for status in (500, 502, 503, 504):
        once, for_ever = transient(str(status), f"error_{status}", TwitchServerError)
        yield once
        yield Case(f"{status}, twice", AGAIN, (Fault(f"error_{status}", 2),), more=2, waits=3)
        yield for_ever


def token_endpoint(name: str, fault: str, error: type[TwitchError], **options: Any) -> Iterator[Case]:
    what = f"token endpoint: {name}"
    once, always = Fault(fault, endpoint="token"), Fault(fault, ALWAYS, endpoint="token")
    yield Case(f"{what}, once", AGAIN, (once,), more=1, waits=1, **options)
    yield Case(f"{what}, every time", GIVES_UP, (always,), error, more=3, waits=7, **options)


def odd_end(name: str, fault: str) -> Case:
    return Case(f"list ends with {name}", "treats it as the end", (Fault(fault),))


CASES: tuple[Case, ...] = (
    # A bucket that is empty needs a point, and the reserve that is left to others, before the next request.
    Case(
        "429, bucket empty, once",
        "waits for a point of the rate limit and retries",
        (Fault("rate_limited"),),
        more=1,
        waits=5,
    ),
    Case(
        "429 though points are left, once",
        "waits 1 to 2 s and retries",
        (Fault("false_429"),),
        more=1,
        waits=2,
    ),
    Case(
        "429 without rate limit headers, once",
        "takes the bucket for empty, waits and retries",
        (Fault("bare_429"),),
        more=1,
        waits=5,
    ),
    Case(
        "429 of all kinds, 5 in a row",
        "retries up to 5 times, after 2, 4, 8, 16 and 32 s at most",
        (Fault("rate_limited", 2), Fault("false_429", 2, start=3), Fault("bare_429", start=5)),
        more=5,
        waits=70,
    ),
    *(
        Case(
            f"429 {kind}, every time",
            "gives up after 6 requests",
            (Fault(fault, ALWAYS),),
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
    Case("401, once", "fetches a new token and retries", (Fault("unauthorized"),), more=2),
    Case(
        "401 in the middle of a list",
        "fetches a new token and retries",
        (Fault("unauthorized", start=2),),
        more=2,
    ),
    Case(
        "401, every time",
        "fetches one new token, then gives up",
        (Fault("unauthorized", ALWAYS),),
        TwitchAuthError,
        more=2,
    ),
    Case(
        "400 `invalid cursor`, once",
        "retries with the same cursor",
        (Fault("invalid_cursor", start=2),),
        more=1,
        waits=1,
    ),
    Case(
        "400 `invalid cursor`, every time",
        "gives up after 2 requests",
        (Fault("invalid_cursor", ALWAYS, start=2),),
        TwitchRequestError,
        more=1,
        waits=1,
    ),
    *server_errors(),
    *transient("a web page with status 200", "html_200", TwitchResponseError),
    *transient("a web page with status 403", "html_403", TwitchResponseError),
    *transient("a web page with status 502", "html_502", TwitchServerError),
    *transient("status 200, but not JSON", "not_json", TwitchResponseError),
    *transient("`data: null`", "null_data", TwitchResponseError),
    *transient("a redirect to another host", "redirect", TwitchResponseError),
    *transient("half a body", "half_body", TwitchConnectionError),
    *transient("a dropped connection", "dropped_connection", TwitchConnectionError),
    Case("no answer within the `timeout`, once", AGAIN, (Fault("hang"),), more=1, waits=1, connection=LONGER),
    Case(
        "no answer within the `timeout`, every time",
        GIVES_UP,
        (Fault("hang", ALWAYS),),
        TwitchConnectionError,
        more=3,
        waits=7,
        connection=SHORTER,
    ),
    Case("name not resolved, once", AGAIN, more=1, waits=1, unresolved=1),
    Case(
        "name not resolved, every time",
        GIVES_UP,
        outcome=TwitchConnectionError,
        more=3,
        waits=7,
        unresolved=1_000,
    ),
    Case(
        "several faults on one request",
        "counts each kind of fault by itself",
        (
            Fault("error_503", 2),
            Fault("unauthorized", start=3),
            Fault("false_429", start=4),
            Fault("half_body", start=5),
        ),
        more=6,
        waits=9,
    ),
    Case("a compressed body", "unpacks it", (Fault("gzip", ALWAYS),)),
    Case("unknown fields", "returns them", (Fault("unknown_fields", ALWAYS),), adds=ODD_FIELDS),
    Case(
        "no rate limit headers",
        "uses its own mirror of the bucket",
        (Fault("no_rate_limit_headers", ALWAYS),),
    ),
    Case("no `Date` header", "uses its own clock", (Fault("no_date", ALWAYS),)),
    Case("short pages", "reads on", (Fault("short_page", 2),), more=2),
    Case(
        "shifted pages: rows come twice",
        "returns each row once",
        (Fault("shifted_pages", ALWAYS),),
        more=1,
    ),
    Case("an empty page in the middle", "reads on", (Fault("empty_page", start=2),), more=1),
    Case("4 empty pages in a row", "reads on", (Fault("empty_page", 4, start=2),), more=4),
    Case(
        "empty pages, every time",
        "gives up after 5 in a row",
        (Fault("empty_page", ALWAYS, start=2),),
        TwitchPaginationError,
        more=5,
    ),
    Case(
        "the cursor of the request comes again",
        "stops: the list would never end",
        (Fault("repeated_cursor", start=2),),
        TwitchPaginationError,
    ),
    Case(
        "the last page leads back to page one",
        "stops: the list would never end, and nobody can say whether it was whole",
        (Fault("wrapping_cursor", ALWAYS),),
        TwitchPaginationError,
        more=1,
    ),
    Case(
        "new cursors with old rows",
        "gives up after 5 pages in a row without a new row",
        (Fault("endless_cursors", ALWAYS, start=2),),
        TwitchPaginationError,
        more=5,
    ),
    odd_end('`"cursor": ""`', "empty_cursor"),
    odd_end('`"cursor": null`', "null_cursor"),
    odd_end('`"pagination": null`', "null_pagination"),
    odd_end("no `pagination` at all", "missing_pagination"),
    *token_endpoint("503", "token_down", TwitchServerError),
    *token_endpoint("a web page", "token_html", TwitchResponseError),
    *token_endpoint("a web page with status 403", "html_403", TwitchResponseError),
    *token_endpoint("not JSON", "not_json", TwitchResponseError),
    *token_endpoint("a dropped connection", "dropped_connection", TwitchConnectionError),
    Case(
        "token endpoint: no answer within the `timeout`, once",
        AGAIN,
        (Fault("hang", endpoint="token"),),
        more=1,
        waits=1,
        connection=LONGER,
    ),
    Case(
        "token endpoint: no `expires_in`",
        "uses the token until Twitch refuses it",
        (Fault("token_without_expires_in"),),
    ),
    Case(
        "wrong client secret",
        "gives up at once",
        outcome=TwitchSecretError,
        connection={"password": "not-the-right-secret"},
    ),
    Case(
        "wrong client id", "gives up at once", outcome=TwitchAuthError, connection={"login": "unknown-client"}
    ),
)
