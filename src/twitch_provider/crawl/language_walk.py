# SPDX-License-Identifier: Apache-2.0
"""One language's list of streams, read from its top to its end.

Get Streams sorts by viewers, descending, and a cursor is a place in that order and not an offset: rows that
come and go do not shift the pages. https://dev.twitch.tv/docs/api/reference/#get-streams
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from twitch_provider.crawl.light_page import LightPage, read_light_page
from twitch_provider.exceptions import TwitchError, TwitchPaginationError
from twitch_provider.helix.conversation import converse
from twitch_provider.helix.endpoints import MAX_VALUES
from twitch_provider.helix.loop_guard import CursorLoopGuard
from twitch_provider.helix.messages import Request
from twitch_provider.helix.session import Session, Step

#: Pages of 98 and 99 rows are common in the middle of a list; far shorter ones stand at its end.
SHORT_PAGE = 90
#: This many empty pages in a row, each with a cursor, are the end of the list.
EMPTY_PAGES = 3
#: Two pages with this many rows in common are of the same place in the list. A single row may have moved.
SHARED_ROWS = 3


@dataclass(eq=False)
class LanguageWalk:
    """Reads the streams of one language, page by page.

    :param language: of the streams
    :param expected: rows that it probably has, by the last snapshot: the longest walk gets points first
    """

    language: str
    expected: int = 0
    pages: int = field(default=0, init=False)
    rows: int = field(default=0, init=False)
    #: Why it ended: ``end`` of the list, ``wrapped`` to its beginning after its end, or ``refused`` as Twitch
    #: does not know the language. Empty while it runs, and where it was cut short.
    ended: str = field(default="", init=False)
    #: Why it was cut short; empty where it was not.
    cut: str = field(default="", init=False)
    #: The first and the last page that had rows.
    first: LightPage | None = field(default=None, init=False, repr=False)
    last: LightPage | None = field(default=None, init=False, repr=False)
    #: The broadcasters that it found.
    users: set[str] = field(default_factory=set, init=False, repr=False)
    #: The cursor of each page but the last, from the top down.
    cursors: list[str] = field(default_factory=list, init=False, repr=False)
    #: The cursor of the next request, and of the one that :attr:`last` answered.
    _cursor: str | None = field(default=None, init=False, repr=False)
    _cursor_of_last: str | None = field(default=None, init=False, repr=False)
    _empty_pages: int = field(default=0, init=False, repr=False)
    _reopened: bool = field(default=False, init=False, repr=False)
    _guard: CursorLoopGuard = field(
        default_factory=lambda: CursorLoopGuard("streams"), init=False, repr=False
    )

    @property
    def label(self) -> str:
        """Its name in logs and reports."""
        return self.language

    @property
    def done(self) -> bool:
        """Whether nothing more is to be read."""
        return bool(self.ended or self.cut)

    @property
    def outcome(self) -> str:
        """Why it ended, or ``cut``."""
        return "cut" if self.cut else self.ended

    @property
    def ended_with_full_page(self) -> bool:
        """Whether the list ended, and its last page with rows was a full one: most end with fewer rows."""
        return self.ended == "end" and is_full(self.last)

    @property
    def bottom(self) -> int | None:
        """Viewers of the last row."""
        return self.last.bottom if self.last else None

    def read(self, session: Session) -> Generator[Step | LightPage, Any, None]:
        """Read to the end of the list; yields steps for the driver and pages for its caller.

        :raises TwitchPaginationError: the list loops, or leads back to its beginning from its middle
        :raises TwitchError: a page could not be read; ``where`` says how far the walk had come
        """
        while not self.done:
            number = self.pages + 1
            try:
                page = yield from converse(
                    session, page_request(session, self.language, self._cursor), read_light_page
                )
                yield page  # before it is judged: its rows count even if its cursor leads nowhere
                self._record(page)
            except TwitchError as error:
                error.where = f"page {number}, {self.rows} rows read so far"
                raise

    def reopen(self) -> None:
        """Have :meth:`read` request the last page that had rows once more, and go on from there."""
        self.ended, self._cursor, self._empty_pages, self._reopened = "", self._cursor_of_last, 0, True
        # The page may lead to an empty one, as it did before: that is not a loop.
        self._guard.begin()

    def fail(self, error: TwitchError) -> None:
        """Cut the walk short: a page could not be read. One that was reopened had reached its end before."""
        if self._reopened:
            self.ended = "end"
        else:
            self.cut = str(error)

    def _record(self, page: LightPage) -> None:
        """Decide whether the list goes on after this page.

        :raises TwitchPaginationError: its cursor leads nowhere, and this cannot be the end of the list
        """
        wrapped, self._reopened = not self._reopened and self._wraps(page), False
        self.pages += 1
        self.rows += page.count
        before = len(self.users)
        self.users.update(page.users)
        self._guard.record(rows=page.count, new=len(self.users) - before)
        self._empty_pages = 0 if page.count else self._empty_pages + 1
        if wrapped:
            self._require_plausible_end("led back to its beginning")
            self.ended = "wrapped"
        elif page.cursor is None:
            self.ended = "end"
        elif self._empty_pages == EMPTY_PAGES:
            self._require_plausible_end(f"had {EMPTY_PAGES} empty pages in a row")
            self.ended = "end"
        else:
            self._guard.follow(page.cursor)
            self.cursors.append(page.cursor)
        if page.count:
            self.first, self.last, self._cursor_of_last = self.first or page, page, self._cursor
        self._cursor = page.cursor

    def _wraps(self, page: LightPage) -> bool:
        """Whether the list begins again with this page: viewers rise, and it has the rows of the first page.

        https://github.com/twitchdev/issues/issues/93
        """
        # In a short list all streams may have as many viewers, and nothing rises.
        repeats = self.pages == 1 and not is_full(self.first) and self.users.issuperset(page.users)
        return (self._rises(page) or repeats) and overlap(self.first, page)

    def _rises(self, page: LightPage) -> bool:
        """Whether a page begins with more viewers than the last one ended with."""
        return page.top is not None and self.bottom is not None and page.top > self.bottom

    def _require_plausible_end(self, what: str) -> None:
        """Check that the list may have ended with the last page that had rows: a short one, or few viewers.

        :raises TwitchPaginationError: it did not
        """
        if is_full(self.last) and (self.bottom is None or self.bottom > 1):
            raise TwitchPaginationError(f"streams: the list {what} before its end; try again later")


def page_request(session: Session, language: str, cursor: str | None) -> Request:
    """Return the request for a page of a language's list.

    :param session: what all conversations of the application share
    :param language: of the streams
    :param cursor: where the page begins; None for the first
    """
    params = (("language", language), ("first", str(MAX_VALUES)))
    after = (("after", cursor),) if cursor else ()
    return Request("GET", f"{session.base_url}/streams", (*params, *after), endpoint="streams")


def is_full(page: LightPage | None) -> bool:
    """Whether a page has about as many rows as were requested.

    :param page: None counts as empty
    """
    return page is not None and page.count >= SHORT_PAGE


def overlap(first: LightPage | None, page: LightPage) -> bool:
    """Whether a page is of the same place in the list as an earlier one."""
    return first is not None and len(set(first.users) & set(page.users)) >= min(SHARED_ROWS, first.count)
