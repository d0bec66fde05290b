# SPDX-License-Identifier: Apache-2.0
"""Rendered templates: without ``render_template_as_native_obj``, Jinja renders everything as text.

Python's values become literals of Python; an Airflow Variable, or text in a run's conf, is often JSON.
"""

from __future__ import annotations

import ast
import json
from typing import Any

#: Python refuses to read a number with many more.
_MOST_DIGITS = 100


def native(value: Any, *kinds: type) -> Any:
    """Return the value that a rendered text stands for, in Python or in JSON.

    ``"{{ params.languages }}"`` may be one language, several, or none, rendered as text or natively: both
    mean the same. Other text is returned unchanged, for Helix's rules to judge.

    :param value: a rendered argument
    :param kinds: what text may stand for, besides ``None``: ``int``, ``bool``, ``list``, ``tuple``, ``dict``;
        with ``str``, the word ``null`` is text too: somebody's login may be that
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text == "None" or (text == "null" and str not in kinds):
        return None
    if int in kinds and text.isdecimal() and len(text) <= _MOST_DIGITS:
        return int(text)
    if bool in kinds and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if text.startswith('"') and str not in kinds:  # JSON's text: of a Variable, for example
        try:
            return native(json.loads(text), *kinds)
        except (ValueError, RecursionError):
            return value
    if not text.startswith(("[", "(", "{")):  # no id, login or language begins like that
        return value
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(text)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        return found if type(found) in kinds else value
    return value
