# SPDX-License-Identifier: Apache-2.0
"""One walk of a crawl: the streams of a language, from a cursor of the list to where the next walk began.

Get Streams sorts by viewers, descending, and a cursor is a place in that order and no offset: rows that come
and go do not shift the pages. https://dev.twitch.tv/docs/api/reference/#get-streams
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from twitch_provider.crawl.light_page import LightPage, read_light_page
from twitch_provider.exceptions import TwitchError, TwitchPaginationError, TwitchRequestError
from twitch_provider.helix.conversation import converse
from twitch_provider.helix.endpoints import MAX_VALUES
from twitch_provider.helix.loop_guard import CursorLoopGuard
from twitch_provider.helix.messages import Request
from twitch_provider.helix.session import Session, Step

#: Pages of 98 and 99 rows are common in the middle of a list; far shorter ones stand at its end.
SHORT_PAGE = 90
#: So many empty pages in a row, each with a cursor, are the end of the list.
EMPTY_PAGES = 3
#: A list is sorted by viewers, and thousands of streams have the same few: there, only rows that both walks
#: have say where the next one began. One alone may have come from elsewhere.
SHARED_ROWS = 3


@dataclass(eq=False)
class LanguageWalk:
    """Follows the streams of one language.

    :param language: of the streams
    :param expected: rows that it may have, by the last snapshot: the longest walk is in the greatest hurry
    :param start: a cursor that was remembered from an earlier crawl; None for the top of the list
    :param below: the walk that begins further down the same list, and where this one may end
    :param place: how many walks of the language begin above this one
    """

    language: str
    expected: int = 0
    start: str | None = None
    below: LanguageWalk | None = None
    place: int = 0
    pages: int = field(default=0, init=False)
    rows: int = field(default=0, init=False)
    #: Why it ended: ``end`` of the list, ``met`` the next walk, ``wrapped`` to its beginning after its end,
    #: ``dropped`` as its remembered cursor led nowhere, ``refused`` as Twitch knows no such language; empty
    #: while it runs, and where it was cut short.
    ended: str = field(default="", init=False)
    #: Why it was cut short; empty where it was not.
    cut: str = field(default="", init=False)
    #: Each page's cursor, from the top down, for the next crawl to begin at.
    cursors: list[str] = field(default_factory=list, init=False, repr=False)
    _seen: set[str] = field(default_factory=set, init=False, repr=False)
    _first: LightPage | None = field(default=None, init=False, repr=False)
    _last: LightPage | None = field(default=None, init=False, repr=False)
    _reopened: bool = field(default=False, init=False, repr=False)
    _again: str | None = field(default=None, init=False, repr=False)
    #: The cursors of the last request, and of the last one that brought rows.
    _asked: str | None = field(default=None, init=False, repr=False)
    _full_at: str | None = field(default=None, init=False, repr=False)
    _empty: int = field(default=0, init=False, repr=False)
    _guard: CursorLoopGuard = field(
        default_factory=lambda: CursorLoopGuard("streams"), init=False, repr=False
    )

    @property
    def label(self) -> str:
        """What to call it: ``en``, or ``en+1`` where it begins further down."""
        return f"{self.language}+{self.place}" if self.place else self.language

    @property
    def done(self) -> bool:
        """Whether nothing more is to be read."""
        return bool(self.ended or self.cut)

    @property
    def outcome(self) -> str:
        """Why it ended, or ``cut``."""
        return "cut" if self.cut else self.ended

    @property
    def last_count(self) -> int:
        """How many rows the last page had that had any."""
        return self._last.count if self._last else 0

    @property
    def bottom(self) -> int | None:
        """Viewers of the last row."""
        return self._last.bottom if self._last else None

    @property
    def top_below(self) -> int | None:
        """Viewers with which the next walk further down began; None where there is none."""
        first = self._next_first()
        return first.top if first else None

    def read(self, session: Session) -> Generator[Step | LightPage, Any, None]:
        """Read the walk to its end, page by page; yields steps for its driver and each page for its caller.

        :param session: what all conversations of the application share
        :raises TwitchPaginationError: the list goes in circles, or leads back to its beginning in its middle
        :raises TwitchError: a page could not be read; ``where`` says how far the walk had come
        """
        cursor = self._again or self.start
        while not self.done:
            params = (("language", self.language), ("first", str(MAX_VALUES)))
            after = (("after", cursor),) if cursor else ()
            request = Request("GET", f"{session.base_url}/streams", (*params, *after), endpoint="streams")
            number = self.pages + 1
            self._asked, wrong = cursor, None
            try:
                page = yield from converse(session, request, read_light_page)
            except TwitchError as error:
                error.where = f"page {number}, {self.rows} rows read so far"
                raise
            try:
                cursor = self._take(page)
            except TwitchError as error:
                error.where, wrong = f"page {number}, {self.rows} rows read so far", error
            # Also the page that leads nowhere: its rows are as good as others.
            yield page
            if wrong is not None:
                raise wrong

    def reopen(self) -> None:
        """Have :meth:`read` ask for the last page that had rows once more, and go on where that leads."""
        self.ended, self._again, self._empty, self._reopened = "", self._full_at, 0, True
        # The page may lead to an empty one, as it did before: that is no circle.
        self._guard.begin()

    def fail(self, error: TwitchError) -> None:
        """Note that a page could not be read.

        A remembered cursor that leads nowhere is no loss: the walk above walks on. A language that Twitch
        does not know is none as long as nobody has it; who does, comes when asked for.

        :param error: why
        """
        if self._reopened:
            # It was at its end, and a second look is a priority.
            self.ended = "end"
        elif self.start is not None and self._first is None:
            self.ended = "dropped"
        elif self._first is None and isinstance(error, TwitchRequestError) and error.status == 400:
            self.ended = "refused"
        else:
            self.cut = str(error)

    def _take(self, page: LightPage) -> str | None:
        """Note a page; returns where to go on."""
        if self._first is None and self.start is not None and not page.count:
            self.ended = "dropped"
            return None
        seen_before, self._reopened = self._reopened, False
        if wrapped := not seen_before and self._leads_back(page):
            self._require_the_end("led back to its beginning")
        self.pages += 1
        self.rows += page.count
        self._guard.record(rows=page.count, new=len(set(page.users) - self._seen))
        self._seen.update(page.users)
        self._empty = 0 if page.count else self._empty + 1
        if self._empty == EMPTY_PAGES and page.cursor:
            self._require_the_end(f"had {EMPTY_PAGES} empty pages in a row")
        self._first = self._first or page
        if page.count:
            self._last, self._full_at = page, self._asked
        if wrapped:
            self.ended = "wrapped"
        elif page.cursor is None or self._empty == EMPTY_PAGES:
            self.ended = "end"
        elif self._meets(page):
            self.ended = "met"
        else:
            self._guard.follow(page.cursor)
            self.cursors.append(page.cursor)
            return page.cursor
        return None

    def _leads_back(self, page: LightPage) -> bool:
        """Whether the list begins anew: more viewers than before, and it is where it began.

        https://github.com/twitchdev/issues/issues/93
        """
        first, last = self._first, self._last
        if first is None or last is None or None in (page.top, last.bottom, first.top):
            return False
        # Few streams may have as many viewers each: then nothing rises.
        few = self.start is None and self.pages == 1 and first.count < SHORT_PAGE
        rises = page.top > last.bottom  # type: ignore[operator]
        if not rises and not (few and not set(page.users) - self._seen):
            return False
        same = len(set(first.users) & set(page.users)) >= min(SHARED_ROWS, first.count)
        return same or (self.start is not None and page.top > first.top)  # type: ignore[operator]

    def _require_the_end(self, did: str) -> None:
        """Whether what the list did may pass for its end, by the last page that had rows."""
        last = self._last
        if last is None or last.count < SHORT_PAGE or (last.bottom is not None and last.bottom <= 1):
            return
        raise TwitchPaginationError(f"streams: in its middle the list {did}; ask again later")

    def _meets(self, page: LightPage) -> bool:
        """Whether the walk below has read on from here."""
        first = self._next_first()
        if first is None or first.top is None or page.bottom is None or page.bottom > first.top:
            return False
        shared = len(set(first.users) & set(page.users))
        return page.bottom < first.top or shared >= min(SHARED_ROWS, first.count)

    def _next_first(self) -> LightPage | None:
        below = self.below
        while below is not None and below.ended == "dropped":
            below = below.below
        return None if below is None else below._first  # noqa: SLF001 - a walk like this one
