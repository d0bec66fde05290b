# SPDX-License-Identifier: Apache-2.0
"""The walk over the pages of a list: each id once, to its real end, never in a loop.

A list moves while it is read: rows appear twice, pages are short or empty. None of that is the end; only a
missing or empty cursor is. https://dev.twitch.tv/docs/api/guide#pagination
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from twitch_provider.exceptions import TwitchError, TwitchNotFoundError, TwitchRequestError
from twitch_provider.helix.answers import Envelope
from twitch_provider.helix.conversation import request_page
from twitch_provider.helix.lookups import explain_refusal
from twitch_provider.helix.loop_guard import CursorLoopGuard
from twitch_provider.helix.merge import merge
from twitch_provider.helix.messages import Page, Params
from twitch_provider.helix.queries import Query
from twitch_provider.helix.session import Session, Step
from twitch_provider.rows import text_of


@dataclass
class WalkState:
    """What a walk has read so far.

    :param id_field: what identifies a row
    :param max_items: stop after this many distinct rows; None for all
    """

    id_field: str
    max_items: int | None = None
    rows: int = field(default=0, init=False)
    _ids: set[str] = field(default_factory=set, init=False)

    @property
    def full(self) -> bool:
        """Whether ``max_items`` rows were read."""
        return self.max_items is not None and self.rows >= self.max_items

    def new_rows(self, rows: list[Any], loop_guard: CursorLoopGuard) -> list[Any]:
        """Return the rows not seen before, up to ``max_items``.

        A row without an id is always new, but no sign that the list goes on.

        :param rows: of one page
        :param loop_guard: of the list that it is a page of
        """
        new_rows, new_ids = [], 0
        for row in rows:
            if identity := _identity(row, self.id_field):
                if identity in self._ids:
                    continue
                self._ids.add(identity)
                new_ids += 1
            new_rows.append(row)
        if self.max_items is not None:
            new_rows = new_rows[: self.max_items - self.rows]
        self.rows += len(new_rows)
        loop_guard.record(rows=len(rows), new=new_ids)
        return new_rows


def _identity(row: Any, name: str) -> str:
    """Return the id of a row, empty where it has none; a number would identify it as well as text."""
    if not isinstance(row, dict):
        return ""
    return str(row[name]) if isinstance(row.get(name), int) else text_of(row, name)


def walk(session: Session, query: Query) -> Generator[Step | Page, Any, None]:
    """Read a list, page by page.

    Yields steps for its driver and each :class:`Page` for its caller; holds one page at a time, or one
    for each of several requests for a sorted list.

    :param session: what all conversations of the application share
    :param query: what to read
    :raises TwitchPaginationError: the list would never end
    :raises TwitchError: a page could not be read; ``where`` says how far the walk got
    """
    sorted_by = query.endpoint.sorted_by
    if len(query.batches) > 1 and sorted_by is not None:
        state = WalkState(query.endpoint.id_field)
        walks = [_walk_batch(session, query, params, state) for params in query.batches]
        yield from merge(walks, sorted_by, query.max_items)
        return
    state = WalkState(query.endpoint.id_field, query.max_items)
    for params in query.batches:
        yield from _walk_batch(session, query, params, state)
        if state.full:
            return


def _walk_batch(
    session: Session, query: Query, params: Params, state: WalkState
) -> Generator[Step | Page, Any, None]:
    path = query.endpoint.path
    loop_guard = CursorLoopGuard(path)
    number, asked = 1, params
    while True:
        try:
            envelope = yield from request_page(session, path, asked)
            new_rows = state.new_rows(envelope.rows, loop_guard)
            page = _page(session, path, asked, envelope, new_rows)
            yield page
            if page.cursor is None or state.full or number == query.max_pages or not query.follows(params):
                return
            loop_guard.follow(page.cursor)
        except TwitchError as error:
            by_id = query.endpoint.absent_ids_are_404 and any(name == "id" for name, _ in params)
            # With a message: Helix says of a path that it does not have only that it was not found.
            if by_id and isinstance(error, TwitchNotFoundError) and error.detail:
                return
            error.where = f"page {number}, {state.rows} rows read so far"
            if isinstance(error, TwitchRequestError) and number == 1:  # later, the cursor may be the reason
                yield from explain_refusal(session, query, error)
            raise
        number += 1
        asked = (*(pair for pair in params if pair[0] not in {"after", "before"}), ("after", page.cursor))


def _page(session: Session, path: str, params: Params, envelope: Envelope, new_rows: list[Any]) -> Page:
    response = envelope.response
    return Page(
        endpoint=path,
        params=params,
        received_at=response.received_at,
        body=response.body,
        rows=envelope.rows,
        _new_rows=new_rows,
        cursor=envelope.cursor,
        rate_limit=response.rate_limit,
        total=envelope.total,
        date=response.date,
        loopback=session.loopback,
    )
