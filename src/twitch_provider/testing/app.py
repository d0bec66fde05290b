# SPDX-License-Identifier: Apache-2.0
"""The simulated Twitch on HTTP: reads requests, sends answers, and offers ``/_simulator`` to scripts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict

from aiohttp import hdrs, web

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing.answers import Answer, Delivery, Request
from twitch_provider.testing.faults import Fault
from twitch_provider.testing.plays import FAULTS
from twitch_provider.testing.twitch import Twitch
from twitch_provider.testing.world import rfc3339


def make_app(twitch: Twitch, *, latency: float = 0.0, released: asyncio.Event) -> web.Application:
    """The app that serves one simulated Twitch.

    :param latency: seconds that every answer of Twitch takes
    :param released: lets the answers go that the fault ``hang`` holds back
    """

    async def play_twitch(request: web.Request) -> web.StreamResponse:
        answer = twitch.answer(await _read(request))
        if latency:
            await asyncio.sleep(latency)
        return await _send(request, answer, released)

    app = web.Application()
    app.add_routes(_control(twitch))
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


async def _send(request: web.Request, answer: Answer, released: asyncio.Event) -> web.StreamResponse:
    if answer.delivery is Delivery.HELD:
        await released.wait()
    # An empty Date keeps aiohttp from setting one by the real clock; it is taken out before it is sent.
    headers = {hdrs.DATE: "", **answer.headers, hdrs.CONTENT_TYPE: answer.content_type}
    if answer.delivery in {Delivery.WHOLE, Delivery.HELD}:
        return web.Response(status=answer.status, body=answer.body, headers=headers)
    part = web.StreamResponse(status=answer.status, headers=headers)
    if answer.delivery is Delivery.HALF:
        part.content_length = len(answer.body)
        await part.prepare(request)
        await part.write(answer.body[: len(answer.body) // 2])
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
