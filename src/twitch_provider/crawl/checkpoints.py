# SPDX-License-Identifier: Apache-2.0
"""Reading a long list from several places at once: at cursors that the last crawl came past. Off by default.

Nobody has tried on the live service yet whether Twitch's cursors are valid for five minutes. One that is not
costs a request and no stream, as the segment above reads on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from twitch_provider.crawl.language_walk import LanguageWalk, overlap
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.exceptions import TwitchError

#: A list of this many pages gets checkpoints: at 150 ms a page it takes longer than the rate limit needs for
#: all the others.
LONG_LIST_PAGES = 150
#: How many pages lie between two checkpoints.
PAGES_APART = 25


@dataclass(eq=False)
class ListSegment(LanguageWalk):
    """Reads a part of a language's list: from a checkpoint to where the segment below it began.

    Two more outcomes: ``met`` the segment below, and ``dropped`` as the checkpoint is not valid any more.

    :param start: the cursor of the checkpoint; None for the top of the list
    :param below: the segment that begins further down the list
    :param number: how many segments of the list are above this one
    """

    start: str | None = None
    below: ListSegment | None = None
    number: int = 0

    def __post_init__(self) -> None:
        self._cursor = self.start

    @property
    def label(self) -> str:
        """Its name in logs and reports: ``en``, or ``en+1`` for the second segment."""
        return f"{self.language}+{self.number}" if self.number else self.language

    @property
    def first_below(self) -> LightPage | None:
        """The page with which the next segment began that was not dropped."""
        below = self.below
        while below is not None and below.ended == "dropped":
            below = below.below
        return below.first if below else None

    def fail(self, error: TwitchError) -> None:
        """Drop a segment whose checkpoint could not be read; cut one that had begun."""
        if self.start is not None and not self.pages:
            self.ended = "dropped"
        else:
            super().fail(error)

    def _record(self, page: LightPage) -> None:
        if self.start is not None and not self.pages and not page.count:
            self.ended = "dropped"
            return
        super()._record(page)
        if not self.ended and self._meets(page):
            self.ended = "met"
            self.cursors.pop()

    def _meets(self, page: LightPage) -> bool:
        """Whether the segment below has read on from here.

        Thousands of streams have the same few viewers: among these, only rows in common tell the place.
        """
        first = self.first_below
        if first is None or first.top is None or page.bottom is None or page.bottom > first.top:
            return False
        return page.bottom < first.top or overlap(first, page)

    def _wraps(self, page: LightPage) -> bool:
        if self.start is None:
            return super()._wraps(page)
        # After its end the list leads to its top, which is above the place where this segment began.
        first = self.first.top if self.first else None
        above = page.top is not None and first is not None and page.top > first
        return self._rises(page) and (above or overlap(self.first, page))


def segments(language: str, expected: int, cursors: Sequence[str]) -> list[LanguageWalk]:
    """Divide a list at the checkpoints of the last crawl.

    :returns: from the bottom of the list up: each segment knows the one below it
    """
    found: list[LanguageWalk] = []
    below = None
    for number, start in reversed([*enumerate((None, *cursors))]):
        below = ListSegment(language, expected // (len(cursors) + 1), start=start, below=below, number=number)
        found.append(below)
    return found


def gaps(walks: Iterable[LanguageWalk]) -> dict[LanguageWalk, str]:
    """Find the segments that ended above the place where the next one began.

    :returns: why the list ended early, by segment
    """
    found: dict[LanguageWalk, str] = {}
    for walk in walks:
        if not isinstance(walk, ListSegment) or walk.ended != "end" or walk.first_below is None:
            continue
        top = walk.first_below.top
        if top is not None and (walk.bottom or 0) > top:
            found[walk] = f"at {walk.bottom} viewers, and the segment below began at {top}"
    return found


def next_checkpoints(walks: Iterable[LanguageWalk]) -> dict[str, list[str]]:
    """Return cursors of each long list, evenly spaced, at which the next crawl may begin."""
    found: dict[str, list[str]] = {}
    for walk in walks:
        if isinstance(walk, ListSegment) and walk.start is None:
            cursors: list[str] = []
            segment: ListSegment | None = walk
            while segment is not None:
                cursors += segment.cursors
                segment = segment.below
            if len(cursors) >= LONG_LIST_PAGES:
                found[walk.language] = cursors[PAGES_APART - 1 :: PAGES_APART]
    return found
