# SPDX-License-Identifier: Apache-2.0
"""The simulated Twitch on HTTP: reads requests, sends answers, and offers ``/_simulator`` to scripts."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from aiohttp import hdrs, web

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing.answers import Answer, Delivery, Request
from twitch_provider.testing.faults import Fault
from twitch_provider.testing.moving import Witness
from twitch_provider.testing.plays import FAULTS
from twitch_provider.testing.twitch import Twitch
from twitch_provider.testing.world import rfc3339

#: Fast enough not to hold up 32 connections; a page is a fifth of its size then.
_GZIP_LEVEL = 1

_WHOLE = {Delivery.WHOLE, Delivery.HELD}


def make_app(
    twitch: Twitch, *, latency: float = 0.0, compress: bool = False, released: asyncio.Event
) -> web.Application:
    """The app that serves one simulated Twitch.

    :param latency: seconds that every answer of Twitch takes
    :param compress: whole answers are gzipped for a client that accepts it
    :param released: lets the answers go that the fault ``hang`` holds back
    """

    async def play_twitch(request: web.Request) -> web.StreamResponse:
        due = asyncio.get_running_loop().time() + latency
        answer = twitch.answer(await _read(request))
        headers, body = _written(request, answer, compress=compress)
        # Our own work is a part of the latency and does not come on top of it.
        if latency:
            await asyncio.sleep(due - asyncio.get_running_loop().time())
        return await _send(request, answer, headers, body, released)

    app = web.Application()
    app.add_routes([*_control(twitch), _witness(twitch)])
    app.router.add_route("*", "/{path:.*}", play_twitch)
    app.on_response_prepare.append(_undate)
    return app


async def _read(request: web.Request) -> Request:
    form: dict[str, str] = {}
    if request.content_type == "application/x-www-form-urlencoded":
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    return Request(
        method=request.method,
        path=request.path,
        query=tuple(request.query.items()),
        headers={name.lower(): value for name, value in request.headers.items()},
        form=form,
    )


def _written(request: web.Request, answer: Answer, *, compress: bool) -> tuple[dict[str, str], bytes]:
    """The headers and the body as they are sent."""
    # An empty Date keeps aiohttp from setting one by the real clock; it is taken out before it is sent.
    headers = {hdrs.DATE: "", **answer.headers, hdrs.CONTENT_TYPE: answer.content_type}
    accepted = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
    # What a fault cuts or has encoded itself stays as the fault wants it.
    if compress and accepted and answer.delivery in _WHOLE and hdrs.CONTENT_ENCODING not in headers:
        return {**headers, hdrs.CONTENT_ENCODING: "gzip"}, gzip.compress(answer.body, _GZIP_LEVEL)
    return headers, answer.body


async def _send(
    request: web.Request, answer: Answer, headers: dict[str, str], body: bytes, released: asyncio.Event
) -> web.StreamResponse:
    if answer.delivery is Delivery.HELD:
        await released.wait()
    if answer.delivery in _WHOLE:
        return web.Response(status=answer.status, body=body, headers=headers)
    part = web.StreamResponse(status=answer.status, headers=headers)
    if answer.delivery is Delivery.HALF:
        part.content_length = len(body)
        await part.prepare(request)
        await part.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return part


async def _undate(request: web.Request, response: web.StreamResponse) -> None:
    if not response.headers.get(hdrs.DATE):
        response.headers.popall(hdrs.DATE, None)


# --- for scripts -----------------------------------------------------------------------------------------


def _control(twitch: Twitch) -> list[web.RouteDef]:
    """Routes that look at the simulator and steer it; they neither count nor fail."""

    async def counters(_: web.Request) -> web.Response:
        return web.json_response({**twitch.counters.as_dict(), "now": rfc3339(twitch.clock.now())})

    async def log(_: web.Request) -> web.Response:
        return web.json_response([asdict(entry) for entry in twitch.log])

    async def list_faults(_: web.Request) -> web.Response:
        return web.json_response(FAULTS)

    async def clear_faults(_: web.Request) -> web.Response:
        twitch.faults.clear()
        return web.json_response({})

    async def revoke(_: web.Request) -> web.Response:
        twitch.auth.tokens.revoke_all()
        return web.json_response({})

    async def advance(request: web.Request) -> web.Response:
        return await _steer(request, twitch.clock.advance)

    async def add_fault(request: web.Request) -> web.Response:
        return await _steer(request, lambda **fault: twitch.faults.append(Fault(**fault)))

    return [
        web.get("/_simulator/counters", counters),
        web.get("/_simulator/log", log),
        web.get("/_simulator/faults", list_faults),
        web.post("/_simulator/faults", add_fault),
        web.delete("/_simulator/faults", clear_faults),
        web.post("/_simulator/advance", advance),
        web.post("/_simulator/revoke", revoke),
    ]


async def _steer(request: web.Request, act: Callable[..., None]) -> web.Response:
    """Call ``act`` with the fields of a JSON object; what it cannot take is a 400 with a sentence."""
    try:
        act(**await request.json())
    except (TwitchParameterError, TypeError, ValueError) as error:
        return web.json_response({"error": str(error)}, status=400)
    return web.json_response({})


def _witness(twitch: Twitch) -> web.RouteDef:
    """The route that tells who was live all along, where the world knows it."""

    async def live(request: web.Request) -> web.Response:
        if not isinstance(twitch.world, Witness):
            sentence = "This world does not remember who was live: a moving one does (MovingWorld, --moving)."
            return web.json_response({"error": sentence}, status=404)
        try:
            window = _window(request, twitch.clock.now())
            found = {
                "ids": sorted(twitch.world.live_throughout(*window)),
                "user_ids": sorted(twitch.world.users_live_throughout(*window)),
            }
        except TwitchParameterError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(found)

    return web.get("/_simulator/live", live)


def _window(request: web.Request, now: datetime) -> tuple[datetime, datetime]:
    """``since`` and ``until`` of a query; a world cannot tell of what lies ahead."""
    since, until = _instant(request, "since"), _instant(request, "until")
    if until > now:
        raise TwitchParameterError(
            f"until is {until.isoformat()}, but the world has only come to {now.isoformat()}.",
            parameter="until",
        )
    return since, until


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
