# SPDX-License-Identifier: Apache-2.0
"""A page of streams, decoded only as far as a crawl needs it.

Decoding a page to dictionaries costs more than fetching it, and a crawl has a thousand of them. Only three
fields of a row are decoded here; a page with anything unusual about it is left to
:mod:`twitch_provider.helix.answers`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from twitch_provider.helix.answers import read_found, read_page
from twitch_provider.helix.messages import Params, Reply, Request


@dataclass(frozen=True, slots=True)
class LightPage:
    """One page of Get Streams, its rows left encoded in the body.

    :param endpoint: ``streams``
    :param params: the query that was sent
    :param received_at: when the answer was complete, aware UTC, by our clock
    :param date: the answer's ``Date`` header, aware UTC; None where it is absent
    :param loopback: whether the server is this machine: a simulator, whose clock may be anywhere
    :param body: as Twitch sent it
    :param text: the same, decoded: it costs a tenth of a page's CPU
    :param cursor: where the next page begins; None at the end of the list
    :param count: how many rows there are
    :param users: the ``user_id`` of each row that has one, in order
    :param languages: of the same rows; empty where a row has none
    :param top: viewers of the first row
    :param bottom: viewers of the last row
    """

    endpoint: str
    params: Params
    received_at: datetime
    date: datetime | None
    loopback: bool
    body: bytes = field(repr=False)
    text: str = field(repr=False)
    cursor: str | None
    count: int
    users: tuple[str, ...] = field(repr=False)
    languages: tuple[str, ...] = field(repr=False)
    top: int | None
    bottom: int | None

    @property
    def answered_at(self) -> datetime:
        """When Twitch answered, aware UTC: its ``Date``, else the receipt."""
        return self.date or self.received_at


class _Row(msgspec.Struct, gc=False):
    user_id: str
    language: str
    viewer_count: int


class _Pagination(msgspec.Struct):
    cursor: str | None = None


class _Body(msgspec.Struct):
    data: list[_Row]
    pagination: _Pagination | None = None
    # Signs of an error, which are left to the other reader.
    status: Any = None
    error: Any = None
    errors: Any = None
    message: Any = None


_decode = msgspec.json.Decoder(_Body).decode


def read_light_page(request: Request, reply: Reply) -> LightPage:
    """Read a page of Get Streams.

    :raises TwitchError: as :func:`~twitch_provider.helix.answers.read_page`, and for a body that is not UTF-8
    """
    response = read_found(request, reply)
    try:
        text = response.body.decode()
        body = _decode(response.body)
        odd = body.status is not None or body.error or body.errors or body.message
        rows = [] if odd else body.data
        cursor = (body.pagination.cursor if body.pagination else None) or None
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        rows = []
    if rows:
        users = tuple([row.user_id for row in rows])
        languages = tuple([row.language for row in rows])
        count = len(rows)
        top: int | None = rows[0].viewer_count
        bottom: int | None = rows[-1].viewer_count
    else:
        # No rows, or not as documented and perhaps a page all the same: half a surrogate pair, a row without
        # a field. Some errors have status 200.
        envelope = read_page(request, reply)
        text = response.body.decode()
        cursor, count = envelope.cursor, len(envelope.rows)
        objects = [row if isinstance(row, dict) else {} for row in envelope.rows]
        named = [row for row in objects if isinstance(row.get("user_id"), str)]
        users = tuple(row["user_id"] for row in named)
        languages = tuple(_text(row.get("language")) for row in named)
        top, bottom = (_viewers(objects[0]), _viewers(objects[-1])) if objects else (None, None)
    return LightPage(
        endpoint=request.endpoint,
        params=request.params,
        received_at=response.received_at,
        date=response.date,
        loopback=request.loopback,
        body=response.body,
        text=text,
        cursor=cursor,
        count=count,
        users=users,
        languages=languages,
        top=top,
        bottom=bottom,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _viewers(row: dict[str, Any]) -> int | None:
    viewers = row.get("viewer_count")
    return viewers if type(viewers) is int else None
