# SPDX-License-Identifier: Apache-2.0
"""Helix's rules for query parameters; each violation is a 400.

https://dev.twitch.tv/docs/api/reference. The messages are Twitch's where they are known; clients should
not depend on them (https://dev.twitch.tv/docs/api/guide).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from twitch_provider.testing import cursors
from twitch_provider.testing.answers import RefusedError, helix_error

#: The most values of a list parameter, and the most rows of a page.
MOST = 100


@dataclass(frozen=True, slots=True)
class Position:
    """Which page is requested; at most one of the two cursors is set."""

    first: int
    after: float | None
    before: float | None


class Query:
    """The parameters of one request; unknown and empty ones are ignored."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if value:
                self._values.setdefault(name, []).append(value)

    def one(self, name: str, default: str = "") -> str:
        """The last value of a parameter."""
        return self._values.get(name, [default])[-1]

    def many(self, name: str) -> list[str]:
        """The values of a parameter that may be repeated (``id=1&id=2``), each once, in their order.

        :raises RefusedError: there are more than 100
        """
        values = self._values.get(name, [])
        if len(values) > MOST:
            raise _malformed(name, f"the value must have no more than {MOST} items")
        return list(dict.fromkeys(values))

    def any_of(self, name: str) -> frozenset[str]:
        """The same as a set.

        :raises RefusedError: there are more than 100
        """
        return frozenset(self.many(name))

    def require_some_of(self, *names: str) -> None:
        """Check that these parameters have 1 to 100 values in all.

        :raises RefusedError: they have no value, or more than 100
        """
        count = sum(len(self._values.get(name, [])) for name in names)
        listed = ", ".join(f'"{name}"' for name in names)
        if count == 0:
            raise _bad_request(f"At least one of these query parameters is required: {listed}.")
        if count > MOST:
            raise _bad_request(f"The query parameters {listed} must not have more than {MOST} values in all.")

    def exactly_one_of(self, *names: str) -> str:
        """Return the one of these parameters that is set.

        :raises RefusedError: none of them is set, or more than one
        """
        given = [name for name in names if name in self._values]
        if len(given) != 1:
            listed = ", ".join(f'"{name}"' for name in names)
            raise _bad_request(f"Exactly one of these query parameters is required: {listed}.")
        return given[0]

    def only_with(self, names: Sequence[str], *others: str) -> None:
        """Check that ``names`` are only set together with one of ``others``.

        :raises RefusedError: one of ``names`` is set without any of ``others``
        """
        alone = [name for name in names if name in self._values]
        if alone and not any(name in self._values for name in others):
            raise _bad_request(f'The parameter "{alone[0]}" is only valid with {" or ".join(others)}.')

    def flag(self, name: str) -> bool | None:
        """Return true or false; None if it is not set.

        :raises RefusedError: another value
        """
        return {"": None, "true": True, "false": False}[self.choice(name, ("", "true", "false"))]

    def instant(self, name: str) -> datetime | None:
        """Return an instant with its time zone; None if it is not set.

        :raises RefusedError: not RFC 3339
        """
        if not (text := self.one(name)):
            return None
        try:
            # Without a time zone, the instant is unknown.
            return datetime.strptime(re.sub(r"\.\d+", "", text), "%Y-%m-%dT%H:%M:%S%z")
        except ValueError:
            raise _malformed(name, "the value must be an RFC3339 date and time") from None

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """Return one of a few values; the first is the default.

        :raises RefusedError: another value
        """
        value = self.one(name, choices[0])
        if value not in choices:
            raise _malformed(name, f"the value must be one of {', '.join(choices)}")
        return value

    def position(self) -> Position:
        """``first``, and one of ``after`` and ``before``.

        :raises RefusedError: out of range, both cursors at once, or an invalid cursor
        """
        first = self._first()
        if self.one("after") and self.one("before"):
            raise _bad_request("The query parameters after and before are mutually exclusive.")
        return Position(first, self._cursor("after"), self._cursor("before"))

    def _first(self) -> int:
        text = self.one("first", "20")
        if not text.lstrip("-").isdigit() or not text.isascii():
            raise _malformed("first", "the value must be an integer")
        if int(text) > MOST:
            raise _malformed("first", f"the value must be less than or equal to {MOST}")
        if int(text) < 1:
            raise _malformed("first", "the value must be greater than or equal to 1")
        return int(text)

    def _cursor(self, name: str) -> float | None:
        if not (text := self.one(name)):
            return None
        try:
            return cursors.decode(text, name[0])
        except ValueError:
            raise _bad_request(
                "The cursor specified in the before or after query parameter is not valid."
            ) from None


def _malformed(name: str, rule: str) -> RefusedError:
    return _bad_request(f'The parameter "{name}" was malformed: {rule}')


def _bad_request(message: str) -> RefusedError:
    return RefusedError(helix_error(400, message))
