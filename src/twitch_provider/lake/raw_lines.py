# SPDX-License-Identifier: Apache-2.0
"""Pages as Helix answered them, kept as gzipped JSON lines.

A page a line: ``{"endpoint": …, "params": [[name, value], …], "answered_at": …, "body": …}``. The body is the
untouched text of the answer, as one JSON string. Everything after ``extract`` can be done again from here.
A crawl adds one last line, ``{"report": {…}}``: what it did, for a run that was killed before its manifest.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from twitch_provider.exceptions import TwitchDataError

#: The bytes must not depend on when they were written.
_GZIP = {"compresslevel": 6, "mtime": 0}

_REMEDY = "Delete it and let the next run take a new snapshot: Twitch cannot be asked about the past."
_DAMAGED = f"The raw object is empty or damaged. {_REMEDY}"

#: ValueError covers JSON, instants and numbers that are none; RecursionError a body nested without end.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class Body(Protocol):
    """A page whose rows nobody has looked at; :class:`twitch_provider.crawl.light_page.LightPage` is one."""

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
    """What the lake needs of a page; :class:`twitch_provider.helix.messages.Page` is one."""

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
class Report:
    """The last line of a crawl's raw object.

    :param values: what the crawl did
    """

    values: Mapping[str, Any]


def dump_pages(pages: Iterable[Page]) -> bytes:
    """Return the raw object. The same pages give the same bytes.

    :param pages: in the order of reading
    :raises TwitchDataError: a body is not UTF-8
    """
    return gzip.compress(b"".join(dump_body(page) for page in pages), **_GZIP)


def dump_body(page: Body) -> bytes:
    """Return the line of one page.

    :param page: as it was read
    :raises TwitchDataError: its body is not UTF-8
    """
    try:
        body = page.body.decode()
    except UnicodeDecodeError:
        raise TwitchDataError(f"{page.endpoint}: the answer is not UTF-8: run the snapshot again.") from None
    record = {
        "endpoint": page.endpoint,
        "params": page.params,
        "answered_at": page.answered_at.isoformat(),
        "body": body,
    }
    return _json_line(record)


def dump_report(report: Mapping[str, Any]) -> bytes:
    """Return the last line of a crawl.

    :param report: what it did: numbers, texts, lists and objects
    """
    return _json_line({"report": report})


def _json_line(record: Mapping[str, Any]) -> bytes:
    # Half a surrogate pair is no UTF-8; as backslashreplace writes it, it is JSON's own escape.
    return (json.dumps(record, ensure_ascii=False) + "\n").encode(errors="backslashreplace")


def iter_bodies(file: BinaryIO) -> Iterator[RawBody]:
    """Read the pages of a raw object one at a time; the report of a crawl is left out.

    :param file: the object, positioned at its beginning
    :raises TwitchDataError: it is truncated, altered, or was not written by us
    """
    return (line for line in iter_lines(file) if isinstance(line, RawBody))


def iter_lines(file: BinaryIO) -> Iterator[RawBody | Report]:
    """Read a raw object one line at a time: pages, and at the end the report where there is one.

    :param file: the object, positioned at its beginning
    :raises TwitchDataError: it is truncated, altered, or was not written by us
    """
    number, line = 0, None
    for number, text in enumerate(_unzipped(file), start=1):
        if isinstance(line, Report):
            raise TwitchDataError(f"Line {number} of the raw object comes after the report. {_REMEDY}")
        line = _parsed(number, text)
        yield line
    if not number:
        raise TwitchDataError(_DAMAGED)


def _unzipped(file: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file, mode="rb") as lines:
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


def _parsed(number: int, text: bytes) -> RawBody | Report:
    # As in _page(), but the body stays closed: whoever makes columns of it looks into it.
    try:
        record = json.loads(text)
        if "report" in record:
            return Report({**record["report"]})
        page = _body(record)
    except _UNREADABLE:
        page = None
    if page is None or page.answered_at.utcoffset() is None:
        raise TwitchDataError(f"Line {number} of the raw object is not a page of Helix. {_REMEDY}")
    return page


def _body(record: Mapping[str, Any]) -> RawBody:
    return RawBody(
        endpoint=str(record["endpoint"]),
        params=tuple((str(name), str(value)) for name, value in record["params"]),
        answered_at=datetime.fromisoformat(record["answered_at"]),
        body=record["body"].encode(),
    )


def load_pages(data: bytes) -> list[RawPage]:
    """Read the raw object back.

    :param data: the object's bytes
    :raises TwitchDataError: it is truncated, altered, or was not written by :func:`dump_pages`
    """
    try:
        text = gzip.decompress(data).decode() if data else ""
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        text = ""
    # Not splitlines(): JSON leaves U+2028 and its kin as they are.
    lines = text.split("\n")[:-1]
    if not lines:
        raise TwitchDataError(_DAMAGED)
    return [_page(number, line) for number, line in enumerate(lines, start=1)]


def _page(number: int, line: str) -> RawPage:
    try:
        record = json.loads(line)
        envelope = json.loads(record["body"])
        page = RawPage(
            **vars(_body(record)),
            rows=envelope["data"],
            cursor=(envelope.get("pagination") or {}).get("cursor") or None,
        )
    except _UNREADABLE:
        page = None
    if page is None or not isinstance(page.rows, list) or page.answered_at.utcoffset() is None:
        raise TwitchDataError(f"Line {number} of the raw object is not a page of Helix. {_REMEDY}")
    return page
