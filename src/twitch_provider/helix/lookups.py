# SPDX-License-Identifier: Apache-2.0
"""Questions that take more than a list of rows to answer, the same for every hook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from twitch_provider.exceptions import TwitchDataError, TwitchError, TwitchNotFoundError, TwitchRequestError
from twitch_provider.helix.conversation import request_page
from twitch_provider.helix.messages import objects
from twitch_provider.helix.queries import Ids, Query, query
from twitch_provider.helix.session import Session, Steps

#: Where the values of a list parameter can be looked up: the endpoint, and the parameter and field of it.
_DIRECTORIES = {
    "user_login": ("users", "login"),
    "user_id": ("users", "id"),
    "broadcaster_id": ("users", "id"),
    "game_id": ("games", "id"),
}


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


def game_ids(session: Session, names: Ids) -> Steps[list[str]]:
    """Look up the ids of games by name, in the order of the names.

    https://dev.twitch.tv/docs/api/reference/#get-games

    :param session: what all conversations of the application share
    :param names: exact ones, but for upper and lower case
    :raises TwitchNotFoundError: naming those that Twitch does not know
    """
    ids: dict[str, str] = {}
    wanted: list[str] = []
    for params in query("games", {"name": names}, split=True).batches:
        envelope = yield from request_page(session, "games", params)
        rows = objects("games", envelope.rows)
        ids |= {str(row.get("name")).lower(): str(row["id"]) for row in rows if row.get("id")}
        wanted += [value for _, value in params]
    unknown = [name for name in wanted if name.lower() not in ids]
    if unknown:
        raise TwitchNotFoundError(
            f"Twitch does not know these categories: {', '.join(unknown)}; "
            f"TwitchHook.search_categories finds exact names",
            status=404,
            endpoint="games",
            unknown=unknown,
        )
    return [ids[name.lower()] for name in wanted]


def require_games(session: Session, ids: Iterable[str]) -> Steps[None]:
    """Make sure that Twitch knows these games.

    :raises TwitchNotFoundError: naming the ids that it does not know
    """
    unknown = yield from _unknown(session, "games", "id", sorted(set(ids)))
    if unknown:
        raise TwitchNotFoundError(
            f"Twitch does not know these games: {', '.join(unknown)}; "
            f"TwitchHook.search_categories finds ids by name",
            status=404,
            endpoint="games",
            unknown=unknown,
        )


def explain_refusal(session: Session, refused: Query, error: TwitchRequestError) -> Steps[None]:
    """Find out whether Helix refused a list because it does not know one of the values.

    It may answer 400 to a hundred logins one of which was renamed or closed, without saying which one.

    :param session: what all conversations of the application share
    :param refused: the values of all of its requests are looked up
    :param error: of one of its requests
    :raises TwitchNotFoundError: naming the values that Twitch does not know, in ``unknown``
    :raises TwitchError: they could not be looked up; a retry may succeed
    """
    if error.status != HTTPStatus.BAD_REQUEST:
        return
    for name in refused.endpoint.lists:
        values = dict.fromkeys(value for params in refused.batches for key, value in params if key == name)
        if name not in _DIRECTORIES or not values:
            continue
        try:
            unknown = yield from _unknown(session, *_DIRECTORIES[name], list(values))
        except TwitchError as failure:
            if failure.fatal:  # malformed values, for example: the first error says it as well
                return
            raise
        if unknown:
            raise TwitchNotFoundError(
                f"{error.endpoint}: Twitch refuses the request with {error.status}, because it does not know "
                f"{name} {', '.join(unknown)}: misspelt, renamed or removed; correct {name}",
                status=error.status,
                endpoint=error.endpoint,
                detail=error.detail,
                rate_limit=error.rate_limit,
                unknown=unknown,
            ) from error


def _unknown(session: Session, path: str, name: str, values: Sequence[str]) -> Steps[list[str]]:
    """Look values up, and return those that are absent from the answers."""
    if not values:
        return []
    known: set[str] = set()
    for params in query(path, {name: values}, split=True).batches:
        envelope = yield from request_page(session, path, params)
        found = (row.get(name) for row in objects(path, envelope.rows))
        known |= {value.lower() for value in found if isinstance(value, str)}
    return [each for each in values if each.lower() not in known]
