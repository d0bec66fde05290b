# SPDX-License-Identifier: Apache-2.0
"""Whether a list leads in circles: a guard for whoever follows its cursors."""

from __future__ import annotations

from dataclasses import dataclass, field

from twitch_provider.exceptions import TwitchPaginationError
from twitch_provider.helix.endpoints import MAX_VALUES

#: So many pages in a row without one new id, each with a new cursor, are a circle and not a moving list:
#: past a thousand clips the same ones come for ever. https://github.com/twitchdev/issues/issues/1188
STALE_PAGES = 5

#: So many more old rows than new ones, since all went well, are a circle too: a list that begins anew
#: while it moves has a new row on many a page. https://github.com/twitchdev/issues/issues/93
STALE_ROWS = STALE_PAGES * MAX_VALUES


@dataclass
class CursorLoopGuard:
    """Where a list has led so far.

    :param path: of the endpoint, for messages
    """

    path: str
    _cursors: set[str] = field(default_factory=set, init=False)
    _stale: int = field(default=0, init=False)
    _surplus: int = field(default=0, init=False)

    def begin(self) -> None:
        """Start on another list: its cursors have nothing to do with those of the last one."""
        self._cursors.clear()
        self._stale = self._surplus = 0

    def note(self, *, rows: int, new: int) -> None:
        """Note what a page brought.

        :param rows: on the page
        :param new: those whose id no earlier page had
        """
        self._stale = 0 if new else self._stale + 1
        self._surplus = max(0, self._surplus + rows - 2 * new)

    def follow(self, cursor: str) -> None:
        """Go on at this cursor.

        A list that leads back to page one at its end is an error too: a cursor that breaks in the middle of
        a list does the same, and who ended there in silence would publish a part of it as the whole.

        :param cursor: of the page that was just read
        :raises TwitchPaginationError: it leads back, or page after page brought nothing (or hardly anything)
            new
        """
        if cursor in self._cursors:
            raise TwitchPaginationError(
                f"{self.path}: Twitch sent the same cursor twice, the list would never end; ask again later"
            )
        if self._stale >= STALE_PAGES:
            raise TwitchPaginationError(
                f"{self.path}: {self._stale} pages in a row brought nothing new, the list would never end; "
                f"ask for less of it, or again later"
            )
        if self._surplus > STALE_ROWS:
            raise TwitchPaginationError(
                f"{self.path}: page after page brought more old rows than new, the list goes in circles; "
                f"ask for less of it, or again later"
            )
        self._cursors.add(cursor)
