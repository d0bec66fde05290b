# SPDX-License-Identifier: Apache-2.0
"""The connection form for Airflow 2.11 to 3.1, which ask the hook for it. Newer ones read the provider info.

https://airflow.apache.org/docs/apache-airflow/stable/howto/connection.html#custom-connection-fields
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twitch_provider.get_provider_info import get_provider_info


def connection_form_widgets() -> dict[str, Any]:
    """Return a WTForms field for each extra, none of them required.

    All are text fields, the numbers too: the form of Airflow 2.11 loses an integer 0 and refuses a fraction.
    :class:`~twitch_provider.hooks.settings.Settings` reads numbers from text.
    """
    # They come with Airflow's web server; Airflow 3.0 and 3.1 put stand-ins in their place.
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
    from flask_babel import lazy_gettext
    from wtforms import StringField
    from wtforms.validators import Optional, any_of

    def field(declared: Mapping[str, Any]) -> Any:
        choices = declared["schema"].get("enum")
        return StringField(
            lazy_gettext(declared["label"]),
            widget=BS3TextFieldWidget(),
            description=declared["description"],
            validators=[Optional(), *([any_of(choices)] if choices else [])],
        )

    return {name: field(declared) for name, declared in _connection_type()["conn-fields"].items()}


def ui_field_behaviour() -> dict[str, Any]:
    """Return what the standard fields are called, and which are hidden."""
    behaviour = _connection_type()["ui-field-behaviour"]
    return {name.replace("-", "_"): value for name, value in behaviour.items()}


def _connection_type() -> dict[str, Any]:
    (found,) = get_provider_info()["connection-types"]
    return dict(found)
