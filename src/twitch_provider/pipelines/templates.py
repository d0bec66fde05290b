# SPDX-License-Identifier: Apache-2.0
"""Rendered templates: without ``render_template_as_native_obj``, Jinja renders everything as text."""

from __future__ import annotations

import ast
from typing import Any


def native(value: Any, *kinds: type) -> Any:
    """Return the value that a rendered text stands for.

    ``"{{ params.languages }}"`` may be one language, several, or none, rendered as text or natively: both
    mean the same. Other text is returned unchanged, for Helix's rules to judge.

    :param value: a rendered argument
    :param kinds: what text may stand for, besides ``None``: ``int``, ``bool``, ``list``, ``tuple``, ``dict``
    """
    if not isinstance(value, str):
        return value
    if value == "None":
        return None
    if int in kinds and value.isdecimal():
        return int(value)
    if bool in kinds and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not value.startswith(("[", "(", "{")):  # no id, login or language begins like that
        return value
    try:
        found = ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
    return found if type(found) in kinds else value
