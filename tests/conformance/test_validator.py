# SPDX-License-Identifier: Apache-2.0
"""The validator itself: it accepts Twitch's examples, refuses what Twitch refuses, and cites its sources."""

from __future__ import annotations

import json
import re

import pytest
from tests.conformance.prose import LISTS, RULES, Rule
from tests.conformance.validator import Description

from twitch_provider.helix.endpoints import ENDPOINTS

Pairs = list[tuple[str, str]]

#: Requests of Twitch's own reference.
SHOWN: list[tuple[str, str]] = [
    ("streams", "user_id=1234&user_id=5678"),
    ("streams", "language=de&language=fr&type=live&first=20"),
    ("games", "id=33214&name=Fortnite"),
    ("games/top", "first=100"),
    ("users", "id=141981764"),
    ("channels", "broadcaster_id=141981764"),
    ("channels/followers", "broadcaster_id=123456"),
    ("videos", "id=335921245"),
    ("videos", "game_id=21779&language=de&period=week&sort=views&type=archive&first=5"),
    ("clips", "broadcaster_id=1234&started_at=2026-01-01T00:00:00Z&ended_at=2026-01-08T00:00:00Z"),
    ("clips", "id=foo&id=bar"),
    ("search/channels", "query=loserfruit&live_only=true"),
    ("search/categories", "query=fort"),
]

_HUNDRED_ONE = [str(n) for n in range(101)]

WRONG: list[tuple[str, Pairs, str]] = [
    ("streams/all", [], "no such endpoint"),
    ("streams", [("games", "1")], "unknown"),
    ("streams", [("game_id", "1,2")], "repeated"),
    ("streams", [("game_id", "")], "is not"),
    ("streams", [("type", "rerun")], "is not"),
    ("streams", [("first", "many")], "is not"),
    ("streams", [("first", "0")], "1 to 100"),
    ("streams", [("first", "101")], "1 to 100"),
    ("streams", [("first", "5"), ("first", "6")], "more than once"),
    ("streams", [("after", "a"), ("before", "b")], "excludes"),
    ("streams", [("language", "english")], "code"),
    *(
        (path, [(name, value) for value in _HUNDRED_ONE], "100 values at most")
        for path, names in LISTS.items()
        for name in names
    ),
    ("games", [], "needed"),
    ("games", [*(("id", n) for n in _HUNDRED_ONE[:100]), ("name", "Chess")], "together"),
    ("users", [], "needed"),
    ("users", [*(("id", n) for n in _HUNDRED_ONE[:100]), ("login", "a")], "together"),
    ("channels", [], "required"),
    ("channels/followers", [("user_id", "1")], "required"),
    ("channels/followers", [("broadcaster_id", "1"), ("broadcaster_id", "2")], "more than once"),
    ("videos", [], "exactly one"),
    ("videos", [("id", "1"), ("user_id", "2")], "exactly one"),
    ("videos", [("id", "1"), ("first", "20")], "only with"),
    ("videos", [("user_id", "1"), ("language", "en")], "only with"),
    ("videos", [("game_id", "1"), ("after", "c")], "only with"),
    ("videos", [("game_id", "1"), ("period", "year")], "is not"),
    ("clips", [("game_id", "1"), ("id", "2")], "exactly one"),
    ("clips", [("game_id", "1"), ("ended_at", "2026-01-01T00:00:00Z")], "only with"),
    ("clips", [("game_id", "1"), ("started_at", "2026-01-01")], "RFC 3339"),
    ("clips", [("game_id", "1"), ("started_at", "2026-02-30T00:00:00Z")], "RFC 3339"),
    ("clips", [("game_id", "1"), ("is_featured", "yes")], "is not"),
    ("search/channels", [("live_only", "true")], "required"),
]


@pytest.mark.parametrize(("path", "query"), SHOWN, ids=[f"{path}?{query}" for path, query in SHOWN])
def test_takes_what_twitch_shows(description: Description, path: str, query: str) -> None:
    pairs = [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&"))]
    assert description.breaches(path, pairs) == []


@pytest.mark.parametrize(
    ("path", "pairs", "complaint"),
    WRONG,
    ids=[f"{number}-{path}-{complaint}" for number, (path, _, complaint) in enumerate(WRONG)],
)
def test_refuses_what_twitch_refuses(
    description: Description, path: str, pairs: Pairs, complaint: str
) -> None:
    assert any(complaint in each for each in description.breaches(path, pairs))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.what)
def test_every_rule_refuses_something(description: Description, rule: Rule) -> None:
    assert any(
        each.endswith(rule.what) for path, pairs, _ in WRONG for each in description.breaches(path, pairs)
    )


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if "://" not in rule.source], ids=lambda rule: rule.what
)
def test_every_rule_is_in_twitchs_own_words(description: Description, rule: Rule) -> None:
    for path in rule.paths or ("streams", "games/top", "videos", "clips", "search/channels"):
        assert plain(rule.source) in plain(json.dumps(description.operation(path))), path


def test_twitch_names_100_for_every_list_and_there_are_no_others(description: Description) -> None:
    for path in ENDPOINTS:
        lists = {
            name: each["description"]
            for name, each in description.parameters(path).items()
            if each["schema"]["type"] == "array"
        }
        assert set(lists) == set(LISTS.get(path, ()))
        assert all(re.search(r"maximum.*\b100\b", text) for text in lists.values()), path


def plain(markdown: str) -> str:
    """Without emphasis and its escapes, which are not Twitch's words."""
    return re.sub(r"[_*\\]", "", markdown)
