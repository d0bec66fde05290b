# SPDX-License-Identifier: Apache-2.0
"""The format of a raw object: pages as Helix answered them, as gzipped JSON lines.

The first line is the :class:`.raw_header.RawHeader`. Then comes a page a line: ``{"endpoint": …, "params":
[[name, value], …], "answered_at": …, "received_at": …, "body": …}``. ``answered_at`` is Twitch's ``Date``, or
the receipt where an answer had none; the body is the untouched text of the answer, as one JSON string.
Everything after ``extract`` is a function of this object, and can be done again from here.

Pages are compressed in memory as they come: those of 100,000 streams, 52 MB, are 7.9 MB. What the header says
is known when the last has come, so it is a gzip member of its own in front of theirs. :mod:`.extract` writes
the object to the store, and finds it there again.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Annotated, Any

import msgspec

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.instants import is_usable, utc_text
from twitch_provider.lake.raw_header import RawHeader
from twitch_provider.lake.raw_pages import Body, RawBody, RawPage
from twitch_provider.lake.shapes import require_plain
from twitch_provider.lake.text import escape_breaks, has_breaks, json_line

#: Of gzip. 100,000 streams take 0.26 s for 7.9 MB; level 3 takes 0.28 s for 7.7 MB, level 6 0.55 s for
#: 6.3 MB.
_LEVEL = 2

#: A ``Date`` that differs by more from the receipt is not believed, but for a simulator's.
MAX_CLOCK_DIFFERENCE = timedelta(hours=1)

#: Of a page, whose body the transports bound at 8 MB: what JSON escapes takes six times as much.
_MOST_LINE = 64 * 1024 * 1024

_DAMAGED = "the raw object is empty or damaged"

#: ValueError covers invalid JSON, instants and numbers; RecursionError a body that is nested too deeply.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True)
class RawObject:
    """A whole raw object, in memory.

    :param body: its bytes, compressed
    :param header: what it says of itself
    :param pages: how many it holds
    :param first_answer_at: when Twitch answered first, aware UTC
    :param last_answer_at: when Twitch answered last, aware UTC
    :param clocks: ``Date`` and receipt of the answer in which they differ most
    """

    body: bytes = field(repr=False)
    header: RawHeader
    pages: int
    first_answer_at: datetime
    last_answer_at: datetime
    clocks: tuple[datetime, datetime]
    #: Pages that are still in memory: all of them, or fewer.
    _held: deque[RawBody] = field(default_factory=deque, repr=False, compare=False)

    @classmethod
    def of(cls, pages: Iterable[Body], header: RawHeader) -> RawObject:
        """Make the raw object of these pages. The same pages and header give the same bytes.

        :raises TwitchDataError: there is no page, or a body is not UTF-8
        """
        writer = RawWriter()
        for page in pages:
            writer.add(page)
        return writer.finish(header)

    @classmethod
    def read(cls, body: bytes) -> RawObject:
        """Check a stored raw object.

        :param body: its bytes
        :raises TwitchDataError: it holds no page, is truncated or altered, or was not written by us
        """
        header, pages = _read(body)
        seen = _Seen()
        for page in pages:
            seen.add(page)
        return seen.object(body, header)

    @property
    def clock_difference(self) -> timedelta:
        """The largest difference between Twitch's ``Date`` and the receipt."""
        answered, received = self.clocks
        return abs(answered - received)

    def check_clocks(self) -> None:
        """Check that Twitch's clock and ours agree, as far as they should.

        :raises TwitchDataError: they differ by more than an hour, and Twitch is not a simulator
        """
        if self.clock_difference > MAX_CLOCK_DIFFERENCE and not self.header.loopback:
            answered, received = self.clocks
            raise TwitchDataError(
                f"An answer of Twitch is dated {utc_text(answered, 'Date')} and arrived at "
                f"{utc_text(received, 'receipt')}: its rows would have a wrong time, so nothing is "
                "published; if a retry says so again, correct this worker's clock, or the proxy that sets it."
            )

    def bodies(self) -> Iterator[RawBody]:
        """Iterate over the pages: once over those that a writer held, else one is decompressed at a time."""
        return _released(self._held) if len(self._held) == self.pages else iter_bodies(self.body)


def _released(held: deque[RawBody]) -> Iterator[RawBody]:
    while held:
        yield held.popleft()


class _Seen:
    """What a raw object says of its pages, gathered as they come."""

    def __init__(self) -> None:
        self.pages = 0
        self._first = self._last = datetime.min.replace(tzinfo=UTC)
        self._clocks = self._first, self._first

    def add(self, page: Body) -> None:
        answered, received = page.answered_at, page.received_at
        if not self.pages:
            self._first = self._last = answered
        self._first, self._last = min(self._first, answered), max(self._last, answered)
        if not self.pages or abs(answered - received) > abs(self._clocks[0] - self._clocks[1]):
            self._clocks = answered, received
        self.pages += 1

    def object(self, body: bytes, header: RawHeader, held: Iterable[RawBody] = ()) -> RawObject:
        if not self.pages:
            raise TwitchDataError("the raw object holds no page")
        times = self._first, self._last, self._clocks
        return RawObject(body, header, self.pages, *times, deque(held))


