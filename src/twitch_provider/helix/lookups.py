# SPDX-License-Identifier: Apache-2.0
"""Questions that take more than a list of rows to answer, the same for every hook."""

from __future__ import annotations

from collections.abc import Iterable

from twitch_provider.exceptions import TwitchDataError, TwitchNotFoundError
from twitch_provider.helix.messages import objects
from twitch_provider.helix.queries import query
from twitch_provider.helix.session import Session, Steps
from twitch_provider.helix.walk import request_page


def follower_count(session: Session, broadcaster_id: str) -> Steps[int]:
    """Ask for a channel's followers, of which Helix tells an app token only the total.

    https://dev.twitch.tv/docs/api/reference/#get-channel-followers

    :raises TwitchDataError: the answer has no total
    """
    checked = query("channels/followers", {"broadcaster_id": broadcaster_id, "first": 1})
    envelope = yield from request_page(session, checked.endpoint.path, checked.batches[0])
    if envelope.total is None:
        raise TwitchDataError(f"channels/followers: no total for broadcaster {broadcaster_id}; try later")
    return envelope.total


def require_games(session: Session, ids: Iterable[str]) -> Steps[None]:
    """Make sure that Twitch knows these games.

    :raises TwitchNotFoundError: naming the ids that it does not know
    """
    wanted = sorted(set(ids))
    if not wanted:
        return
    known: set[str] = set()
    for params in query("games", {"id": wanted}, split=True).batches:
        envelope = yield from request_page(session, "games", params)
        ids_of_rows = (game.get("id") for game in objects("games", envelope.rows))
        known |= {each for each in ids_of_rows if isinstance(each, str)}
    if unknown := [each for each in wanted if each not in known]:
        raise TwitchNotFoundError(
            f"Twitch does not know these games: {', '.join(unknown)}; "
            f"TwitchHook.search_categories finds ids by name",
            status=404,
            endpoint="games",
        )
