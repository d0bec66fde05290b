# SPDX-License-Identifier: Apache-2.0
"""What a template meant: without ``render_template_as_native_obj``, Jinja gives nothing but text.

Both ways shall mean the same, so that ``"{{ params.languages }}"`` may be one language, several, or none. A
value that is no text, and a text that stands for itself, stay as they are: Helix's rules judge them.
"""

from __future__ import annotations

import ast
from typing import Any

#: What the text of a list or of a mapping begins with. No id, login or language does.
_OPENING: dict[type, str] = {list: "[", tuple: "(", dict: "{"}


def given(value: Any) -> Any:
    """Return None for the text ``None``, which is a param without a value.

    :param value: a rendered argument
    """
    return None if value == "None" else value


def listed(value: Any) -> Any:
    """Return a list that was rendered as one text.

    :param value: a rendered argument: one id, several, or none
    """
    return _literal(given(value), list, tuple)


def mapping(value: Any) -> Any:
    """Return a mapping that was rendered as one text.

    :param value: a rendered argument
    """
    return _literal(given(value), dict)


def number(value: Any) -> Any:
    """Return a whole number that was rendered as text.

    :param value: a rendered argument
    """
    value = given(value)
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def flag(value: Any) -> Any:
    """Return true or false that was rendered as text, by Python or as JSON.

    :param value: a rendered argument
    """
    value = given(value)
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _literal(value: Any, *kinds: type) -> Any:
    if not isinstance(value, str) or not value.startswith(tuple(_OPENING[kind] for kind in kinds)):
        return value
    try:
        found = ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
    return found if isinstance(found, kinds) else value
