# SPDX-License-Identifier: Apache-2.0
"""Live streams by filter: what Get Streams can be asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from twitch_provider.helix import queries

if TYPE_CHECKING:
    from twitch_provider.helix.messages import Page
    from twitch_provider.helix.queries import Ids
    from twitch_provider.hooks.twitch import TwitchHook
    from twitch_provider.lake import raw_pages
    from twitch_provider.lake.tables import CleanTable


@dataclass(frozen=True)
class FilteredStreams:
    """A :class:`~twitch_provider.pipelines.snapshot.Snapshot` of Get Streams with its filters.

    https://dev.twitch.tv/docs/api/reference/#get-streams

    :param dataset: the name of the table
    :param game_ids: only these games
    :param user_ids: only these broadcasters
    :param user_logins: only these broadcasters
    :param languages: only these
    :param stream_type: ``all`` or ``live``
    :param max_items: stop after that many streams
    """

    dataset: str
    game_ids: Ids | None = None
    user_ids: Ids | None = None
    user_logins: Ids | None = None
    languages: Ids | None = None
    stream_type: str | None = None
    max_items: int | None = None

    @property
    def raw_dataset(self) -> str:
        """Return the dataset that the raw pages are filed under."""
        return self.dataset

    @property
    def asks(self) -> dict[str, Any]:
        """Return what Twitch is asked for: the filters that are set, lists sorted."""
        filters = {
            "game_ids": self.game_ids,
            "user_ids": self.user_ids,
            "user_logins": self.user_logins,
            "languages": self.languages,
        }
        asks: dict[str, Any] = {
            name: sorted({str(value) for value in ([values] if isinstance(values, str) else values)})
            for name, values in filters.items()
            if values is not None
        }
        numbers = {"stream_type": self.stream_type, "max_items": self.max_items}
        return asks | {name: value for name, value in numbers.items() if value is not None}

    def read(self, hook: TwitchHook) -> Iterator[Page]:
        """Read the streams, then make sure that Twitch knows each game that has none.

        :raises TwitchNotFoundError: at the end, naming the games that Twitch does not know
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        params = {
            "game_id": self.game_ids,
            "user_id": self.user_ids,
            "user_login": self.user_logins,
            "language": self.languages,
            "type": self.stream_type,
        }
        query = queries.query("streams", params, max_items=self.max_items, split=True)
        seen = set()
        for page in hook.walk(query):
            # Ids that are something else than text are left to cleaning.
            seen |= {str(row.get("game_id")) for row in page.rows if isinstance(row, dict)}
            yield page
        asked = {text for params in query.batches for name, text in params if name == "game_id"}
        hook.require_games(asked - seen)

    def clean(self, pages: Iterable[raw_pages.Page], run_after: datetime) -> dict[str, CleanTable]:
        """Make the table."""
        from twitch_provider.lake.clean import clean_streams

        return {self.dataset: clean_streams(pages, run_after=run_after, ranks={})}
