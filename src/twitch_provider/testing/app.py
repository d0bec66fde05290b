# SPDX-License-Identifier: Apache-2.0
"""The simulated Twitch on HTTP, with controls for scripts below ``/_simulator``."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Sequence
from dataclasses import asdict

from aiohttp import hdrs, web

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing.answers import Answer, Delivery, Request
from twitch_provider.testing.faults import FAULTS, Fault
from twitch_provider.testing.twitch import Twitch
from twitch_provider.testing.world import rfc3339

#: Fast enough not to delay 32 connections; a page becomes a fifth of its size.
_GZIP_LEVEL = 1

_WHOLE = {Delivery.WHOLE, Delivery.HELD}


def make_app(
    released: asyncio.Event,
    twitch: Twitch,
    *,
    latency: float,
    compress: bool,
    routes: Sequence[web.RouteDef],
) -> web.Application:
    """Return the app that serves one simulated Twitch.

    :param released: when it is set, the responses are sent that the fault ``hang`` holds back
    :param latency: seconds that every response of Twitch takes
    :param compress: compress responses for a client that accepts gzip
    :param routes: served beside Twitch's
    """

    async def twitch_answers(request: web.Request) -> web.StreamResponse:
        due = asyncio.get_running_loop().time() + latency
        answer = twitch.answer(await _read(request))
        headers, body = _written(request, answer, compress=compress)
        # The time that making the response took is a part of the latency.
        if latency:
            await asyncio.sleep(due - asyncio.get_running_loop().time())
        return await _send(request, answer, headers, body, released)

    app = web.Application()
    app.add_routes([*_controls(twitch), *routes])
    app.router.add_route("*", "/{path:.*}", twitch_answers)
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
    # An empty Date keeps aiohttp from setting one by the real clock; ``_undate`` removes it.
    headers = {hdrs.DATE: "", **answer.headers, hdrs.CONTENT_TYPE: answer.content_type}
    accepted = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
    # A response that a fault cut or encoded stays as the fault left it.
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


def _controls(twitch: Twitch) -> list[web.RouteDef]:
    """Routes that inspect and control the simulator; they are not counted, and faults do not change them."""

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
        return await _control(request, twitch.clock.advance)

    async def add_fault(request: web.Request) -> web.Response:
        return await _control(request, lambda **fault: twitch.faults.append(Fault(**fault)))

    return [
        web.get("/_simulator/counters", counters),
        web.get("/_simulator/log", log),
        web.get("/_simulator/faults", list_faults),
        web.post("/_simulator/faults", add_fault),
        web.delete("/_simulator/faults", clear_faults),
        web.post("/_simulator/advance", advance),
        web.post("/_simulator/revoke", revoke),
    ]


async def _control(request: web.Request, act: Callable[..., None]) -> web.Response:
    """Call ``act`` with the fields of a JSON object; an invalid one is a 400 with the reason."""
    try:
        act(**await request.json())
    except (TwitchParameterError, TypeError, ValueError) as error:
        return web.json_response({"error": str(error)}, status=400)
    return web.json_response({})