class RawWriter:
    """Compresses pages as they come, and returns the raw object at the end.

    :param hold: also keep pages in memory for :meth:`RawObject.bodies`, unless their bodies have more bytes
        than this: to read them back takes as long as to clean them
    """

    def __init__(self, *, hold: int = 0) -> None:
        self._room = hold
        self._held: list[RawBody] = []
        self._deflate = _compressor()
        self._written: list[bytes] = []
        self._seen = _Seen()

    @property
    def pages(self) -> int:
        """How many were added."""
        return self._seen.pages

    def add(self, page: Body) -> None:
        """Add one page.

        :raises TwitchDataError: its body is not UTF-8; nothing of it is kept
        """
        try:
            body = page.text
        except UnicodeDecodeError:
            raise TwitchDataError(
                f"{page.endpoint}: the answer is not UTF-8: run the snapshot again."
            ) from None
        answered, received = page.answered_at, page.received_at
        # The standard library's encoder takes twice as long.
        line = msgspec.json.encode(_Line(page.endpoint, page.params, answered, received, body))
        if has_breaks(body):
            line = escape_breaks(line.decode()).encode()
        self._written.append(self._deflate.compress(line + b"\n"))
        self._seen.add(page)
        self._room -= len(page.body)
        if self._room >= 0:
            self._held.append(RawBody(page.endpoint, page.params, answered, received, page.body))
        else:
            self._held.clear()

    def finish(self, header: RawHeader) -> RawObject:
        """Return the raw object; nothing can be added after that.

        :raises TwitchDataError: no page was added
        """
        first = _compressor()
        head = first.compress(f"{json_line(header.as_dict())}\n".encode()) + first.flush()
        body = b"".join([head, *self._written, self._deflate.flush()])
        return self._seen.object(body, header, self._held)


class _Line(msgspec.Struct):
    endpoint: str
    params: tuple[tuple[str, str], ...]
    answered_at: Annotated[datetime, msgspec.Meta(tz=True)]
    received_at: Annotated[datetime, msgspec.Meta(tz=True)]
    body: str


_decode = msgspec.json.Decoder(_Line).decode


def _compressor() -> Any:
    # 31: with gzip's header, which then carries no time: the bytes must not depend on it.
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)


def iter_bodies(data: bytes) -> Iterator[RawBody]:
    """Read the pages of a raw object one at a time, without decoding their bodies.

    :param data: the object's bytes
    :raises TwitchDataError: it is truncated or altered, or was not written by us
    """
    return _read(data)[1]


def load_pages(data: bytes) -> list[RawPage]:
    """Read all pages of a raw object.

    :param data: the object's bytes
    :raises TwitchDataError: it is truncated or altered, or was not written by us
    """
    return [_opened(number, body) for number, body in enumerate(iter_bodies(data), start=2)]


def _opened(number: int, page: RawBody) -> RawPage:
    try:
        envelope = json.loads(page.body)
        rows, cursor = envelope["data"], (envelope.get("pagination") or {}).get("cursor") or None
    except _UNREADABLE:
        rows, cursor = None, None
    if not isinstance(rows, list):
        raise _not_a_page(number)
    return RawPage(page.endpoint, page.params, page.answered_at, page.received_at, page.body, rows, cursor)


def _read(data: bytes) -> tuple[RawHeader, Iterator[RawBody]]:
    """Read the header, and the pages one at a time."""
    lines = _unzipped(data)
    try:
        header = RawHeader.from_dict(json.loads(next(lines, b"")))
    except _UNREADABLE:
        raise TwitchDataError("the raw object has no header of this version's, or is damaged") from None
    return header, (_parsed(number, line) for number, line in enumerate(lines, start=2))


def _unzipped(data: bytes) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=BytesIO(data), mode="rb") as lines:
        while True:
            try:
                line = lines.readline(_MOST_LINE)
            except (gzip.BadGzipFile, EOFError, zlib.error):
                line = None
            if line == b"":
                return
            if line is None or not line.endswith(b"\n"):
                raise TwitchDataError(_DAMAGED)
            yield line


def _parsed(number: int, line: bytes) -> RawBody:
    try:
        read = _decode(line)
        require_plain(read.endpoint)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _not_a_page(number) from None
    if not (is_usable(read.answered_at) and is_usable(read.received_at)):
        raise _not_a_page(number)
    return RawBody(read.endpoint, read.params, read.answered_at, read.received_at, read.body.encode())


def _not_a_page(number: int) -> TwitchDataError:
    return TwitchDataError(f"line {number} of the raw object is not a page of Helix")
