# SPDX-License-Identifier: Apache-2.0
"""What text is in every table: storable, NFC, on one line; and a decoded value as JSON on one line.

A line is what :meth:`str.splitlines` takes for one, since programs split files in that way: it also ends at
vertical tab, form feed, the separators of files, groups and records, NEL, U+2028 and U+2029.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from twitch_provider.storable import storable_text

#: Runs of tabs and of all characters at which a line ends.
_BREAKS = re.compile("[\t-\r\x1c-\x1e\x85\u2028\u2029]+")
#: The same for Arrow, whose expressions are RE2's.
_ARROW_BREAKS = r"[\t-\r\x1c-\x1e\x{85}\x{2028}\x{2029}]+"
#: All other characters of category Cc.
_ARROW_CONTROLS = r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x{84}\x{86}-\x{9f}]+"
#: The line breaks that JSON does not escape of itself.
_UNESCAPED = "\x85\u2028\u2029"
_ESCAPES = {ord(each): f"\\u{ord(each):04x}" for each in _UNESCAPED}


def text_array(values: list[str | None]) -> pa.Array:
    """Return text as an array of Arrow; what UTF-8 cannot hold becomes U+FFFD.

    :param values: texts, of which a few may have half a surrogate pair: JSON's escapes may stand alone
    """
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        # clean_text() removes NUL, which storable_text() would replace.
        return pa.array([value and storable_text(value.replace("\0", "")) for value in values], pa.string())


def clean_text(text: pa.Array) -> pa.Array:
    """Normalise text: NFC, on one line, without control characters.

    A run of tabs and line breaks, Unicode's included, becomes one space, so that words stay apart; every
    other character of category Cc, such as NUL, is removed. Joiners and direction marks (Cf) stay: emoji and
    whole scripts need them. HTML escapes stay, too: they are what the broadcaster typed.
    """
    # Printable ASCII is clean, and almost all text is that. Of other text, each distinct one is cleaned once.
    other = pc.invert(pc.ascii_is_printable(text))
    if not pc.any(other).as_py():
        return text
    distinct = text.filter(other).dictionary_encode()
    cleaned = _clean_each(distinct.dictionary)
    if cleaned.equals(distinct.dictionary):
        return text
    return pc.replace_with_mask(text, pc.fill_null(other, fill_value=False), cleaned.take(distinct.indices))


def filled(text: pa.Array) -> pa.Array:
    """Make blank text missing, as in :func:`twitch_provider.rows.text_of`: it is what Twitch means by it."""
    empty = pc.equal(pc.utf8_ltrim_whitespace(text), "")
    return pc.if_else(empty, None, text) if pc.any(empty).as_py() else text


def one_line(text: str) -> str:
    """Return text that every database and UTF-8 can hold, on one line: a run of line breaks is a space."""
    return _BREAKS.sub(" ", storable_text(text))


def json_line(value: object, **options: Any) -> str:
    """Encode a decoded value as JSON that UTF-8 can hold, on one line, without loss.

    Half a surrogate pair is escaped as it was, and so are the line breaks that JSON would leave.

    :param value: of ``json.loads``
    :param options: of ``json.dumps``
    """
    text = escape_breaks(json.dumps(value, ensure_ascii=False, **options))
    return text.encode(errors="backslashreplace").decode()


def has_breaks(text: str) -> bool:
    """Whether text has line breaks that JSON does not escape of itself."""
    # A search for each takes a twentieth of the time of an expression for all.
    return any(each in text for each in _UNESCAPED)


def escape_breaks(line: str) -> str:
    """Escape in encoded JSON the line breaks that JSON leaves: they are in strings only."""
    return line.translate(_ESCAPES) if has_breaks(line) else line


def _clean_each(text: pa.Array) -> pa.Array:
    # Searching takes a third of the time of replacing, and there is little to replace.
    control = pc.match_substring_regex(text, r"[\p{Cc}\x{2028}\x{2029}]")
    bare = pc.replace_substring_regex(text.filter(control), _ARROW_CONTROLS, "")
    spaced = pc.replace_substring_regex(bare, _ARROW_BREAKS, " ")
    lines = pc.replace_with_mask(text, control, spaced).to_pylist()
    # pyarrow's utf8_normalize is no faster, and its NFC is NFD before version 26.
    return pa.array([unicodedata.normalize("NFC", item) for item in lines], pa.string())
