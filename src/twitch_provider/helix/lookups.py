# SPDX-License-Identifier: Apache-2.0
"""Questions that a walk answers: more than a list of rows, and the same for every hook."""

from __future__ import annotations

from collections.abc import Iterable

from twitch_provider.exceptions import TwitchDataError, TwitchNotFoundError
from twitch_provider.helix import queries
from twitch_provider.helix.messages import Page
from twitch_provider.helix.queries import Query
from twitch_provider.helix.session import Session, Steps
from twitch_provider.helix.walk import walk


def read(session: Session, query: Query) -> Steps[list[Page]]:
    """Walk a list to its end and return its pages.

    :param session: what all conversations of the application share
    :param query: what to read
    """
    steps, pages, reply = walk(session, query), [], None
    try:
        while True:
            step = steps.send(reply)
            if isinstance(step, Page):
                pages.append(step)
                reply = None
            else:
                reply = yield step
    except StopIteration:
        return pages
    finally:
        steps.close()


def follower_count(session: Session, broadcaster_id: str) -> Steps[int]:
    """How many followers a channel has.

    :param session: what all conversations of the application share
    :param broadcaster_id: of the channel
    :raises TwitchDataError: Twitch did not say
    """
    (page,) = yield from read(session, queries.follower_count(broadcaster_id))
    if page.total is None:
        raise TwitchDataError(f"channels/followers: no total for broadcaster {broadcaster_id}; try later")
    return page.total


def require_games(session: Session, ids: Iterable[str]) -> Steps[None]:
    """Make sure that Twitch knows these games.

    :param session: what all conversations of the application share
    :param ids: of games
    :raises TwitchNotFoundError: naming the ids that it does not know
    """
    wanted = sorted(set(ids))
    pages = (yield from read(session, queries.games(ids=wanted))) if wanted else []
    known = {game.get("id") for page in pages for game in page.objects}
    if unknown := [each for each in wanted if each not in known]:
        raise TwitchNotFoundError(
            f"Twitch knows no game {', '.join(unknown)}; search_categories finds the ids of names",
            status=404,
            endpoint="games",
        )
