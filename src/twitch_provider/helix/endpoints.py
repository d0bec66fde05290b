# SPDX-License-Identifier: Apache-2.0
"""The endpoints we read and the rules of their parameters, checked before anything is sent.

https://dev.twitch.tv/docs/api/reference: the tables of request query parameters, and what Twitch says of
them only in prose (which ones exclude or need each other).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix.messages import Params

#: The most values of a list parameter, and the most rows of a page.
MAX_VALUES = 100

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)

#: ISO 639-1 or ``other``, says the reference; Twitch also has ``asl`` and ``zh-hk``.
_LANGUAGE = re.compile(r"other|[A-Za-z]{2,3}(-[A-Za-z]{2})?")

#: A kind of parameter turns an argument into texts for the query, or raises ValueError saying what it wants.
Kind = Callable[[Any], list[str]]


def _text(value: Any) -> list[str]:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("wants a text that is not empty")
    return [value]


def _one_id(value: Any) -> list[str]:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value or re.search(r"[\s,]", value):
        raise ValueError("wants one id as text, without commas or blanks")
    return [value]


def _language(value: Any) -> list[str]:
    # The reference names no error for another word: it matches nothing, as if nobody were live.
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        raise ValueError("wants a language's code, such as en, or other")
    return [value]


def _listed(item: Kind) -> Kind:
    def listed(value: Any) -> list[str]:
        values = [value] if isinstance(value, str | int) else value
        if not isinstance(values, Iterable) or isinstance(values, bytes | Mapping):
            raise ValueError("wants a list")
        # Helix ignores a value that comes twice; dropping it here saves room for another one.
        texts = list(dict.fromkeys(text for each in values for text in item(each)))
        if not texts:
            raise ValueError("wants at least one value (left out, the list is not filtered by it)")
        return texts

    return listed


def _flag(value: Any) -> list[str]:
    if not isinstance(value, bool):
        raise ValueError("wants true or false")
    return ["true" if value else "false"]


def _first(value: Any) -> list[str]:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_VALUES:
        raise ValueError(f"wants a whole number from 1 to {MAX_VALUES}")
    return [str(value)]


def _instant(value: Any) -> list[str]:
    text = value.isoformat() if isinstance(value, datetime) else value
    if not isinstance(text, str) or not _RFC3339.fullmatch(text) or not _is_day(text[:10]):
        raise ValueError("wants an instant as RFC 3339, such as 2026-11-23T16:35:00Z")
    return [text]


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _choice(*choices: str) -> Kind:
    def choice(value: Any) -> list[str]:
        if value not in choices:
            raise ValueError(f"wants one of {', '.join(choices)}")
        return [value]

    return choice


_ids = _listed(_one_id)
_names = _listed(_text)
_languages = _listed(_language)
_FORWARD: dict[str, Kind] = {"first": _first, "after": _text}
_BOTH_WAYS: dict[str, Kind] = {**_FORWARD, "before": _text}


@dataclass(frozen=True)
class Endpoint:
    """A list endpoint of Helix.

    :param path: below the base URL
    :param params: each parameter's name and kind
    :param id_field: what identifies a row
    :param lists: the parameters that may be repeated, at most 100 values each
    :param joint: the 100 values are for all of ``lists`` together
    :param any_of: at least one of these has to be there
    :param one_of: exactly one of these has to be there
    :param needs: a parameter that goes only with one of the named others
    :param absent_ids_are_404: ids that Twitch does not know are no empty answer here but a 404
    """

    path: str
    params: Mapping[str, Kind]
    id_field: str = "id"
    lists: tuple[str, ...] = ()
    joint: bool = False
    any_of: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    absent_ids_are_404: bool = False

    @property
    def paged(self) -> bool:
        """Whether the list comes in pages; else one answer holds all of it."""
        return "after" in self.params

    @property
    def flags(self) -> frozenset[str]:
        """The parameters that are true or false."""
        return frozenset(name for name, kind in self.params.items() if kind is _flag)

    @property
    def numbers(self) -> frozenset[str]:
        """The parameters that are whole numbers."""
        return frozenset(name for name, kind in self.params.items() if kind is _first)

    def values(self, params: Mapping[str, Any]) -> dict[str, list[str]]:
        """Check each parameter by itself and against the others; numbers of values are left to :meth:`check`.

        :param params: arguments by Helix's names; None stands for "not given"
        :raises TwitchParameterError: naming the parameter
        """
        given = {name: value for name, value in params.items() if value is not None}
        texts = {name: self._texts(name, value) for name, value in given.items()}
        if self.any_of and not texts.keys() & set(self.any_of):
            raise self._error(self.any_of[0], f"at least one of {', '.join(self.any_of)} is needed")
        if self.one_of and len(texts.keys() & set(self.one_of)) != 1:
            raise self._error(self.one_of[0], f"exactly one of {', '.join(self.one_of)} is needed")
        for name, others in self.needs.items():
            if name in texts and not texts.keys() & set(others):
                raise self._error(name, f"goes only with {' or '.join(others)}")
        if {"after", "before"} <= texts.keys():
            raise self._error("before", "excludes after: give one of the two")
        return texts

    def check(self, params: Mapping[str, Any]) -> Params:
        """Turn arguments into the query of one request.

        :param params: arguments by Helix's names
        :raises TwitchParameterError: naming the parameter that Helix would refuse
        """
        texts = self.values(params)
        counts = {name: len(texts.get(name, ())) for name in self.lists}
        if self.joint:
            counts = {" + ".join(self.lists): sum(counts.values())}
        for name, count in counts.items():
            if count > MAX_VALUES:
                raise self._error(name, f"has {count} values, one request takes at most {MAX_VALUES}")
        return tuple((name, text) for name, values in texts.items() for text in values)

    def _texts(self, name: str, value: Any) -> list[str]:
        kind = self.params.get(name)
        if kind is None:
            raise self._error(name, f"is unknown here; known are {', '.join(self.params)}")
        try:
            texts = kind(value)
            "".join(texts).encode()
        except UnicodeEncodeError:
            raise self._error(name, f"has half a character, which cannot be sent: {value!r:.60}") from None
        except ValueError as error:
            raise self._error(name, f"{error}, not {value!r:.60}") from None
        return texts

    def _error(self, name: str, complaint: str) -> TwitchParameterError:
        return TwitchParameterError(f"{self.path}: parameter {name} {complaint}", parameter=name)


_VIDEO_LISTS = ("user_id", "game_id")

#: By path.
ENDPOINTS: Mapping[str, Endpoint] = {
    endpoint.path: endpoint
    for endpoint in (
        Endpoint(
            "streams",
            {
                "user_id": _ids,
                "user_login": _ids,
                "game_id": _ids,
                "language": _languages,
                "type": _choice("all", "live"),
                **_BOTH_WAYS,
            },
            lists=("user_id", "user_login", "game_id", "language"),
        ),
        Endpoint("games/top", _BOTH_WAYS),
        Endpoint(
            "games",
            {"id": _ids, "name": _names, "igdb_id": _ids},
            lists=("id", "name", "igdb_id"),
            joint=True,
            any_of=("id", "name", "igdb_id"),
        ),
        Endpoint(
            "users", {"id": _ids, "login": _ids}, lists=("id", "login"), joint=True, any_of=("id", "login")
        ),
        Endpoint(
            "channels",
            {"broadcaster_id": _ids},
            id_field="broadcaster_id",
            lists=("broadcaster_id",),
            any_of=("broadcaster_id",),
        ),
        Endpoint(
            "channels/followers",
            {"broadcaster_id": _one_id, "user_id": _one_id, **_FORWARD},
            id_field="user_id",
            any_of=("broadcaster_id",),
        ),
        Endpoint(
            "videos",
            {
                "id": _ids,
                "user_id": _one_id,
                "game_id": _one_id,
                "language": _language,
                "period": _choice("all", "day", "week", "month"),
                "sort": _choice("time", "trending", "views"),
                "type": _choice("all", "archive", "highlight", "upload"),
                **_BOTH_WAYS,
            },
            lists=("id",),
            one_of=("id", "user_id", "game_id"),
            needs={
                **dict.fromkeys(("period", "sort", "type", "first"), _VIDEO_LISTS),
                "language": ("game_id",),
                **dict.fromkeys(("after", "before"), ("user_id",)),
            },
            absent_ids_are_404=True,
        ),
        Endpoint(
            "clips",
            {
                "broadcaster_id": _one_id,
                "game_id": _one_id,
                "id": _ids,
                "started_at": _instant,
                "ended_at": _instant,
                "is_featured": _flag,
                **_BOTH_WAYS,
            },
            lists=("id",),
            one_of=("broadcaster_id", "game_id", "id"),
            needs={"ended_at": ("started_at",)},
        ),
        Endpoint("search/channels", {"query": _text, "live_only": _flag, **_FORWARD}, any_of=("query",)),
        Endpoint("search/categories", {"query": _text, **_FORWARD}, any_of=("query",)),
    )
}


def endpoint(path: str) -> Endpoint:
    """Look an endpoint up by its path, with or without a leading slash.

    :param path: for example ``games/top``
    :raises TwitchParameterError: it is none that we know the rules of
    """
    try:
        return ENDPOINTS[path.strip("/")]
    except KeyError:
        known = ", ".join(ENDPOINTS)
        raise TwitchParameterError(
            f"endpoint {path!r} is unknown here; known are {known}", parameter="endpoint"
        ) from None
