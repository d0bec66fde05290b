# SPDX-License-Identifier: Apache-2.0
"""The document as bytes: compact JSON that fits its bound, whatever Twitch's text is."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.metrics.overview.schema import CHANNELS, GAMES, MAX_BYTES, NOTES, TITLE
from twitch_provider.storable import storable

Json = dict[str, Any]

#: How many games and channels, and how much of a title: the first that fits the bound is taken.
_LIMITS = (
    (GAMES, CHANNELS, TITLE),
    (GAMES, CHANNELS, 40),
    (GAMES, CHANNELS, 0),
    (75, 150, 40),
    (50, 100, 40),
    (50, 100, 0),
    (20, 40, 0),
    (10, 10, 0),
)

#: What could end a script element or a line of one. In JSON they are in strings only.
_ESCAPES = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}


def encode(document: Json, most: int = MAX_BYTES) -> bytes:
    """Return the document as JSON in UTF-8, which may stand in HTML as it is.

    Where it would be too large, titles, then games and channels, then the last scopes are left out;
    ``limits`` and ``notes`` of the document say so.

    :param document: as :func:`twitch_provider.metrics.overview.schema.json_schema` says, without limits
    :param most: of bytes
    :raises TwitchDataError: not even one scope fits
    """
    document = storable(document)  # NUL and surrogates without their pair become U+FFFD.

    @cache
    def scope(number: int, games: int, channels: int, title: int) -> bytes:
        return _json(_cut(document["scopes"][number], games, channels, title))

    for kept in range(len(document["scopes"]), 0, -1):
        for limits in _LIMITS:
            scopes = b",".join(scope(number, *limits) for number in range(kept))
            head = _json(_head(document, kept, *limits)).removesuffix(b"}")
            body = b'%b,"scopes":[%b]}' % (head, scopes)
            if len(body) <= most:
                return body
    raise TwitchDataError(f"An overview of one scope has more than {most:,} bytes.")


def _json(value: Json) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPES).encode()


def _head(document: Json, kept: int, games: int, channels: int, title: int) -> Json:
    """Return all but the scopes."""
    head = {name: value for name, value in document.items() if name != "scopes"}
    left = len(document["scopes"]) - kept
    if left:
        which = "one scope with fewer viewers is" if left == 1 else f"{left} scopes with fewer viewers are"
        head["notes"] = [
            *head["notes"][: NOTES - 1],
            f"There is no room for all scopes: {which} left out.",
        ]
    return {**head, "limits": {"games": games, "channels": channels, "title": title}}


def _cut(scope: Json, games: int, channels: int, title: int) -> Json:
    """Return a scope with less in it; its tables are in the order of their ranks."""
    columns = scope["channels"]["columns"]
    place = columns.index("title")
    rows = [
        [_shortened(value, title) if number == place else value for number, value in enumerate(row)]
        for row in scope["channels"]["rows"][:channels]
    ]
    return {
        **scope,
        "games": {**scope["games"], "rows": scope["games"]["rows"][:games]},
        "channels": {"columns": columns, "rows": rows},
    }


def _shortened(text: str | None, most: int) -> str | None:
    """Text cut at a number of characters, of which the last is then an ellipsis."""
    if not text or len(text) <= most:
        return text
    return f"{text[: most - 1]}…" if most else None
