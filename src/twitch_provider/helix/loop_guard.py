# SPDX-License-Identifier: Apache-2.0
"""A guard against lists whose cursors never lead to an end."""

from __future__ import annotations

from dataclasses import dataclass, field

from twitch_provider.exceptions import TwitchPaginationError
from twitch_provider.helix.endpoints import MAX_VALUES

#: This many pages in a row without a new id, each with a new cursor, are a loop and not a moving list:
#: past a thousand clips Helix repeats the same ones endlessly. https://github.com/twitchdev/issues/issues/1188
STALE_PAGES = 5

#: This surplus of old rows over new ones is a loop too: a list that starts over while it moves has a few new
#: rows on many pages. https://github.com/twitchdev/issues/issues/93
STALE_ROWS = STALE_PAGES * MAX_VALUES


@dataclass
class CursorLoopGuard:
    """Records the pages and cursors of a list.

    :param path: of the endpoint, for messages
    """

    path: str
    _cursors: set[str] = field(default_factory=set, init=False)
    _stale: int = field(default=0, init=False)
    _surplus: int = field(default=0, init=False)

    def begin(self) -> None:
        """Start on another list, whose cursors are unrelated to those of the last one."""
        self._cursors.clear()
        self._stale = self._surplus = 0

    def record(self, *, rows: int, new: int) -> None:
        """Record a page.

        :param rows: how many it has
        :param new: how many of them have an id that no earlier page had
        """
        self._stale = 0 if new else self._stale + 1
        self._surplus = max(0, self._surplus + rows - 2 * new)

    def follow(self, cursor: str) -> None:
        """Follow this cursor.

        A list that leads back to page one at its end is an error too: a cursor that breaks in the middle of
        a list does the same, and to stop there silently would be to take a part for the whole.

        :param cursor: of the page that was just read
        :raises TwitchPaginationError: it was followed before, or the last pages had no new row, or hardly any
        """
        if cursor in self._cursors:
            raise TwitchPaginationError(
                f"{self.path}: Twitch sent the same cursor twice, so the list would never end; try later"
            )
        if self._stale >= STALE_PAGES:
            raise TwitchPaginationError(
                f"{self.path}: {self._stale} pages in a row had no new row, so the list would never end; "
                f"narrow the query, or try later"
            )
        if self._surplus > STALE_ROWS:
            raise TwitchPaginationError(
                f"{self.path}: page after page had more old rows than new ones, so the list would never end; "
                f"narrow the query, or try later"
            )
        self._cursors.add(cursor)
