# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from tests.plugins.conftest import HAS_PAGE

from twitch_provider.plugins import twitch
from twitch_provider.plugins.twitch import TwitchPlugin

#: What schedulers, triggerers and workers ask plugins for, by the manager of each.
ASKED = """
import sys
from airflow import plugins_manager as manager
manager.ensure_plugins_loaded()
for name in dir(manager):
    if name.startswith(("get_", "integrate_")) and name.endswith(("_plugins", "_extra_links")):
        if name not in {"get_fastapi_plugins", "integrate_listener_plugins"}:
            getattr(manager, name)()
print(*(name for name in sys.modules if name.startswith("twitch_provider")))
"""


def test_airflow_finds_the_plugin() -> None:
    (found,) = (each for each in entry_points(group="airflow.plugins") if each.name == "twitch")
    assert found.load() is TwitchPlugin


def test_who_serves_no_page_does_not_import_it() -> None:
    command = [sys.executable, "-W", "ignore", "-c", ASKED]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "twitch_provider.plugins.twitch" in loaded
    assert loaded <= {
        "twitch_provider",
        "twitch_provider.compat",
        "twitch_provider.get_provider_info",
        "twitch_provider.plugins",
        "twitch_provider.plugins.twitch",
    }


@pytest.mark.skipif(HAS_PAGE, reason="this Airflow has views of plugins")
def test_an_airflow_without_views_gets_empty_lists() -> None:
    plugin = TwitchPlugin()
    assert plugin.fastapi_apps == plugin.external_views == []


@pytest.mark.usefixtures("airflow_with_pages")
@pytest.mark.parametrize(
    ("base_url", "href"),
    [
        ("", "/twitch/"),
        ("https://example.org", "/twitch/"),
        ("https://example.org/team/airflow/", "/team/airflow/twitch/"),
        ("https://example.org/team/airflow", "/team/airflow/twitch/"),
    ],
)
def test_the_page_is_below_the_path_of_airflow(
    monkeypatch: pytest.MonkeyPatch, base_url: str, href: str
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    (view,) = TwitchPlugin().external_views
    assert view["href"] == href


@pytest.mark.usefixtures("airflow_with_pages")
def test_a_page_that_cannot_be_imported_takes_nothing_with_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "twitch_provider.plugins.app", None)
    plugin = TwitchPlugin()
    assert plugin.fastapi_apps == plugin.external_views == []
    assert "The Twitch page is not served" in caplog.text


def test_an_older_airflow_has_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twitch, "HAS_VIEWS", False)
    assert TwitchPlugin().external_views == []
