# SPDX-License-Identifier: Apache-2.0
"""The rules that Twitch states only in prose, each with the words or the page that state it.

Nothing here is taken from the package: a mistake in its rules must not repeat itself in their check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

#: The values of a request by parameter, as they were sent.
Given = Mapping[str, Sequence[str]]

GUIDE = "https://dev.twitch.tv/docs/api/guide#pagination"
MOCK = "https://github.com/twitchdev/twitch-cli/blob/main/internal/mock_api/endpoints/clips/clips.go"


@dataclass(frozen=True)
class Rule:
    """A rule over the parameters of an endpoint.

    :param what: the rule in a few words
    :param source: an address, or words that stand in the description of every one of ``paths``
    :param paths: where it holds; empty for everywhere
    :param holds: whether a request keeps it
    """

    what: str
    source: str
    paths: tuple[str, ...]
    holds: Callable[[Given], bool]


def at_most_100(*names: str) -> Callable[[Given], bool]:
    return lambda given: sum(len(given.get(name, ())) for name in names) <= 100


def exactly_one(*names: str) -> Callable[[Given], bool]:
    return lambda given: sum(name in given for name in names) == 1


def some(*names: str) -> Callable[[Given], bool]:
    return lambda given: any(name in given for name in names)


def only_with(names: Sequence[str], *others: str) -> Callable[[Given], bool]:
    return lambda given: not some(*names)(given) or some(*others)(given)


def matching(pattern: str, *names: str) -> Callable[[Given], bool]:
    return lambda given: all(
        re.fullmatch(pattern, value, re.ASCII) for name in names for value in given.get(name, ())
    )


def instants(*names: str) -> Callable[[Given], bool]:
    return lambda given: all(rfc3339(value) for name in names for value in given.get(name, ()))


def rfc3339(text: str) -> bool:
    """Whether a text is a ``date-time``: https://www.rfc-editor.org/rfc/rfc3339#section-5.6"""
    parts = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-](\d\d):(\d\d))", text, re.ASCII
    )
    if not parts:
        return False
    day, *clock = parts.groups()
    most = (23, 59, 60, 23, 59)
    if any(int(number) > bound for number, bound in zip(clock, most, strict=True) if number is not None):
        return False
    try:
        datetime.fromisoformat(day)
    except ValueError:
        return False
    return True


LISTS = {
    "streams": ("user_id", "user_login", "game_id", "language"),
    "games": ("id", "name", "igdb_id"),
    "users": ("id", "login"),
    "channels": ("broadcaster_id",),
    "videos": ("id",),
    "clips": ("id",),
}
_ONLY = "Specify this parameter only if you specify the"

RULES: tuple[Rule, ...] = (
    Rule("first is 1 to 100", "The minimum page size is 1", (), matching(r"[1-9]\d?|100", "first")),
    Rule("after excludes before", GUIDE, (), lambda given: not {"after", "before"} <= given.keys()),
    *(
        Rule(f"{name} has 100 values at most", "100", (path,), at_most_100(name))
        for path, names in LISTS.items()
        for name in names
    ),
    Rule(
        "id, login and name together have 100 values at most",
        "the sum total of the number of users you may look up is 100",
        ("users",),
        at_most_100("id", "login"),
    ),
    Rule(
        "ids and names together have 100 values at most",
        "The combined number of game IDs (id and igdb_id) and game names that you specify in the request "
        "must not exceed 100",
        ("games",),
        at_most_100("id", "name", "igdb_id"),
    ),
    Rule(
        "one of id, name and igdb_id is needed",
        "The request must specify the id or name or igdb_id query parameter",
        ("games",),
        some("id", "name", "igdb_id"),
    ),
    Rule(
        "one of id and login is needed with an app token",
        "query parameter is required unless the request uses a user access token",
        ("users",),
        some("id", "login"),
    ),
    Rule(
        "exactly one of id, user_id and game_id",
        "query parameters are mutually exclusive; you must specify only one of them",
        ("videos",),
        exactly_one("id", "user_id", "game_id"),
    ),
    Rule(
        "period, sort, type and first only with game_id or user_id",
        f"{_ONLY} game_id or user_id query parameter",
        ("videos",),
        only_with(("period", "sort", "type", "first"), "game_id", "user_id"),
    ),
    Rule(
        "language only with game_id",
        f"{_ONLY} game_id query parameter",
        ("videos",),
        only_with(("language",), "game_id"),
    ),
    Rule(
        "after and before only with user_id",
        f"{_ONLY} user_id query parameter",
        ("videos",),
        only_with(("after", "before"), "user_id"),
    ),
    Rule(
        "exactly one of id, game_id and broadcaster_id",
        "query parameters are mutually exclusive; you may specify only one of them",
        ("clips",),
        exactly_one("id", "game_id", "broadcaster_id"),
    ),
    Rule(
        "started_at and ended_at are RFC 3339",
        "Specify the date and time in RFC3339 format",
        ("clips",),
        instants("started_at", "ended_at"),
    ),
    Rule("ended_at only with started_at", MOCK, ("clips",), only_with(("ended_at",), "started_at")),
    Rule(
        # Real rows have zh-hk, and Twitch's own list of codes has asl:
        # https://gist.github.com/Decicus/3b8e19261fa595d9029eb6ce46e30ffc
        "language is a code or other",
        "ISO 639-1 two-letter",
        ("streams", "videos"),
        matching(r"[A-Za-z]{2,3}(-[A-Za-z]{2})?|other", "language"),
    ),
    Rule(
        "several values are a repeated parameter, not one with commas",
        "parameter for each",
        tuple(LISTS),
        matching(r"[^,]*", *{name for names in LISTS.values() for name in names} - {"name"}),
    ),
)
