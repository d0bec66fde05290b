# SPDX-License-Identifier: Apache-2.0
"""The walk over the pages of a list: each id once, to its real end, never in circles.

A list moves while it is read: rows come twice, pages come short or empty. None of that is its end; only a
missing or empty cursor is. https://dev.twitch.tv/docs/api/guide#pagination
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from twitch_provider.exceptions import TwitchError, TwitchNotFoundError
from twitch_provider.helix.answers import Envelope, read_page
from twitch_provider.helix.conversation import converse
from twitch_provider.helix.loop_guard import CursorLoopGuard
from twitch_provider.helix.messages import Page, Params, Request
from twitch_provider.helix.queries import Query
from twitch_provider.helix.session import Session, Step


@dataclass
class WalkState:
    """Where a walk has been.

    :param path: of the endpoint, for messages
    :param id_field: what identifies a row
    :param max_items: how many distinct rows are wanted; None for all
    """

    path: str
    id_field: str
    max_items: int | None = None
    rows: int = field(default=0, init=False)
    circles: CursorLoopGuard = field(init=False)
    _ids: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.circles = CursorLoopGuard(self.path)

    @property
    def full(self) -> bool:
        """Whether all rows that were wanted are there."""
        return self.max_items is not None and self.rows >= self.max_items

    def fresh(self, rows: list[Any]) -> list[Any]:
        """Pick the rows not seen before, cut at ``max_items``.

        A row without an id is always fresh, and no sign that the list goes on.

        :param rows: of one page
        """
        fresh, new = [], 0
        for row in rows:
            identity = row.get(self.id_field) if isinstance(row, dict) else None
            if isinstance(identity, str | int):
                # Helix's ids are text; a number would be one all the same.
                if str(identity) in self._ids:
                    continue
                self._ids.add(str(identity))
                new += 1
            fresh.append(row)
        if self.max_items is not None:
            fresh = fresh[: self.max_items - self.rows]
        self.rows += len(fresh)
        self.circles.note(rows=len(rows), new=new)
        return fresh


def walk(session: Session, query: Query) -> Generator[Step | Page, Any, None]:
    """Read a list, page by page.

    Yields steps for its driver, and each :class:`Page` for its caller; holds one page at a time.

    :param session: what all conversations of the application share
    :param query: what to read
    :raises TwitchPaginationError: the list goes in circles
    :raises TwitchError: a page could not be read; ``where`` says how far the walk had come
    """
    trail = WalkState(query.endpoint.path, query.endpoint.id_field, query.max_items)
    for params in query.batches:
        trail.circles.begin()
        yield from _walk_batch(session, query, params, trail)
        if trail.full:
            return


def _walk_batch(
    session: Session, query: Query, params: Params, trail: WalkState
) -> Generator[Step | Page, Any, None]:
    path = query.endpoint.path
    url = f"{session.base_url}/{path}"
    number, asked = 1, params
    while True:
        request = Request("GET", url, asked, endpoint=path)
        try:
            envelope = yield from converse(session, request, read_page)
            page = _page(request, envelope, trail)
            yield page
            if page.cursor is None or trail.full or number == query.max_pages or not query.follows(params):
                return
            trail.circles.follow(page.cursor)
        except TwitchError as error:
            by_id = query.endpoint.absent_ids_are_404 and any(name == "id" for name, _ in params)
            if by_id and isinstance(error, TwitchNotFoundError):
                return
            error.where = f"page {number}, {trail.rows} rows read so far"
            raise
        number += 1
        asked = (*(pair for pair in params if pair[0] not in {"after", "before"}), ("after", page.cursor))


def _page(request: Request, envelope: Envelope, trail: WalkState) -> Page:
    response = envelope.response
    return Page(
        endpoint=request.endpoint,
        params=request.params,
        answered_at=response.answered_at,
        body=response.body,
        rows=envelope.rows,
        fresh=trail.fresh(envelope.rows),
        cursor=envelope.cursor,
        rate_limit=response.rate_limit,
        total=envelope.total,
    )
