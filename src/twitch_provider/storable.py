# SPDX-License-Identifier: Apache-2.0
r"""What Airflow's metadata database can store: one definition, for XComs, events of triggers and tables.

PostgreSQL's JSONB refuses the escape ``\u0000``, surrogates without their pair, ``NaN`` and ``Infinity``
(https://www.postgresql.org/docs/current/datatype-json.html). Helix's JSON may have any of them.
"""

from __future__ import annotations

import math
import re
from typing import Any

#: U+FFFD, which Unicode has for what cannot be represented.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

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
    """Return a JSON value that Airflow's database can hold.

    Texts and keys become :func:`storable_text`; a float that is infinite or not a number becomes None.

    :param value: of ``json.loads``: dict, list, str, int, float, bool or None, nested; others are kept
    """
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_text(key): storable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [storable(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
