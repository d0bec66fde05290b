# SPDX-License-Identifier: Apache-2.0
"""One page of a list, as Helix serves it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twitch_provider.testing import cursors
from twitch_provider.testing.answers import Answer
from twitch_provider.testing.query import Position
from twitch_provider.testing.world import Entry, Listed, Row


def ranked(rows: Iterable[Row]) -> list[Entry]:
    """Give each row its position as score."""
    return [Entry(float(-place), row) for place, row in enumerate(rows)]


def page(
    listed: Sequence[Listed], position: Position, *, open_ended: bool = False, may_be_short: bool = False
) -> Answer:
    """Return one page of a list.

    :param open_ended: the list was cut off when it was captured: its last page still has a cursor, which
        leads to an empty page
    :param may_be_short: the page may lack a row or two
    """
    rows, more = cursors.page(listed, position.first, after=position.after, before=position.before)
    if rows and more and may_be_short and position.before is None:
        rows = rows[: position.first - cursors.shortfall(rows[0].score, position.first)]
    # An empty pagination object marks the end: https://dev.twitch.tv/docs/api/guide#pagination
    pagination = {}
    if rows and (more or open_ended):
        pagination = {"cursor": cursors.encode(rows[0].score, rows[-1].score)}
    return Answer(
        payload={"data": [item.row for item in rows], "pagination": pagination},
        scores=tuple(item.score for item in rows),
    )
