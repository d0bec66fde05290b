# SPDX-License-Identifier: Apache-2.0
"""Airflow's own API server as an ASGI app, with our plugin in it as its entry point says."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from typing import Any

import httpx
import pytest
from packaging.version import Version

HAS_PAGE = Version(version("apache-airflow")) >= Version("3.1")


@pytest.fixture(scope="session")
def airflow_with_pages() -> None:
    """Skips where Airflow has no views of plugins."""
    if not HAS_PAGE:
        pytest.skip(f"plugins have pages from Airflow 3.1 on; this is {version('apache-airflow')}")
    with warnings.catch_warnings():
        # What Airflow, FastAPI and Starlette deprecate of each other when they are imported.
        warnings.simplefilter("ignore")
        importlib.import_module("airflow.api_fastapi.core_api.security")


@pytest.fixture(scope="module")
def server(airflow_with_pages: None, request: pytest.FixtureRequest) -> Iterator[Any]:
    """An API server: nothing in its command line says that it is one, as under a bare ASGI server.

    A module may name the auth manager in ``AUTH_MANAGER``; otherwise it is the simple one.
    """
    from airflow.api_fastapi.app import create_app, purge_cached_app
    from airflow.utils import db

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of the tests, of 64 bytes or more" * 2)
        if auth_manager := getattr(request.module, "AUTH_MANAGER", ""):
            patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", auth_manager)
        db.initdb()
        purge_cached_app()
        yield create_app(apps="core")
        purge_cached_app()


@pytest.fixture
async def browser(server: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client that has not logged in."""
    transport = httpx.ASGITransport(app=server)
    async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
        yield client


def routes(app: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each route and mount of an app by its path, those inside of mounts included."""
    for route in app.routes:
        path = f"{prefix}{route.path}"
        yield path, route
        inside = getattr(route, "app", None)
        if hasattr(inside, "routes") and not hasattr(route, "endpoint"):
            yield from routes(inside, path)
