# SPDX-License-Identifier: Apache-2.0
"""The page as a small server serves it, and a headless Chromium that looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.metrics.month import RUN_AFTER, month_overview
from tests.page.server import Site, serving
from tests.ui.conftest import OPTIONS, TIMEOUT_MS, chromium, picture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

__all__ = ["chromium", "picture"]

#: Two minutes after the overview was made, in milliseconds.
NOW_MS = int(RUN_AFTER.timestamp()) * 1000 + 120_000
#: What Chromium says of a frame that is like Airflow's.
ABOUT_THE_SANDBOX = "allow-scripts and allow-same-origin"

Look = Callable[..., "Page"]


@pytest.fixture
def site() -> Iterator[Site]:
    """A server that shows a month."""
    with serving() as served:
        served.show(month_overview())
        yield served


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture
def look(browser: Browser, site: Site) -> Iterator[Look]:
    """Open the page in a tab of its own; in the end none may have had an error or broken the policy.

    Its clock stands beside the overview's, unless a script is run in it.
    """
    said: list[str] = []
    contexts = []

    def refuse(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    def open_page(
        path: str = "/twitch/",
        *,
        width: int = 1440,
        waits_for: str = "#health",
        script: str = "",
        **options: Any,
    ) -> Page:
        options = {"locale": "en-GB", "timezone_id": "Europe/Paris", "color_scheme": "light"} | options
        context = browser.new_context(
            viewport={"width": width, "height": 900}, reduced_motion="reduce", **options
        )
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        if script:
            page.add_init_script(script)
        else:
            page.clock.install(time=NOW_MS / 1000)
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", refuse)
        page.goto(site.address + path)
        if waits_for:
            page.wait_for_selector(waits_for)
        return page

    yield open_page
    for context in contexts:
        context.close()
    # A status that is not 200 is logged by the browser, and expected where a test asks for it.
    unexpected = [
        text for text in said if ABOUT_THE_SANDBOX not in text and "Failed to load resource" not in text
    ]
    assert unexpected == []
