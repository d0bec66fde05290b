# SPDX-License-Identifier: Apache-2.0
"""Pages as Helix answered them, kept as gzipped JSON lines.

A page a line: ``{"endpoint": …, "params": [[name, value], …], "answered_at": …, "body": …}``. The body is the
untouched text of the answer, as one JSON string. Everything after ``extract`` can be done again from here.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from twitch_provider.exceptions import TwitchDataError

#: The bytes must not depend on when they were written.
_GZIP = {"compresslevel": 6, "mtime": 0}


class Page(Protocol):
    """What the lake needs of a page; :class:`twitch_provider.helix.messages.Page` is one."""

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


def dump_pages(pages: Iterable[Page]) -> bytes:
    """Return the raw object. The same pages give the same bytes.

    :param pages: in the order of reading
    :raises TwitchDataError: a body is not UTF-8
    """
    return gzip.compress("".join(_line(page) + "\n" for page in pages).encode(), **_GZIP)


def _line(page: Page) -> str:
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
    return json.dumps(record, ensure_ascii=False)


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
        raise TwitchDataError(f"The raw object is empty or damaged. {_REMEDY}")
    return [_page(number, line) for number, line in enumerate(lines, start=1)]


_REMEDY = "Delete it and let the next run take a new snapshot: Twitch cannot be asked about the past."


def _page(number: int, line: str) -> RawPage:
    # ValueError covers JSON, instants and numbers that are none; RecursionError a body nested without end.
    try:
        record = json.loads(line)
        envelope = json.loads(record["body"])
        page = RawPage(
            endpoint=str(record["endpoint"]),
            params=tuple((str(name), str(value)) for name, value in record["params"]),
            answered_at=datetime.fromisoformat(record["answered_at"]),
            body=record["body"].encode(),
            rows=envelope["data"],
            cursor=(envelope.get("pagination") or {}).get("cursor") or None,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        page = None
    if page is None or not isinstance(page.rows, list) or page.answered_at.utcoffset() is None:
        raise TwitchDataError(f"Line {number} of the raw object is not a page of Helix. {_REMEDY}")
    return page
