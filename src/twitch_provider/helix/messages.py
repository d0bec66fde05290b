# SPDX-License-Identifier: Apache-2.0
"""Requests, answers and pages, and the steps that a conversation asks its driver to do."""

from __future__ import annotations

import functools
import ipaddress
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from twitch_provider.exceptions import TwitchResponseError, plain
from twitch_provider.helix.ratelimit import RateLimit

#: Query parameters in the order of sending; a list parameter is repeated, never joined by commas.
Params = tuple[tuple[str, str], ...]

#: Seconds of a wait that is worth a warning.
LONG_WAIT = 10.0


@functools.lru_cache(maxsize=16)
def _date(text: str) -> datetime | None:
    # A dozen answers a second have the same one, and the standard library is slow with it.
    try:
        stated = parsedate_to_datetime(text)
        return stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@functools.lru_cache(maxsize=256)
def is_loopback(hostname: str) -> bool:
    """Whether a host is this machine.

    :param hostname: a name or an IP address
    """
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"


@functools.lru_cache(maxsize=16)
def is_on_loopback(url: str) -> bool:
    """Whether a URL is of this machine.

    :param url: absolute
    """
    return is_loopback(urlsplit(url).hostname or "")


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    :param method: ``GET`` or ``POST``
    :param url: absolute, without query
    :param params: the query
    :param headers: they may carry a token: not shown
    :param body: the form of a token request, which carries the secret: not shown
    :param endpoint: its name in messages, for example ``games/top``
    :param secrets: the parts of it that no message may repeat
    """

    method: str
    url: str
    params: Params = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    endpoint: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def host(self) -> str:
        """The server, for messages."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def loopback(self) -> bool:
        """Whether the server is this machine: a simulator, whose clock may be anywhere."""
        return is_on_loopback(self.url)

    def __str__(self) -> str:
        if not self.params:
            return self.endpoint
        values: dict[str, list[str]] = {}
        for name, value in self.params:
            values.setdefault(name, []).append(plain(value))
        shown = (
            f"{len(texts)} of {name}" if len(texts) > 3 else ", ".join(f"{name}={text}" for text in texts)
            for name, texts in values.items()
        )
        return f"{self.endpoint}({', '.join(shown)})"


@dataclass(frozen=True)
class Response:
    """One complete HTTP answer.

    :param status: of HTTP
    :param headers: names in lower case
    :param body: as received; not shown
    :param received_at: aware UTC, by our clock
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime

    @property
    def rate_limit(self) -> RateLimit | None:
        """What the headers say about the rate limit."""
        return RateLimit.from_headers(self.headers)

    @property
    def date(self) -> datetime | None:
        """The ``Date`` header, aware UTC; None where it is absent or not a date."""
        return _date(self.headers.get("date", ""))

    def json(self) -> Any:
        """The decoded body.

        :raises ValueError: it is not JSON in UTF-8
        """
        try:
            return json.loads(self.body.decode())
        except RecursionError:
            raise ValueError("nested too deeply") from None


@dataclass(frozen=True)
class Failure:
    """No complete answer arrived. A transport returns this instead of raising its library's errors.

    :param reason: what happened in a few words, without URL, token or secret
    """

    reason: str


#: What a transport returns for a request.
Reply = Response | Failure


@dataclass(frozen=True)
class Send:
    """A step: send the request; its result is the reply.

    :param request: signed
    """

    request: Request


@dataclass(frozen=True)
class Sleep:
    """A step: wait.

    :param seconds: how long
    :param reason: why, for the log
    """

    seconds: float
    reason: str

    @property
    def level(self) -> int:
        """Log level: DEBUG for a wait of less than a second, WARNING for one that delays a task."""
        if self.seconds >= LONG_WAIT:
            return logging.WARNING
        return logging.INFO if self.seconds >= 1 else logging.DEBUG


@dataclass(frozen=True)
class Call:
    """A step: call a function that may block, off the event loop; its result is what the function returns.

    :param function: it takes no argument and raises nothing
    """

    function: Callable[[], Any]


@dataclass(frozen=True)
class Page:
    """One page of a list endpoint: the rows, and the metadata of the answer.

    :param endpoint: for example ``streams``
    :param params: the parameters that were sent
    :param received_at: when the answer was complete, aware UTC, by our clock
    :param body: as received
    :param rows: all rows of the body, as they are
    :param cursor: where the next page begins; None at the end of the list
    :param rate_limit: what the headers said
    :param total: Helix's ``total``, on the few endpoints that send one
    :param date: the answer's ``Date`` header, aware UTC; None where it is absent
    :param loopback: whether the server is this machine: a simulator, whose clock may be anywhere
    """

    endpoint: str
    params: Params
    received_at: datetime
    body: bytes = field(repr=False)
    rows: list[Any] = field(repr=False)
    _new_rows: list[Any] = field(repr=False)
    cursor: str | None
    rate_limit: RateLimit | None = None
    total: int | None = None
    date: datetime | None = None
    loopback: bool = False

    @property
    def answered_at(self) -> datetime:
        """When Twitch answered, aware UTC: its ``Date``, else the receipt."""
        return self.date or self.received_at

    @property
    def text(self) -> str:
        """Return the body as text.

        :raises UnicodeDecodeError: it is not UTF-8
        """
        return self.body.decode()

    @property
    def new_rows(self) -> list[dict[str, Any]]:
        """The rows whose id no earlier page of this walk had, up to ``max_items``.

        Where a sorted list takes several requests, these are the next rows of the whole list, which may have
        come with an earlier page.

        :raises TwitchResponseError: one of them is not a JSON object
        """
        return objects(self.endpoint, self._new_rows)


def objects(endpoint: str, rows: list[Any]) -> list[dict[str, Any]]:
    """Return the rows, if each is a JSON object as in Helix's reference.

    :raises TwitchResponseError: one of them is something else
    """
    for row in rows:
        if not isinstance(row, dict):
            raise TwitchResponseError(
                f"{endpoint}: a row must be an object, not {type(row).__name__}; try later"
            )
    return rows
