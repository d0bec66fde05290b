# SPDX-License-Identifier: Apache-2.0
"""What a person sees of us in Airflow's UI (``make ui-test``; needs Chromium, no internet)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from twitch_provider import __version__
from twitch_provider.get_provider_info import get_provider_info
from twitch_provider.hooks.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page
    from tests.ui.conftest import Airflow

    Picture = Callable[[str, Page | Locator], None]

(FORM,) = get_provider_info()["connection-types"]
EXTRAS = FORM["conn-fields"]
WRONG = "wrong" * 6


def sees(what: Locator) -> None:
    """Wait until a person sees it."""
    what.wait_for(state="visible")


def open_form(page: Page) -> Locator:
    """Go where connections are added and choose our type."""
    page.goto("/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.get_by_role("combobox").fill("Twi")
    page.get_by_role("option", name="Twitch", exact=True).click()
    return form


def unfolded(form: Locator) -> Locator:
    """Return the section of the form that is open: one at a time is."""
    return form.locator("[role=region]:not([hidden], [data-state=closed])")


def open_extras(form: Locator) -> Locator:
    """Unfold our fields."""
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    extras = unfolded(form)
    sees(extras.get_by_text("OAuth base URL", exact=True))
    return extras


def save(form: Locator) -> None:
    """Save, which closes the form."""
    form.get_by_role("button", name="Save").click()
    form.wait_for(state="hidden")


def stored(page: Page, conn_id: str) -> dict[str, Any]:
    """Return a connection as the API tells it to a logged-in user."""
    answer = page.request.get(f"/api/v2/connections/{conn_id}")
    assert answer.ok, answer.text()
    connection: dict[str, Any] = answer.json()
    return connection


def settings(connection: dict[str, Any]) -> Settings:
    """Return what our hook makes of a stored connection."""
    fields = {**connection, "conn_id": connection["connection_id"]}
    return Settings.from_connection(SimpleNamespace(**fields))


def row(page: Page, conn_id: str) -> Locator:
    """Return a connection's row in the list."""
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=conn_id, exact=True))


def use_a_low_window(page: Page) -> None:
    """Leave the emptiness below a short list out of a picture."""
    page.set_viewport_size({"width": 1200, "height": 500})


def press_test(page: Page, conn_id: str) -> None:
    """Press the Test button in a connection's row."""
    row(page, conn_id).get_by_role("button", name="Test Connection").click()
    # Its tooltip would lie over what it says.
    page.mouse.move(0, 0)


@pytest.fixture
def simulated(page: Page, airflow: Airflow) -> str:
    """The id of a connection to the simulated Twitch that works."""
    conn_id = "twitch_simulated"
    fields = airflow.twitch.connection
    port = urlsplit(fields["host"]).port
    body = {"connection_id": conn_id, **fields, "port": port, "extra": json.dumps(fields["extra"])}
    answer = page.request.post("/api/v2/connections", data=body)
    assert answer.ok, answer.text()
    assert airflow.twitch.client_secret not in answer.text()
    page.reload()
    return conn_id


def test_the_form_names_the_standard_fields_as_twitch_does(page: Page, picture: Picture) -> None:
    form = open_form(page)
    standard = unfolded(form)
    sees(standard.get_by_text("Client ID", exact=True))
    labels = ["Description", "API base URL", "Client ID", "Client secret", "Port"]
    assert standard.inner_text().split("\n") == labels
    for name, placeholder in FORM["ui-field-behaviour"]["placeholders"].items():
        assert standard.locator(f"[name={name}]").get_attribute("placeholder") == placeholder
    assert standard.locator("[name=password]").get_attribute("type") == "password"
    picture("connection-form", form)


def test_the_form_explains_our_fields_and_requires_none(page: Page, picture: Picture) -> None:
    form = open_form(page)
    extras = open_extras(form)
    wanted = [text for field in EXTRAS.values() for text in (field["label"], field["description"])]
    assert [text for text in extras.inner_text().split("\n") if text.strip(" ") in wanted] == wanted
    assert form.inner_text().count("*") == len(["Connection ID", "Connection Type"])
    picture("connection-extras", form)

    extras.get_by_role("combobox").click()
    offered = page.get_by_role("option").all_inner_texts()
    assert offered == list(EXTRAS["auth_cache"]["schema"]["values_display"].values())
    page.keyboard.press("Escape")


