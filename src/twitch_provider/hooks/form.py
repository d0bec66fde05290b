# SPDX-License-Identifier: Apache-2.0
"""The connection form for Airflow 2.11 to 3.1, which ask the hook. Later ones read the provider metadata.

https://airflow.apache.org/docs/apache-airflow/stable/howto/connection.html#custom-connection-fields
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twitch_provider.get_provider_info import get_provider_info


def connection_form_widgets() -> dict[str, Any]:
    """Return an optional WTForms field for each extra.

    Numbers are text fields too: the form of Airflow 2.11 drops an integer 0 and rejects fractions.
    :class:`~twitch_provider.hooks.settings.Settings` reads numbers from text.
    """
    # Airflow 2's web server brings them; Airflow 3.0 and 3.1 replace them by stand-ins.
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
    """Return the labels of the standard fields, and which are hidden."""
    behaviour = _connection_type()["ui-field-behaviour"]
    return {name.replace("-", "_"): value for name, value in behaviour.items()}


def _connection_type() -> dict[str, Any]:
    (found,) = get_provider_info()["connection-types"]
    return dict(found)
