# SPDX-License-Identifier: Apache-2.0
"""The form for Airflow 2.11 to 3.1, in its libraries where they are installed and in Airflow's stand-ins."""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from importlib.resources import files
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from twitch_provider.get_provider_info import get_provider_info
from twitch_provider.hooks import form
from twitch_provider.hooks.twitch import TwitchHook

(DECLARED,) = get_provider_info()["connection-types"]
EXTRAS = DECLARED["conn-fields"]


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow 3's stand-ins for WTForms and Flask AppBuilder, which its API server does not have."""
    name = "airflow.api_fastapi.core_api.services.ui.connections"
    if find_spec("airflow.api_fastapi") is None:
        pytest.skip("Airflow 2 has no stand-ins for WTForms")
    service = importlib.import_module(name).HookMetaService
    modules: dict[str, dict[str, Any]] = {
        "wtforms": {"StringField": service.MockStringField},
        "wtforms.validators": {"Optional": service.MockOptional, "any_of": service.MockEnum},
        "flask_appbuilder": {},
        "flask_appbuilder.fieldwidgets": {"BS3TextFieldWidget": service.MockAnyWidget},
        "flask_babel": {"lazy_gettext": str},
    }
    for module, content in modules.items():
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(**content))


@pytest.fixture
def real_form() -> type[Any]:
    """Our fields in a WTForms form, as in Airflow 2.11."""
    if any(find_spec(name) is None for name in ("wtforms", "flask_appbuilder", "flask_babel")):
        pytest.skip("WTForms and Flask AppBuilder are not installed: only Airflow 2 brings them")
    with warnings.catch_warnings():
        # Flask AppBuilder's own, when it is imported.
        warnings.simplefilter("ignore")
        wtforms: Any = importlib.import_module("wtforms")
        made: type[Any] = type("ConnectionForm", (wtforms.Form,), form.connection_form_widgets())
    return made


def submitted(form: type[Any], **fields: str) -> Any:
    """A form as a browser submits it: every field, most of them empty."""
    from werkzeug.datastructures import MultiDict

    return form(MultiDict(dict.fromkeys(EXTRAS, "") | fields))


@pytest.mark.usefixtures("stand_ins")
def test_has_the_fields_of_the_provider_info_in_their_order() -> None:
    fields = {name: widget.param.dump() for name, widget in form.connection_form_widgets().items()}
    assert list(fields) == list(EXTRAS)
    for name, field in fields.items():
        assert field["schema"]["title"] == EXTRAS[name]["label"]
        assert field["description"] == EXTRAS[name]["description"]
        assert field["schema"].get("enum") == EXTRAS[name]["schema"].get("enum")


@pytest.mark.usefixtures("stand_ins")
def test_requires_and_presets_nothing() -> None:
    for widget in form.connection_form_widgets().values():
        assert "null" in widget.param.dump()["schema"]["type"]
        assert widget.param.dump()["value"] is None


def test_the_real_form_takes_empty_fields(real_form: type[Any]) -> None:
    sent = submitted(real_form)
    assert sent.validate(), sent.errors
    # Airflow 2.11 then stores none of them.
    assert set(sent.data.values()) == {""}


def test_the_real_form_keeps_a_zero_and_a_fraction(real_form: type[Any]) -> None:
    sent = submitted(real_form, rate_limit_reserve="0", timeout="2.5", auth_cache="variable")
    assert sent.validate(), sent.errors
    assert (sent.data["rate_limit_reserve"], sent.data["timeout"]) == ("0", "2.5")


def test_the_real_form_refuses_another_cache(real_form: type[Any]) -> None:
    sent = submitted(real_form, auth_cache="redis")
    assert not sent.validate()
    assert list(sent.errors) == ["auth_cache"]


def test_airflow_finds_it_on_the_hook_itself() -> None:
    # Airflow does not look at what a hook inherits.
    assert {"get_connection_form_widgets", "get_ui_field_behaviour"} <= vars(TwitchHook).keys()
    assert TwitchHook.get_ui_field_behaviour() == form.ui_field_behaviour()


def test_names_and_hides_the_standard_fields_as_the_provider_info_does() -> None:
    found = form.ui_field_behaviour()
    assert found == {
        "hidden_fields": DECLARED["ui-field-behaviour"]["hidden-fields"],
        "relabeling": DECLARED["ui-field-behaviour"]["relabeling"],
        "placeholders": DECLARED["ui-field-behaviour"]["placeholders"],
    }
    schema = files("airflow").joinpath("customized_form_field_behaviours.schema.json")
    jsonschema.validate(found, json.loads(schema.read_text(encoding="utf-8")))
