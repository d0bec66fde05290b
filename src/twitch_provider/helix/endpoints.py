# SPDX-License-Identifier: Apache-2.0
"""The endpoints that the hooks read, and the rules of their parameters, checked before anything is sent.

https://dev.twitch.tv/docs/api/reference: the tables of request query parameters, and the rules that Twitch
states only in prose (which ones exclude or need each other).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix.fields import FIELDS

#: The most values of a list parameter, and the most rows of a page.
MAX_VALUES = 100

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)

#: ISO 639-1 or ``other``, says the reference; Twitch also has ``asl`` and ``zh-hk``.
_LANGUAGE = re.compile(r"other|[A-Za-z]{2,3}(-[A-Za-z]{2})?")

#: A kind of parameter turns an argument into texts for the query, or raises ValueError with the rule.
Kind = Callable[[Any], list[str]]


def _text(value: Any) -> list[str]:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text and not empty")
    return [value]


def _one_id(value: Any) -> list[str]:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value or re.search(r"[\s,]", value):
        raise ValueError("must be one id, as text without commas or blanks")
    return [value]


def _language(value: Any) -> list[str]:
    # The reference names no error for another word: Helix answers with an empty list.
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        raise ValueError("must be a language code, such as en, or other")
    return [value]


def _listed(item: Kind) -> Kind:
    def listed(value: Any) -> list[str]:
        values = [value] if isinstance(value, str | int) else value
        if not isinstance(values, Iterable) or isinstance(values, bytes | Mapping):
            raise ValueError("must be a list")
        # Helix ignores duplicates; dropping them leaves room for other values.
        texts = list(dict.fromkeys(text for each in values for text in item(each)))
        if not texts:
            raise ValueError("must have at least one value (leave it out to read without this filter)")
        return texts

    return listed


def _flag(value: Any) -> list[str]:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return ["true" if value else "false"]


def _first(value: Any) -> list[str]:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_VALUES:
        raise ValueError(f"must be between 1 and {MAX_VALUES}")
    return [str(value)]


def _instant(value: Any) -> list[str]:
    text = value.isoformat() if isinstance(value, datetime) else value
    if not isinstance(text, str) or not _RFC3339.fullmatch(text) or not _is_day(text[:10]):
        raise ValueError("must be an instant in RFC 3339, such as 2026-11-23T16:35:00Z")
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
            raise ValueError(f"must be one of {', '.join(choices)}")
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
    :param lists: the parameters that may be repeated, with at most 100 values each
    :param joint: the 100 values are for all of ``lists`` together
    :param any_of: at least one of these is required
    :param one_of: exactly one of these is required
    :param needs: a parameter that is valid only together with one of the named others
    :param sorted_by: the field by which an answer to several ids is sorted, from the greatest value down
    :param absent_ids_are_404: Twitch answers unknown ids with 404 instead of an empty list
    """

    path: str
    params: Mapping[str, Kind]
    id_field: str = "id"
    lists: tuple[str, ...] = ()
    joint: bool = False
    any_of: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sorted_by: str | None = None
    absent_ids_are_404: bool = False

    @property
    def paged(self) -> bool:
        """Whether the list has pages; else one answer is all of it."""
        return "after" in self.params

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a row, in the order of the reference."""
        return FIELDS[self.path]

    @property
    def flags(self) -> frozenset[str]:
        """The parameters that are true or false."""
        return frozenset(name for name, kind in self.params.items() if kind is _flag)

    @property
    def numbers(self) -> frozenset[str]:
        """The parameters that are whole numbers."""
        return frozenset(name for name, kind in self.params.items() if kind is _first)

    def check(self, params: Mapping[str, Any]) -> dict[str, list[str]]:
        """Check each parameter by itself and against the others, but not how many values it has.

        :returns: the texts to send, by name
        :raises TwitchParameterError: naming the parameter that Helix would refuse
        """
        values = {name: self._texts(name, value) for name, value in params.items()}
        if self.any_of and not values.keys() & set(self.any_of):
            raise self._refusal(self.any_of[0], f"give at least one of {', '.join(self.any_of)}")
        if self.one_of and len(values.keys() & set(self.one_of)) != 1:
            raise self._refusal(self.one_of[0], f"give exactly one of {', '.join(self.one_of)}")
        for name, others in self.needs.items():
            if name in values and not values.keys() & set(others):
                raise self._refusal(name, f"parameter {name} is only valid with {' or '.join(others)}")
        if {"after", "before"} <= values.keys():
            raise self._refusal("before", "give only one of after and before")
        return values

    def check_counts(self, values: Mapping[str, Sequence[str]]) -> None:
        """Check that one request can take these values.

        :raises TwitchParameterError: naming the parameter that has more than 100
        """
        counts = {name: len(values.get(name, ())) for name in self.lists}
        if self.joint:
            counts = {" + ".join(self.lists): sum(counts.values())}
        for name, count in counts.items():
            if count > MAX_VALUES:
                raise self._refusal(
                    name, f"{name} has {count} values; one request takes at most {MAX_VALUES}"
                )

    def _texts(self, name: str, value: Any) -> list[str]:
        kind = self.params.get(name)
        if kind is None:
            raise self._refusal(name, f"parameter {name} is unknown; known are {', '.join(self.params)}")
        try:
            texts = kind(value)
            "".join(texts).encode()
        except UnicodeEncodeError:
            raise self._refusal(
                name, f"parameter {name} has an unpaired surrogate, which UTF-8 cannot encode: {value!r:.60}"
            ) from None
        except ValueError as error:
            raise self._refusal(name, f"parameter {name} {error}, not {value!r:.60}") from None
        return texts

    def _refusal(self, name: str, sentence: str) -> TwitchParameterError:
        return TwitchParameterError(f"{self.path}: {sentence}", parameter=name)


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
            sorted_by="viewer_count",
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
    :raises TwitchParameterError: it is not one of :data:`ENDPOINTS`
    """
    try:
        return ENDPOINTS[path.strip("/")]
    except KeyError:
        known = ", ".join(ENDPOINTS)
        raise TwitchParameterError(
            f"endpoint {path!r} is unknown; known are {known}", parameter="endpoint"
        ) from None
