# SPDX-License-Identifier: Apache-2.0
r"""What Airflow can store: one definition, for XComs, events of triggers and tables.

PostgreSQL's JSONB refuses the escape ``\u0000``, surrogates without their pair, ``NaN`` and ``Infinity``
(https://www.postgresql.org/docs/current/datatype-json.html). Airflow's processes pass values on as
MessagePack, which has neither such surrogates nor integers of more than 64 bits, and refuse deep nesting.
A value that is refused fails a task as XCom, and ends the whole triggerer as an event. Helix's JSON may have
any of them.
"""

from __future__ import annotations

import math
import re
from typing import Any

#: U+FFFD, which Unicode has for what cannot be represented.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

#: How many levels of lists and objects to keep; XCom refuses some 250. Helix's rows have two.
MAX_LEVELS = 100

_REFUSED = re.compile("[\0\ud800-\udfff]")


def storable_text(text: str) -> str:
    """Return a text that every database and UTF-8 can hold: NUL and surrogates become U+FFFD.

    :param text: any text
    :returns: the same object where nothing is to change, which is nearly always
    """
    if text.isascii():
        return text.replace("\0", REPLACEMENT)
    return _REFUSED.sub(REPLACEMENT, text)


def storable(value: Any) -> Any:
    """Return a JSON value that Airflow can store.

    Texts and keys become :func:`storable_text`. A number that is infinite, not a number, or an integer of
    more than 64 bits becomes None, and so does what is nested more than :data:`MAX_LEVELS` deep.

    :param value: of ``json.loads``: dict, list, str, int, float, bool or None, nested; others are kept
    """
    return _storable(value, MAX_LEVELS)


def _storable(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict | list | tuple) and not levels:
        return None
    if isinstance(value, dict):
        return {storable_text(key): _storable(each, levels - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(each, levels - 1) for each in value]
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else None
    return None if isinstance(value, float) and not math.isfinite(value) else value