def test_client_id_secret_and_port_are_enough(page: Page, airflow: Airflow) -> None:
    form = open_form(page)
    form.locator("[name=connection_id]").fill("twitch_default")
    form.locator("[name=login]").fill(airflow.twitch.client_id)
    form.locator("[name=password]").fill(airflow.twitch.client_secret)
    form.locator("[name=port]").fill("443")
    save(form)
    found = stored(page, "twitch_default")
    assert (found["conn_type"], found["login"], found["port"]) == ("twitch", airflow.twitch.client_id, 443)
    assert settings(found) == Settings("twitch_default", settings(found).credentials)


def test_our_fields_can_be_filled_and_emptied_again(page: Page) -> None:
    form = open_form(page)
    form.locator("[name=connection_id]").fill("twitch_extras")
    form.locator("[name=login]").fill("an-id")
    form.locator("[name=password]").fill("another-secret")
    extras = open_extras(form)
    extras.get_by_role("combobox").click()
    page.get_by_role("option", name="variable").click()
    extras.locator("[name=element_rate_limit_reserve]").fill("0")
    extras.locator("[name=element_timeout]").fill("2.5")
    extras.locator("[name=element_auth_url]").fill("https://id.example/oauth2")
    save(form)
    found = settings(stored(page, "twitch_extras"))
    assert (found.auth_cache, found.rate_limit_reserve, found.timeout) == ("variable", 0, 2.5)
    assert found.auth_url == "https://id.example/oauth2"

    row(page, "twitch_extras").get_by_role("button", name="Edit Connection").click()
    form = page.get_by_role("dialog")
    extras = open_extras(form)
    sees(extras.get_by_text("variable: the whole deployment"))
    extras.get_by_label("Clear selected options").click()
    for name in ("rate_limit_reserve", "timeout", "auth_url"):
        extras.locator(f"[name=element_{name}]").fill("")
    save(form)
    found = settings(stored(page, "twitch_extras"))
    assert found == Settings("twitch_extras", found.credentials)


def test_the_stored_secret_does_not_come_back(page: Page, airflow: Airflow, simulated: str) -> None:
    assert stored(page, simulated)["password"] == "***"
    assert airflow.twitch.client_secret not in page.request.get("/api/v2/connections").text()
    row(page, simulated).get_by_role("button", name="Edit Connection").click()
    form = page.get_by_role("dialog")
    sees(form)
    assert form.locator("[name=password]").input_value() == "***"

    form.locator("[name=description]").fill("Saved without a look at the secret.")
    save(form)
    press_test(page, simulated)
    sees(page.get_by_text("Test Connection Successful"))


def test_the_button_says_whose_token_it_is_and_how_long_it_lives(
    page: Page, airflow: Airflow, simulated: str, picture: Picture
) -> None:
    use_a_low_window(page)
    press_test(page, simulated)
    sees(page.get_by_text("Test Connection Successful"))
    sentence = re.compile(rf"^Twitch .*{airflow.twitch.client_id}.* valid for [\d,]+ s$")
    sees(page.get_by_text(sentence))
    picture("test-success", page)


def test_the_button_says_in_a_sentence_that_the_secret_is_wrong(
    page: Page, simulated: str, picture: Picture
) -> None:
    row(page, simulated).get_by_role("button", name="Edit Connection").click()
    form = page.get_by_role("dialog")
    form.locator("[name=password]").fill(WRONG)
    save(form)
    page.reload()
    use_a_low_window(page)
    press_test(page, simulated)
    sees(page.get_by_text("Test Connection Failed"))
    sees(page.get_by_text(re.compile(r"^Twitch [^.\n]*invalid client secret[^.\n]*$")))
    picture("test-failure", page)
    assert WRONG not in page.content()


def test_a_wrong_secret_is_not_written_anywhere_either(airflow: Airflow) -> None:
    assert not airflow.files_with(WRONG)


def test_the_providers_page_lists_us(page: Page, picture: Picture) -> None:
    use_a_low_window(page)
    page.goto("/providers")
    ours = page.get_by_role("row").filter(has_text="airflow-provider-twitch")
    sees(ours.get_by_role("cell", name=__version__, exact=True))
    sees(ours.get_by_role("link", name="https://dev.twitch.tv/docs/api/", exact=True))
    picture("providers", page)
