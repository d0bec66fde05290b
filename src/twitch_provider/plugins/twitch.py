# SPDX-License-Identifier: Apache-2.0
"""The plugin: *Browse → Twitch* in Airflow's UI.

Every process of Airflow imports it, so it imports nothing but Airflow's own base class. The page is imported
by the process that asks for it, which is an API server, however it was started.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from twitch_provider.compat import AirflowPlugin, conf

log = logging.getLogger(__name__)

#: Where the page is served, and where Airflow's UI shows it in a frame.
PREFIX, ROUTE = "/twitch", "twitch"

#: Airflow 3.1 brought views; before, nothing would lead to the page.
HAS_VIEWS = hasattr(AirflowPlugin, "external_views")


class TwitchPlugin(AirflowPlugin):
    """The page as an app of Airflow's API server, and the entry of the menu that opens it."""

    name = "twitch"

    # Airflow reads these lists off an instance.
    @cached_property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]
        """The app, on an API server that can serve it."""
        if not HAS_VIEWS:
            return []
        try:
            from twitch_provider.plugins.app import app
        except Exception:
            # What an error would take down here is the whole API server.
            log.exception("The Twitch page is not served.")
            return []
        return [{"name": "Twitch", "app": app, "url_prefix": PREFIX}]

    @cached_property
    def external_views(self) -> list[Any]:  # type: ignore[override]
        """The entry of the menu, where the app is served."""
        view = {
            "name": "Twitch",
            "href": f"{_base_path()}{PREFIX}/",
            "destination": "nav",
            "category": "browse",
            "url_route": ROUTE,
        }
        return [view] if self.fastapi_apps else []


def _base_path() -> str:
    """Return the path below which Airflow is served, without a slash at its end."""
    return urlsplit(str(conf.get("api", "base_url", fallback=""))).path.rstrip("/")
