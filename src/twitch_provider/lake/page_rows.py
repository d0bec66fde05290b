# SPDX-License-Identifier: Apache-2.0
"""The rows of one page of streams, each on its own: those with the schema's types, and all others.

Arrow parses many pages in one call, or none of them. Here the rows that it would not parse are set apart, at
a tenth of the cost of decoding the page: they are the only ones that are decoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any

import msgspec
import pyarrow as pa

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.raw_pages import Body
from twitch_provider.lake.schema import STREAMS

_TYPES: dict[pa.DataType, Any] = {
    pa.string(): str,
    pa.int64(): Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    pa.bool_(): bool,
    pa.list_(pa.string()): list[str],
}
_Row = msgspec.defstruct(
    "_Row", [(column.name, _TYPES[column.kind.arrow] | None, None) for column in STREAMS.sent], gc=False
)


class _Envelope(msgspec.Struct):
    data: list[msgspec.Raw]


_split = msgspec.json.Decoder(_Envelope).decode
_typed = msgspec.json.Decoder(_Row).decode
_encode = msgspec.json.Encoder().encode

#: A backslash with what it escapes: both halves of a surrogate pair, half a pair, or anything else.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


class PageRows:
    """The rows of a page.

    :param page: of Get Streams
    :raises TwitchDataError: it is not a page of Helix
    """

    def __init__(self, page: Body) -> None:
        self.page = page
        self._rows: list[Any] | None = None
        self._readable = page.body
        self._encoded: list[msgspec.Raw] = []
        try:
            page.body.decode()
            self._encoded = self._split()
        except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
            self._rows = _decoded(page)

    def __len__(self) -> int:
        return len(self._encoded if self._rows is None else self._rows)

    def regular(self) -> tuple[bytes, list[int]]:
        """Return a body with the rows that have the schema's types, and the numbers of these rows.

        They are encoded anew, without further fields and without what Arrow refuses for its own reasons, such
        as a name that comes twice.
        """
        rows, numbers = [], []
        for number, encoded in enumerate(self._encoded):
            try:
                rows.append(_encode(_typed(encoded)))
                numbers.append(number)
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                pass
        return b'{"data":[%b]}' % b",".join(rows), numbers

    def decoded(self, numbers: Iterable[int]) -> list[Any]:
        """Return some rows as ``json`` decodes them.

        :param numbers: of the rows, from 0
        :raises TwitchDataError: Python refuses one, such as a number of 5,000 digits
        """
        if self._rows is not None:
            return [self._rows[number] for number in numbers]
        try:
            return [json.loads(self._original(number)) for number in numbers]
        except (ValueError, RecursionError):
            raise _not_a_page(self.page) from None

    def _original(self, number: int) -> bytes:
        """Return a row as it stands in the body."""
        if self._readable is self.page.body:
            return bytes(self._encoded[number])
        begin, end = self._spans[number]
        return self.page.body[begin:end]

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        """Where each row begins and ends in the body."""
        spans: list[tuple[int, int]] = []
        end = 0
        for row in map(bytes, self._encoded):
            begin = self._readable.index(row, end)
            end = begin + len(row)
            spans.append((begin, end))
        return spans

    def _split(self) -> list[msgspec.Raw]:
        try:
            return _split(self._readable).data
        except msgspec.MsgspecError:
            # Half a surrogate pair, perhaps: the escape of U+FFFD is as long, so that all keeps its place.
            self._readable = _ESCAPE.sub(_whole_or_replaced, self._readable)
            return _split(self._readable).data


def _whole_or_replaced(found: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if found[1] else found[0]


def _decoded(page: Body) -> list[Any]:
    """Decode a page with ``json``, which takes NaN and deeper nesting.

    Not :func:`.raw_lines.load_pages`: that one needs the cursor, too, and refuses pagination that nothing
    here looks at.
    """
    try:
        rows = json.loads(page.body.decode())["data"]
    except (ValueError, TypeError, KeyError, RecursionError):
        rows = None
    if not isinstance(rows, list):
        raise _not_a_page(page)
    return rows


def _not_a_page(page: Body) -> TwitchDataError:
    return TwitchDataError(f"{page.endpoint}: a body is not a page of Helix: take a new snapshot.")
