# SPDX-License-Identifier: Apache-2.0
"""The page as an app that Airflow's API server mounts at ``/twitch``.

A mounted app inherits no authentication. So every route here is one of FastAPI's, to which the dependency of
the app applies; a mount inside the app would be open to everybody. No route takes a parameter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders

from twitch_provider.page import CONTENT_SECURITY_POLICY, FILES, content
from twitch_provider.plugins.overview import Overviews, Problem

#: Of every answer, refusals included.
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

#: Kept by the browser that asked, and compared with ours each time: somebody may have logged out since.
KEPT = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}


class SecureHeaders:
    """Adds headers to every answer that does not have them.

    :param app: the next one
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request.

        :param scope: of ASGI
        :param receive: of ASGI
        :param send: of ASGI
        """

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


app = FastAPI(
    title="Twitch",
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    dependencies=[Depends(requires_access_view(AccessView.PLUGINS))],
)
app.add_middleware(SecureHeaders)

overviews = Overviews()


def _kept(request: Request, body: bytes, tag: str, media_type: str) -> Response:
    """Return bytes, or 304 where the browser has them. The tag is weak: a proxy may compress them."""
    etag = f'W/"{tag}"'
    asked = {each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")}
    if etag.removeprefix("W/") in asked:
        return Response(status_code=304, headers={**KEPT, "ETag": etag})
    return Response(body, media_type=media_type, headers={**KEPT, "ETag": etag})


def _serve(name: str) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a file of the page."""
    body, media_type = content(name), FILES[name]
    tag = hashlib.sha256(body).hexdigest()

    async def endpoint(request: Request) -> Response:
        return _kept(request, body, tag, media_type)

    return endpoint


app.get("/")(_serve("index.html"))
for _name in FILES.keys() - {"index.html"}:
    app.get(f"/static/{_name}")(_serve(_name))


@app.get("/overview.json")
async def overview(request: Request) -> Response:
    """Return the overview, or where the page finds it; else say in a sentence why not.

    :param request: only its ``If-None-Match`` is looked at
    """
    found = await overviews.get()
    if isinstance(found, Problem):
        error = {"code": found.code, "sentence": found.sentence}
        return JSONResponse({"error": error}, status_code=found.status)
    if isinstance(found, Mapping):
        return JSONResponse(found)
    return _kept(request, found.body, found.tag, "application/json")
