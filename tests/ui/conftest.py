# SPDX-License-Identifier: Apache-2.0
"""A running Airflow beside a simulated Twitch, and a headless Chromium that looks at it."""

from __future__ import annotations

import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from demo.children import ROOT, Child
from demo.local_airflow import check, component_settings, free_port, load_keys, prepare
from demo.services import start_twitch
from demo.settings import Lake, Twitch, airflow_environment

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

#: Where pictures go if nobody asks for them elsewhere; git does not see it.
PICTURES = ROOT / "build" / "ui"
READY = 120.0
#: Milliseconds. Nothing takes a second here, but the machine may have other work.
TIMEOUT_MS = 20_000.0
#: Chromium shall need no graphics, no sandbox (root has none) and no internet.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Airflow:
    """A running API server, the part of Airflow that has the UI and that runs the Test button's hook.

    :param folder: all that it and the simulated Twitch wrote: database, logs, tokens
    """

    url: str
    twitch: Twitch
    folder: Path

    def files_with(self, text: str) -> list[str]:
        """Return the files that hold a text."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [str(path.relative_to(self.folder)) for path in files if text.encode() in path.read_bytes()]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """An Airflow whose Test button is on, and which ends with the tests."""
    folder = tmp_path_factory.mktemp("airflow")
    logs = folder / "logs"
    keys = load_keys(tmp_path_factory.mktemp("keys") / "keys.json")
    with ExitStack() as stack:
        twitch = start_twitch(stack, logs, keys, os.environ)
        # The DAGs are not run, so no lake has to be there.
        lake = Lake("unused", endpoint_url="http://127.0.0.1:9")
        port = free_port(28080)
        env = airflow_environment(folder / "home", ROOT / "dags", lake, caller=os.environ)
        env |= component_settings(keys, port)
        prepare(env | {"CONNECTIONS": "{}"}, log=logs / "prepare.log")
        command = [sys.executable, "-m", "airflow", "api-server"]
        server = stack.enter_context(Child("API server", command, env=env, log=logs / "api-server.log"))
        wait_until_it_answers(server, f"http://127.0.0.1:{port}/api/v2/version")
        yield Airflow(f"http://127.0.0.1:{port}", twitch, folder)


def wait_until_it_answers(server: Child, url: str) -> None:
    """Return when the server answers."""
    deadline = time.monotonic() + READY
    while True:
        check([server])
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except OSError:
            if time.monotonic() > deadline:
                pytest.fail(f"Airflow's API server did not answer after {READY:.0f} s:\n{server.output()}")
            time.sleep(0.2)


@pytest.fixture(scope="module")
def chromium() -> str:
    """The path of an installed Chromium."""
    found = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if found is None:
        pytest.fail(
            "There is no Chromium: `make ui-test` installs it, or CHROMIUM=/path/to/chromium names it."
        )
    return found


@pytest.fixture(scope="module")
def browser(
    chromium: str, airflow: Airflow, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """A Chromium with an empty profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=chromium,
            headless=True,
            args=list(OPTIONS),
            base_url=airflow.url,
            viewport={"width": 1200, "height": 1100},
            locale="en-GB",
            reduced_motion="reduce",
        )
        try:
            context.set_default_timeout(TIMEOUT_MS)
            yield context
        finally:
            context.close()


@pytest.fixture
def page(browser: BrowserContext, airflow: Airflow, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh tab, no connections; in the end neither it nor a file of Airflow's may hold the secret."""
    page = browser.new_page()
    page.goto("/connections")
    page.get_by_role("button", name="Add Connection").wait_for()
    for connection in page.request.get("/api/v2/connections").json()["connections"]:
        page.request.delete(f"/api/v2/connections/{connection['connection_id']}")
    yield page
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"end-of-{request.node.name}.png")
    secret = airflow.twitch.client_secret
    on_the_page = secret in page.content()
    page.close()
    assert not on_the_page
    assert not airflow.files_with(secret)


@pytest.fixture(scope="module")
def picture() -> Callable[[str, Page | Locator], None]:
    """Keep a picture of a page, or of a part of one, in the folder that SCREENSHOTS names."""
    folder = ROOT / os.environ.get("SCREENSHOTS", PICTURES)
    folder.mkdir(parents=True, exist_ok=True)

    def keep(name: str, what: Page | Locator) -> None:
        path = folder / f"{name}.png"
        what.screenshot(path=path, animations="disabled")
        assert path.stat().st_size < 300_000

    return keep
