# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from importlib.metadata import entry_points, metadata
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

import twitch_provider
from twitch_provider.get_provider_info import get_provider_info
from twitch_provider.hooks.settings import _AUTH_CACHES, _EXTRAS, _NUMBERS, AUTH_URL, BASE_URL
from twitch_provider.hooks.twitch import TwitchHook


def schema(name: str) -> dict[str, Any]:
    """A schema that Airflow brings."""
    file = files("airflow").joinpath(name)
    if not file.is_file():
        pytest.skip(f"this Airflow brings no {name}")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_satisfies_the_schema_that_airflow_checks() -> None:
    jsonschema.validate(get_provider_info(), schema("provider_info.schema.json"))


def test_satisfies_the_stricter_schema_of_airflows_own_providers() -> None:
    strict = schema("provider.yaml.schema.json")
    # Theirs is a file that also says how to release; what it requires of that is nothing that we have.
    jsonschema.validate(get_provider_info(), {**strict, "required": []})


def test_the_stricter_schema_would_find_a_mistake_in_the_form() -> None:
    strict = schema("provider.yaml.schema.json")
    if "conn-fields" not in str(strict):
        pytest.skip("this Airflow's schema does not know conn-fields yet")
    info = get_provider_info()
    for field in info["connection-types"][0]["conn-fields"].values():
        broken = {**info, "connection-types": [dict(info["connection-types"][0])]}
        broken["connection-types"][0]["conn-fields"] = {"x": {**field, "help": "no such key"}}
        with pytest.raises(jsonschema.ValidationError, match="help"):
            jsonschema.validate(broken, {**strict, "required": []})


def test_is_found_by_its_entry_point() -> None:
    (found,) = [entry for entry in entry_points(group="apache_airflow_provider") if "twitch" in entry.value]
    assert found.load()() == get_provider_info()


def test_package_name_is_the_distributions_name() -> None:
    assert get_provider_info()["package-name"] == metadata("airflow-provider-twitch")["Name"]


def test_version_stands_in_one_place() -> None:
    assert metadata("airflow-provider-twitch")["Version"] == twitch_provider.__version__


def test_the_connection_type_leads_to_the_hook() -> None:
    (connection,) = get_provider_info()["connection-types"]
    assert connection["hook-class-name"] == f"{TwitchHook.__module__}.{TwitchHook.__name__}"
    assert connection["connection-type"] == TwitchHook.conn_type
    assert connection["hook-name"] == TwitchHook.hook_name


def test_the_form_offers_every_extra_that_we_read_and_requires_none() -> None:
    (connection,) = get_provider_info()["connection-types"]
    assert connection["conn-fields"].keys() == _EXTRAS
    assert all("null" in field["schema"]["type"] for field in connection["conn-fields"].values())
    assert "port" not in connection["ui-field-behaviour"]["hidden-fields"]


def test_every_field_of_the_form_is_explained() -> None:
    (connection,) = get_provider_info()["connection-types"]
    assert all(field["label"] and field["description"] for field in connection["conn-fields"].values())
    assert connection["ui-field-behaviour"]["placeholders"].keys() == {"host", "login", "password", "port"}
    assert connection["ui-field-behaviour"]["placeholders"]["host"] == BASE_URL
    assert connection["conn-fields"]["auth_url"]["description"].endswith(AUTH_URL)


def test_the_form_and_the_hook_agree() -> None:
    (connection,) = get_provider_info()["connection-types"]
    fields = {name: field["schema"] for name, field in connection["conn-fields"].items()}
    choices = fields["auth_cache"]
    assert set(choices["enum"]) == set(_AUTH_CACHES) == choices["values_display"].keys()
    # An enum that lists null would offer a choice of that name.
    assert None not in choices["enum"]
    for name, (least, most) in _NUMBERS.items():
        assert (fields[name]["minimum"], fields[name]["maximum"]) == (least, most)


def test_no_extra_is_named_so_that_airflow_masks_it() -> None:
    (connection,) = get_provider_info()["connection-types"]
    assert not [name for name in connection["conn-fields"] if "token" in name or "secret" in name]
