# SPDX-License-Identifier: Apache-2.0
"""Documents that are nearly right: a field replaced, removed, repeated or nested; bytes cut or turned."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

#: Texts of JSON to put in the place of a value: every type, and what parsers trip over.
ODD = (
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    '""',
    '"text"',
    "[]",
    "{}",
    "[[]]",
    '{"a":1}',
    "NaN",
    "-Infinity",
    "1e999",
    "9223372036854775808",
    "1" + "0" * 30,
    "9" * 5000,
    r'"\ud800"',
    r'"\u0000"',
    r'"=1+1\r\n"',
    '"' + "x" * 300 + '"',
    '"9999-12-31T23:59:59-23:59"',
    '"0001-01-01T00:00:00+23:59"',
    '"2026-11-23T12:00:00"',
    '"2026-11-23T12:00:00Z"',
    '"\N{FULLWIDTH DIGIT ONE}"',
    '"\N{LINE SEPARATOR}"',
    "[" * 200 + "]" * 200,
    "[" * 100_000,
    '{"a":' * 100_000,
)

#: Of a document that is mutated by its structure: larger ones take seconds.
MOST_BYTES = 400_000

#: Replaced by a text of JSON that the encoder would not write.
_MARK = "@odd@"


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return every container with each of its keys."""
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        found.append((value, key))
        if isinstance(child, dict | list):
            _places(child, found)
    return found


def of_json(random: Random, text: str) -> str:
    """Change one place of a document; text that is not a document stays as it is."""
    try:
        document = [json.loads(text)]
        places = _places(document, [])
    except (ValueError, RecursionError):
        return text
    inside, key = random.choice(places[1:] or places)
    other_inside, other = random.choice(places)
    value, raw = inside[key], random.choice(ODD)
    match random.randrange(7):
        case 0 | 1 | 2:
            inside[key] = _MARK
        case 3 if len(places) > 1:
            del inside[key]
        case 4:
            inside[key] = random.choice(([value], {"a": value}, [value, value], str(value)))
        case 5 if isinstance(inside, dict):
            inside[key] = value
            # The same name twice: the first is odd.
            written = json.dumps(document[0] if document else None)
            name = json.dumps(key)
            return written.replace(f"{name}: ", f"{name}: {raw}, {name}: ", 1)
        case _:
            inside[key] = other_inside[other] if other_inside is not document else None
    try:
        written = json.dumps(document[0] if document else None)
    except (ValueError, RecursionError):
        return text
    return written.replace(json.dumps(_MARK), raw)


def of_bytes(random: Random, data: bytes) -> bytes:
    """Cut, turn, insert, remove or repeat some bytes."""
    place = random.randrange(len(data) + 1)
    some = bytes(random.randrange(256) for _ in range(random.randrange(1, 5)))
    match random.randrange(6):
        case 0:
            return data[:place]
        case 1:
            return data[:place] + some + data[place + len(some) :]
        case 2:
            return data[:place] + some + data[place:]
        case 3:
            return data[:place] + data[place + random.randrange(1, 40) :]
        case 4:
            return data[:place] + data[random.randrange(len(data) + 1) :]
        case _:
            return data + data[place:]


def json_document(random: Random, data: bytes) -> bytes:
    """Mutate one document, mostly by its structure."""
    if len(data) > MOST_BYTES or not random.randrange(4):
        return of_bytes(random, data)
    return of_json(random, data.decode(errors="replace")).encode(errors="backslashreplace")


def json_lines(random: Random, data: bytes) -> bytes:
    """Mutate a line of several, or their order."""
    lines = data.split(b"\n")
    place = random.randrange(len(lines))
    match random.randrange(6):
        case 0:
            return of_bytes(random, data)
        case 1:
            del lines[place]
        case 2:
            lines.insert(place, random.choice(lines))
        case _:
            lines[place] = json_document(random, lines[place])
    return b"\n".join(lines)


def gzipped(inner: Callable[[Random, bytes], bytes]) -> Callable[[Random, bytes], bytes]:
    """Mutate what is compressed, or the compressed bytes."""

    def mutate(random: Random, data: bytes) -> bytes:
        if not random.randrange(4):
            return of_bytes(random, data)
        member = zlib.decompressobj(wbits=31)
        try:
            plain = member.decompress(data, MOST_BYTES)
        except zlib.error:
            return of_bytes(random, data)
        # One that was repeated until it is a bomb is given to the parser as it is.
        whole = member.eof and not member.unused_data
        return gzip.compress(inner(random, plain), 1, mtime=0) if whole else of_bytes(random, data)

    return mutate
