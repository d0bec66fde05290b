# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from importlib.metadata import entry_points, metadata
from importlib.resources import files

import jsonschema
import pytest

import twitch_provider
from twitch_provider.get_provider_info import get_provider_info
from twitch_provider.hooks.settings import _EXTRAS
from twitch_provider.hooks.twitch import TwitchHook


@pytest.mark.parametrize("name", ["provider_info.schema.json"])
def test_satisfies_airflows_schema(name: str) -> None:
    schema = json.loads(files("airflow").joinpath(name).read_text(encoding="utf-8"))
    jsonschema.validate(get_provider_info(), schema)


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


def test_no_extra_is_named_so_that_airflow_masks_it() -> None:
    (connection,) = get_provider_info()["connection-types"]
    assert not [name for name in connection["conn-fields"] if "token" in name or "secret" in name]
