# SPDX-License-Identifier: Apache-2.0
"""Does a secret lie in what was written, in any coat that programs put on text?

A secret that nobody should ever see is a :class:`Mark`; :func:`findings` looks for all of them in named
bytes, and in what those bytes contain (:mod:`tests.leaks.opening`). What it reports never repeats the value.
"""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus

from tests.leaks.opening import contents

#: A shorter text turns up by accident.
LEAST = 12

#: Each mark, and as which bytes it is looked for.
Coats = Sequence[tuple["Mark", list[tuple[str, bytes]]]]


@dataclass(frozen=True)
class Mark:
    """A secret that may lie nowhere.

    :param name: what to call it in a finding
    :param value: at least 12 characters, found nowhere by accident; not shown
    """

    name: str
    value: str = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.value) < LEAST:
            raise ValueError(f"the mark {self.name} is too short to be looked for: give {LEAST} characters")


@dataclass(frozen=True)
class Finding:
    """Where a mark lies. It repeats no secret.

    :param name: of the mark
    :param place: which text, and what had to be opened in it
    :param encoding: how it was written there
    :param offset: in bytes, in what was opened last
    """

    name: str
    place: str
    encoding: str
    offset: int

    def __str__(self) -> str:
        return f"{self.name}, {self.encoding}, at byte {self.offset} of {self.place}"


def findings(texts: Iterable[tuple[str, bytes]], marks: Iterable[Mark]) -> list[Finding]:
    """Look for every mark in every text, in its name, and in what can be opened in it.

    :param texts: names and bytes
    :param marks: what may not be there
    :returns: the first occurrence of each mark in each of them
    """
    coats = [(mark, list(_coats(mark.value))) for mark in marks]
    found: dict[Finding, None] = {}
    for place, body in texts:
        shown = place
        for mark, _ in coats:
            shown = shown.replace(mark.value, f"<{mark.name}>")
        if list(_look("", shown.encode("utf-8", "surrogateescape"), coats)):
            shown = "a name that is not shown"
        found |= dict.fromkeys(_look(f"the name of {shown}", place.encode("utf-8", "surrogateescape"), coats))
        found |= dict.fromkeys(_look(shown, body, coats))
    return list(found)


def walk(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Read every file of a folder, hidden ones too; links are not followed, but their target is looked at.

    :param folder: where to begin
    :returns: names below the folder, and what is in them
    """
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        try:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                yield name, str(path.readlink()).encode()
            elif stat.S_ISREG(mode):
                yield name, path.read_bytes()
            else:
                yield name, b""
        except FileNotFoundError:  # it was a temporary one
            continue


def _look(place: str, data: bytes, coats: Coats) -> Iterator[Finding]:
    left = list(coats)
    for inside, opened in contents(data):
        for mark, needles in tuple(left):
            for encoding, needle in needles:
                offset = opened.find(needle)
                if offset >= 0:
                    yield Finding(mark.name, f"{place}{inside}", encoding, offset)
                    left.remove((mark, needles))
                    break


def _coats(value: str) -> Iterator[tuple[str, bytes]]:
    """In each of these a text is found as it lies; JSON and URL escapes are taken off beforehand."""
    raw = value.encode()
    yield "plain", raw
    # Logs cut long texts: half a secret is a leak as well.
    if len(raw) >= 2 * LEAST:
        middle = len(raw) // 2
        yield "its first half", raw[:middle]
        yield "its second half", raw[middle:]
    yield "URL-encoded", quote_plus(value).encode()
    yield "reversed", raw[::-1]
    yield "UTF-16", value.encode("utf-16-le")
    yield "UTF-16", value.encode("utf-16-be")
    for text in (raw, quote_plus(value).encode()):
        yield "hexadecimal", text.hex().encode()
        yield "hexadecimal", text.hex().upper().encode()
    for alignment in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Only the characters that depend on the secret alone, not on what stands before and behind it.
            begin, end = -(-alignment * 8 // 6), (alignment + len(raw)) * 8 // 6
            yield "base64", encode(b"\0" * alignment + raw)[begin:end]
