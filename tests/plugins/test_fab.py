# SPDX-License-Identifier: Apache-2.0
"""Who sees the page where people have FAB's roles (``make cluster-test`` installs FAB and runs this)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

pytest.importorskip(
    "airflow.providers.fab", reason="FAB's provider is not installed; `make cluster-test` has it"
)

AUTH_MANAGER = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"

# FAB, Flask and SQLAlchemy deprecate each other.
pytestmark = pytest.mark.filterwarnings("ignore")

PASSWORD = "of the tests"


@pytest.fixture
def security(server: Any) -> Iterator[Any]:
    """FAB's security manager, in the context of its own app."""
    from airflow.api_fastapi.app import get_auth_manager

    manager: Any = get_auth_manager()
    with manager.flask_app.app_context():
        yield manager.security_manager


async def log_in(browser: httpx.AsyncClient, security: Any, *roles: str) -> None:
    """Log in as somebody who has these roles."""
    name = "-".join(roles)
    if not security.find_user(name):
        found = [security.find_role(role) for role in roles]
        assert security.add_user(name, name, name, f"{name}@example.org", found, password=PASSWORD)
    answer = await browser.post("/auth/token", json={"username": name, "password": PASSWORD})
    browser.cookies.set("_token", answer.json()["access_token"])


@pytest.mark.parametrize("role", ["Admin", "Op"])
async def test_admins_and_ops_see_the_page(browser: httpx.AsyncClient, security: Any, role: str) -> None:
    await log_in(browser, security, role)
    assert (await browser.get("/twitch/")).status_code == 200
    assert (await browser.get("/twitch/static/style.css")).status_code == 200
    # There is no bucket: it got as far as that.
    assert (await browser.get("/twitch/overview.json")).json()["error"]["code"] == "no_bucket"


@pytest.mark.parametrize("role", ["User", "Viewer", "Public"])
@pytest.mark.parametrize("path", ["", "overview.json", "static/style.css"])
async def test_viewers_do_not(browser: httpx.AsyncClient, security: Any, role: str, path: str) -> None:
    await log_in(browser, security, role)
    assert (await browser.get(f"/twitch/{path}")).status_code == 403


async def test_nobody_gets_in_who_has_not_logged_in(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/twitch/")).status_code == 401


async def test_a_role_that_can_read_plugins_sees_the_page(browser: httpx.AsyncClient, security: Any) -> None:
    role = security.add_role("Twitch")
    security.add_permission_to_role(role, security.create_permission("can_read", "Plugins"))
    await log_in(browser, security, "Viewer", "Twitch")
    assert (await browser.get("/twitch/")).status_code == 200
    # Its entry in the menu comes from here.
    views = (await browser.get("/api/v2/plugins")).json()["plugins"]
    assert "twitch" in {each["name"] for each in views}
