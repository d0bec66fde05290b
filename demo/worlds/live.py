# SPDX-License-Identifier: Apache-2.0
"""``GET /_simulator/live?since=…&until=…``: which streams of a moving world were live all that time."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from demo.worlds.moving import MovingWorld
from twitch_provider.exceptions import TwitchParameterError


def live_route(world: MovingWorld) -> web.RouteDef:
    """Return the route, for :class:`twitch_provider.testing.Simulator`'s ``routes``.

    :param world: the one that is served
    """

    async def live(request: web.Request) -> web.Response:
        try:
            since, until = _instant(request, "since"), _instant(request, "until")
            ids = sorted(world.live_throughout(since, until))
            user_ids = sorted(world.users_live_throughout(since, until))
        except TwitchParameterError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"ids": ids, "user_ids": user_ids})

    return web.get("/_simulator/live", live)


def _instant(request: web.Request, name: str) -> datetime:
    text = request.query.get(name, "")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise TwitchParameterError(
            f"{name} must be an instant with a time zone, such as 2026-11-23T16:35:00Z, not {text!r}.",
            parameter=name,
        )
    return instant
