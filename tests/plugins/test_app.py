# SPDX-License-Identifier: Apache-2.0
"""Who may see the page: every route of it, in Airflow's own app, by Airflow's own rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
import time_machine
from tests.plugins.conftest import routes

from twitch_provider.page import FILES

pytestmark = pytest.mark.filterwarnings("default")  # all of Airflow's API server runs in this process

COOKIE = "_token"
FILES_BESIDE = FILES.keys() - {"index.html"}
OURS = {"/twitch/", "/twitch/overview.json"} | {f"/twitch/static/{name}" for name in FILES_BESIDE}


def token(role: str) -> str:
    """Return the token of a user of the simple auth manager."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    signed: str = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="somebody", role=role))
    return signed


def test_the_routes_are_known_and_nothing_is_mounted_inside(server: Any) -> None:
    from fastapi.routing import APIRoute

    found = {path: route for path, route in routes(server) if path.startswith("/twitch")}
    assert type(found.pop("/twitch")).__name__ == "Mount"
    assert found.keys() == OURS
    for route in found.values():
        # The dependencies of an app apply to these only; none takes anything from the path.
        assert isinstance(route, APIRoute)
        assert route.methods == {"GET"}
        assert "{" not in route.path


@pytest.mark.parametrize("path", sorted(OURS))
async def test_nobody_gets_in_who_has_not_logged_in(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path)).status_code == 401
    browser.cookies.set(COOKIE, "forged")
    assert (await browser.get(path)).status_code in {401, 403}


@pytest.mark.parametrize("path", sorted(OURS - {"/twitch/overview.json"}))
async def test_a_viewer_sees_the_page(browser: httpx.AsyncClient, path: str) -> None:
    name = path.removeprefix("/twitch/").removeprefix("static/") or "index.html"
    answer = await browser.get(path, headers={"Authorization": f"Bearer {token('viewer')}"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, FILES[name])

    browser.cookies.set(COOKIE, token("viewer"))
    etag = answer.headers["ETag"]
    answer = await browser.get(path, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
    assert answer.headers["Cache-Control"] == "private, no-cache"


async def test_a_session_that_has_expired_gets_401(browser: httpx.AsyncClient) -> None:
    with time_machine.travel(-timedelta(days=30)):
        old = token("admin")
    browser.cookies.set(COOKIE, old)
    assert (await browser.get("/twitch/")).status_code == 401
    assert (await browser.get("/twitch/overview.json")).status_code == 401


@pytest.mark.parametrize("path", ["docs", "openapi.json", "static/", "static/%2e%2e/__init__.py", "static/x"])
async def test_there_are_no_other_pages(browser: httpx.AsyncClient, path: str) -> None:
    browser.cookies.set(COOKIE, token("admin"))
    assert (await browser.get(f"/twitch/{path}")).status_code == 404


async def test_nothing_can_be_written(browser: httpx.AsyncClient) -> None:
    browser.cookies.set(COOKIE, token("admin"))
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await browser.request(method, "/twitch/overview.json")).status_code == 405


@pytest.mark.parametrize("path", ["", "nothing", "overview.json", "static/style.css"])
@pytest.mark.parametrize("role", ["", "viewer"])
async def test_every_answer_has_the_headers(browser: httpx.AsyncClient, path: str, role: str) -> None:
    if role:
        browser.cookies.set(COOKIE, token(role))
    headers = (await browser.get(f"/twitch/{path}")).headers
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["frame-ancestors"] == "'self'"
    assert "unsafe" not in policy["style-src"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] in {"no-store", "private, no-cache"}


async def test_airflow_offers_the_page(browser: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {token('admin')}"}
    (plugin,) = (
        each
        for each in (await browser.get("/api/v2/plugins", headers=headers)).json()["plugins"]
        if each["name"] == "twitch"
    )
    (view,) = plugin["external_views"]
    assert (view["href"], view["category"], view["url_route"]) == ("/twitch/", "browse", "twitch")
    assert [app["url_prefix"] for app in plugin["fastapi_apps"]] == ["/twitch"]
    errors = (await browser.get("/api/v2/plugins/importErrors", headers=headers)).json()
    assert errors["import_errors"] == []
