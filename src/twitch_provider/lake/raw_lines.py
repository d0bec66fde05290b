# SPDX-License-Identifier: Apache-2.0
"""The format of a raw object: pages as Helix answered them, as gzipped JSON lines.

A page a line: ``{"endpoint": …, "params": [[name, value], …], "answered_at": …, "body": …}``. The body is the
untouched text of the answer, as one JSON string. A crawl adds one last line, ``{"report": {…}}``: what it
did, for a run that was killed before its manifest. Everything after ``extract`` can be done again from here.

Pages are compressed in memory as they come: those of 100,000 streams, 52 MB, are 7.7 MB. :mod:`.extract`
writes the object to the store, and finds it there again.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, Protocol

from twitch_provider.exceptions import TwitchDataError

#: Of gzip. 100,000 streams: level 3 takes 0.21 s for 7.7 MB, level 6 0.48 s for 6.3 MB, level 1 0.18 s for
#: 8.4 MB.
_LEVEL = 3

_REMEDY = "Delete it and let the next run take a new snapshot: Twitch cannot be asked about the past."
_DAMAGED = f"The raw object is empty or damaged. {_REMEDY}"

#: ValueError covers invalid JSON, instants and numbers; RecursionError a body that is nested too deeply.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class Body(Protocol):
    """A page whose body is not decoded, as :class:`twitch_provider.crawl.light_page.LightPage`."""

    @property
    def endpoint(self) -> str:
        """Return the path below the base URL, for example ``games/top``."""
        ...

    @property
    def params(self) -> tuple[tuple[str, str], ...]:
        """Return the query as it was sent; repeated names stay repeated."""
        ...

    @property
    def answered_at(self) -> datetime:
        """Return when Twitch answered, aware UTC."""
        ...

    @property
    def body(self) -> bytes:
        """Return the answer, untouched."""
        ...


class Page(Body, Protocol):
    """A page whose body is decoded, as :class:`twitch_provider.helix.messages.Page`."""

    @property
    def rows(self) -> list[Any]:
        """Return the decoded ``data`` of the body."""
        ...

    @property
    def cursor(self) -> str | None:
        """Return where the next page begins; None at the end of the list."""
        ...


@dataclass(frozen=True)
class RawPage:
    """A :class:`Page` that was read back.

    :param endpoint: for example ``streams``
    :param params: the query that was sent
    :param answered_at: when Twitch answered, aware UTC
    :param body: untouched
    :param rows: all rows of the body, as they are
    :param cursor: where the next page begins; None at the end of the list
    """

    endpoint: str
    params: tuple[tuple[str, str], ...]
    answered_at: datetime
    body: bytes = field(repr=False)
    rows: list[Any] = field(repr=False)
    cursor: str | None


@dataclass(frozen=True)
class RawBody:
    """A :class:`Body` that was read back.

    :param endpoint: for example ``streams``
    :param params: the query that was sent
    :param answered_at: when Twitch answered, aware UTC
    :param body: untouched
    """

    endpoint: str
    params: tuple[tuple[str, str], ...]
    answered_at: datetime
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class RawObject:
    """A whole raw object, in memory.

    :param body: its bytes, compressed
    :param pages: how many it holds
    :param first_answer_at: when Twitch answered first, aware UTC
    :param last_answer_at: when Twitch answered last, aware UTC
    :param report: what the crawl did; None where nothing was crawled
    """

    body: bytes = field(repr=False)
    pages: int
    first_answer_at: datetime
    last_answer_at: datetime
    report: Mapping[str, Any] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, pages: Iterable[Body], report: Mapping[str, Any] | None = None) -> RawObject:
        """Make the raw object of these pages. The same pages give the same bytes.

        :raises TwitchDataError: there is no page, or a body is not UTF-8
        """
        writer = RawWriter()
        for page in pages:
            writer.add(page)
        return writer.finish(report)

    @classmethod
    def read(cls, body: bytes) -> RawObject:
        """Check a stored raw object.

        :param body: its bytes
        :raises TwitchDataError: it holds no page, is truncated or altered, or was not written by us
        """
        answered: list[datetime] = []
        report: Mapping[str, Any] | None = None
        for line in _lines(body):
            if isinstance(line, RawBody):
                answered.append(line.answered_at)
            else:
                report = line
        if not answered:
            raise TwitchDataError(f"The raw object holds no page. {_REMEDY}")
        return cls(body, len(answered), min(answered), max(answered), report)

    def bodies(self) -> Iterator[RawBody]:
        """Iterate over the pages; only one is decompressed at a time."""
        return iter_bodies(self.body)


class RawWriter:
    """Compresses pages as they come, and returns the raw object at the end."""

    def __init__(self) -> None:
        # 31: with gzip's header, which then carries no time: the bytes must not depend on it.
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
        self._written: list[bytes] = []
        self._answered: list[datetime] = []

    def add(self, page: Body) -> None:
        """Add one page.

        :raises TwitchDataError: its body is not UTF-8; nothing of it is kept
        """
        try:
            body = page.body.decode()
        except UnicodeDecodeError:
            raise TwitchDataError(
                f"{page.endpoint}: the answer is not UTF-8: run the snapshot again."
            ) from None
        self._write(
            {
                "endpoint": page.endpoint,
                "params": page.params,
                "answered_at": page.answered_at.isoformat(),
                "body": body,
            }
        )
        self._answered.append(page.answered_at)

    def finish(self, report: Mapping[str, Any] | None = None) -> RawObject:
        """Return the raw object; nothing can be added after that.

        :raises TwitchDataError: no page was added
        """
        if not self._answered:
            raise TwitchDataError("No page was read, so there is nothing to store: run the task again.")
        if report is not None:
            self._write({"report": report})
        self._written.append(self._deflate.flush())
        body = b"".join(self._written)
        return RawObject(body, len(self._answered), min(self._answered), max(self._answered), report)

    def _write(self, record: Mapping[str, Any]) -> None:
        # UTF-8 cannot hold half a surrogate pair; what backslashreplace writes is JSON's own escape of it.
        line = json.dumps(record, ensure_ascii=False).encode(errors="backslashreplace")
        self._written.append(self._deflate.compress(line + b"\n"))


def iter_bodies(data: bytes) -> Iterator[RawBody]:
    """Read the pages of a raw object one at a time, without decoding their bodies.

    :param data: the object's bytes
    :raises TwitchDataError: it is truncated or altered, or was not written by us
    """
    return (line for line in _lines(data) if isinstance(line, RawBody))


def load_pages(data: bytes) -> list[RawPage]:
    """Read all pages of a raw object.

    :param data: the object's bytes
    :raises TwitchDataError: it is truncated or altered, or was not written by us
    """
    return [_opened(number, body) for number, body in enumerate(iter_bodies(data), start=1)]


def _opened(number: int, page: RawBody) -> RawPage:
    try:
        envelope = json.loads(page.body)
        rows, cursor = envelope["data"], (envelope.get("pagination") or {}).get("cursor") or None
    except _UNREADABLE:
        rows, cursor = None, None
    if not isinstance(rows, list):
        raise _not_a_page(number)
    return RawPage(page.endpoint, page.params, page.answered_at, page.body, rows, cursor)


def _lines(data: bytes) -> Iterator[RawBody | Mapping[str, Any]]:
    """Read a raw object line by line: pages, and at the end the report where there is one."""
    number, line = 0, None
    for number, text in enumerate(_unzipped(data), start=1):
        if line is not None and not isinstance(line, RawBody):
            raise TwitchDataError(f"Line {number} of the raw object comes after the report. {_REMEDY}")
        line = _parsed(text)
        if line is None:
            raise _not_a_page(number)
        yield line
    if not number:
        raise TwitchDataError(_DAMAGED)


def _unzipped(data: bytes) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=BytesIO(data), mode="rb") as lines:
        while True:
            try:
                line = lines.readline()
            except (gzip.BadGzipFile, EOFError, zlib.error):
                line = None
            if line == b"":
                return
            if line is None or not line.endswith(b"\n"):
                raise TwitchDataError(_DAMAGED)
            yield line


def _parsed(line: bytes) -> RawBody | dict[str, Any] | None:
    """Parse a line; None where it is neither a page nor a report."""
    try:
        record = json.loads(line)
        if "report" in record:
            return {**record["report"]}
        page = RawBody(
            endpoint=str(record["endpoint"]),
            params=tuple((str(name), str(value)) for name, value in record["params"]),
            answered_at=datetime.fromisoformat(record["answered_at"]),
            body=record["body"].encode(),
        )
    except _UNREADABLE:
        return None
    return None if page.answered_at.utcoffset() is None else page


def _not_a_page(number: int) -> TwitchDataError:
    return TwitchDataError(f"Line {number} of the raw object is not a page of Helix. {_REMEDY}")
