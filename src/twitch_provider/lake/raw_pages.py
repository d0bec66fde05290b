# SPDX-License-Identifier: Apache-2.0
"""Pages of Helix as the lake takes them, and as it reads them back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


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
    def received_at(self) -> datetime:
        """Return when the answer arrived, aware UTC, by our clock."""
        ...

    @property
    def body(self) -> bytes:
        """Return the answer, untouched."""
        ...

    @property
    def text(self) -> str:
        """Return the answer as text.

        :raises UnicodeDecodeError: it is not UTF-8
        """
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
    :param received_at: when the answer arrived, by our clock
    :param body: untouched
    :param rows: all rows of the body, as they are
    :param cursor: where the next page begins; None at the end of the list
    """

    endpoint: str
    params: tuple[tuple[str, str], ...]
    answered_at: datetime
    received_at: datetime
    body: bytes = field(repr=False)
    rows: list[Any] = field(repr=False)
    cursor: str | None

    @property
    def text(self) -> str:
        """Return the body as text.

        :raises UnicodeDecodeError: it is not UTF-8
        """
        return self.body.decode()


@dataclass(frozen=True)
class RawBody:
    """A :class:`Body` that was read back.

    :param endpoint: for example ``streams``
    :param params: the query that was sent
    :param answered_at: when Twitch answered, aware UTC
    :param received_at: when the answer arrived, by our clock
    :param body: untouched
    """

    endpoint: str
    params: tuple[tuple[str, str], ...]
    answered_at: datetime
    received_at: datetime
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """Return the body as text.

        :raises UnicodeDecodeError: it is not UTF-8
        """
        return self.body.decode()
