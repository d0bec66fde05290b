# SPDX-License-Identifier: Apache-2.0
"""The page inside a real Airflow below a path, as people who log in see it (``make ui-test``)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from demo.children import ROOT, Child
from demo.local_airflow import component_settings, free_port, load_keys, prepare
from demo.services import start_lake
from demo.settings import Lake, airflow_environment
from tests.metrics.month import month_overview
from tests.ui.conftest import OPTIONS, TIMEOUT_MS, wait_until_it_answers

from twitch_provider.metrics.overview.encode import encode

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FrameLocator, Page

USER, PASSWORD = "ada", "of the tests"
KEY = "twitch/latest/overview.json"


@dataclass(frozen=True)
class Airflow:
    """A running API server below a path.

    :param url: with the path, without a slash at its end
    """

    url: str
    lake: Lake

    def show(self, body: bytes) -> None:
        """Put an overview into the lake."""
        s3 = boto3.client(
            "s3",
            endpoint_url=self.lake.endpoint_url,
            aws_access_key_id=self.lake.access_key,
            aws_secret_access_key=self.lake.secret_key,
            region_name="us-east-1",
        )
        s3.put_object(Bucket=self.lake.bucket, Key=KEY, Body=body)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """An Airflow whose users log in, on two workers, and which ends with the tests."""
    folder = tmp_path_factory.mktemp("airflow")
    logs = folder / "logs"
    keys = load_keys(tmp_path_factory.mktemp("keys") / "keys.json")
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps({USER: PASSWORD}))
    with ExitStack() as stack:
        lake = start_lake(stack, folder / "s3", logs, keys, os.environ)
        port = free_port(28180)
        url = f"http://127.0.0.1:{port}/team/airflow"
        env = airflow_environment(folder / "home", ROOT / "dags", lake, caller=os.environ)
        env |= component_settings(keys, port) | {
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__WORKERS": "2",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:viewer",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        }
        prepare(env | {"CONNECTIONS": json.dumps({"aws_default": lake.connection})}, log=logs / "prepare.log")
        command = [sys.executable, "-m", "airflow", "api-server"]
        server = stack.enter_context(Child("API server", command, env=env, log=logs / "api-server.log"))
        wait_until_it_answers(server, f"{url}/api/v2/version")
        yield Airflow(url, lake)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of somebody who has not logged in."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-GB", reduced_motion="reduce", color_scheme="light"
    )
    # Two workers start to work with the first request.
    context.set_default_timeout(3 * TIMEOUT_MS)
    yield context.new_page()
    context.close()


def log_in(page: Page, airflow: Airflow) -> None:
    """Fill Airflow's form in."""
    page.goto(airflow.url)
    page.locator("input[name=username]").fill(USER)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Browse").wait_for()


def open_twitch(page: Page) -> FrameLocator:
    """Go to the page by the menu."""
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="Twitch").click()
    return page.frame_locator("iframe[title=Twitch]")


def test_without_metrics_it_says_what_to_do(page: Page, airflow: Airflow) -> None:
    # Before any other test: each worker shows what it has read for ten seconds more.
    log_in(page, airflow)
    frame = open_twitch(page)
    frame.get_by_text("let the DAGs twitch_top_games and twitch_metrics run").wait_for()


def test_the_menu_leads_to_the_page(page: Page, airflow: Airflow) -> None:
    airflow.show(encode(month_overview()))
    log_in(page, airflow)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    frame = open_twitch(page)
    frame.locator("#health").wait_for()
    twitch = [url for url in asked if "/twitch/" in url and "/plugin/" not in url]
    assert len(twitch) >= 7
    assert all(url.startswith(f"{airflow.url}/twitch/") for url in twitch)


def test_it_follows_airflows_switch_of_colours(page: Page, airflow: Airflow) -> None:
    airflow.show(encode(month_overview()))
    log_in(page, airflow)
    open_twitch(page).locator("#health").wait_for()
    colour = "getComputedStyle(document.querySelector('iframe').contentDocument.body).backgroundColor"
    light = page.evaluate(colour)
    page.evaluate("document.documentElement.classList.replace('light', 'dark')")
    page.wait_for_function(f"light => {colour} !== light", arg=light)


def test_who_logs_out_elsewhere_comes_to_the_login(page: Page, airflow: Airflow) -> None:
    airflow.show(encode(month_overview()))
    page.clock.install()
    log_in(page, airflow)
    open_twitch(page).locator("#health").wait_for()
    page.context.clear_cookies()
    page.clock.fast_forward(61_000)
    page.locator("input[name=username]").wait_for()


def test_who_has_not_logged_in_sees_nothing(page: Page, airflow: Airflow) -> None:
    for path in ("", "overview.json", "static/app.js"):
        answer = page.request.get(f"{airflow.url}/twitch/{path}")
        assert answer.status == 401
        assert "viewers" not in answer.text()
    page.goto(f"{airflow.url}/plugin/twitch")
    page.locator("input[name=username]").wait_for()
