# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix.endpoints import ENDPOINTS
from twitch_provider.helix.queries import query

HUNDRED_ONE = [str(n) for n in range(101)]

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("streams", {"first": 0}, "first"),
    ("streams", {"first": 101}, "first"),
    ("streams", {"first": "20"}, "first"),
    ("streams", {"first": True}, "first"),
    ("streams", {"game_id": HUNDRED_ONE}, "game_id"),
    ("streams", {"game_id": []}, "game_id"),
    ("streams", {"game_id": "1,2"}, "game_id"),
    ("streams", {"game_id": ["1", ""]}, "game_id"),
    ("streams", {"game_id": [None]}, "game_id"),
    ("streams", {"game_id": b"1"}, "game_id"),
    ("streams", {"game_id": 1.5}, "game_id"),
    ("streams", {"type": "rerun"}, "type"),
    ("streams", {"after": "a", "before": "b"}, "before"),
    ("streams", {"after": ""}, "after"),
    ("streams", {"games": "1"}, "games"),
    ("games", {}, "id"),
    (
        "games",
        {"id": ["1"] * 2, "name": [str(n) for n in range(60)], "igdb_id": HUNDRED_ONE[:50]},
        "id + name",
    ),
    ("users", {}, "id"),
    ("users", {"id": HUNDRED_ONE[:60], "login": HUNDRED_ONE[:41]}, "id + login"),
    ("channels", {}, "broadcaster_id"),
    ("channels/followers", {}, "broadcaster_id"),
    ("channels/followers", {"broadcaster_id": ["1", "2"]}, "broadcaster_id"),
    ("videos", {}, "id"),
    ("videos", {"id": "1", "user_id": "2"}, "id"),
    ("videos", {"id": "1", "sort": "time"}, "sort"),
    ("videos", {"id": "1", "first": 20}, "first"),
    ("videos", {"user_id": "1", "language": "en"}, "language"),
    ("videos", {"game_id": "1", "after": "c"}, "after"),
    ("videos", {"user_id": "1", "period": "year"}, "period"),
    ("clips", {}, "broadcaster_id"),
    ("clips", {"game_id": "1", "id": "2"}, "broadcaster_id"),
    ("clips", {"game_id": "1", "ended_at": "2026-01-01T00:00:00Z"}, "ended_at"),
    ("clips", {"game_id": "1", "started_at": "yesterday"}, "started_at"),
    ("clips", {"game_id": "1", "started_at": datetime(2026, 1, 1)}, "started_at"),  # noqa: DTZ001 - the case
    ("clips", {"game_id": "1", "is_featured": "yes"}, "is_featured"),
    ("search/channels", {}, "query"),
    ("search/categories", {"query": " "}, "query"),
    ("streams/followed", {}, "endpoint"),
]


@pytest.mark.parametrize(
    ("path", "params", "parameter"), REFUSED, ids=[f"{path} {list(params)}" for path, params, _ in REFUSED]
)
def test_refuses_before_sending_and_names_the_parameter(
    path: str, params: dict[str, Any], parameter: str
) -> None:
    with pytest.raises(TwitchParameterError) as caught:
        query(path, params)
    assert caught.value.parameter.startswith(parameter)
    assert parameter in str(caught.value)


@pytest.mark.parametrize("bound", [0, -1, True, 2.5, "3"])
@pytest.mark.parametrize("name", ["max_items", "max_pages"])
def test_refuses_odd_bounds(name: str, bound: Any) -> None:
    with pytest.raises(TwitchParameterError, match=name):
        query("streams", **{name: bound})


@pytest.mark.parametrize(
    ("path", "params", "sent"),
    [
        ("streams", None, (("first", "100"),)),
        ("/streams/", {"language": "en", "first": 20}, (("language", "en"), ("first", "20"))),
        ("streams", {"game_id": ("1", 2, "1")}, (("game_id", "1"), ("game_id", "2"), ("first", "100"))),
        ("streams", {"after": None}, (("first", "100"),)),
        ("games", {"name": "Tom, Dick & Harry"}, (("name", "Tom, Dick & Harry"),)),
        (
            "search/channels",
            {"query": "a", "live_only": True, "first": 5},
            (("query", "a"), ("live_only", "true"), ("first", "5")),
        ),
        ("videos", {"id": ["1", "2"]}, (("id", "1"), ("id", "2"))),
        (
            "clips",
            {"game_id": "1", "started_at": datetime(2026, 1, 1, tzinfo=UTC), "first": 1},
            (("game_id", "1"), ("started_at", "2026-01-01T00:00:00+00:00"), ("first", "1")),
        ),
    ],
)
def test_sends_lists_as_repeated_parameters(path: str, params: Any, sent: Any) -> None:
    assert query(path, params).batches == (sent,)


def test_long_lists_are_split_into_requests() -> None:
    sizes = [
        len(batch) for batch in query("games", {"id": HUNDRED_ONE, "name": ["a", "b"]}, split=True).batches
    ]
    assert sizes == [100, 3]


def test_the_parts_of_two_long_filters_are_combined() -> None:
    batches = query("streams", {"user_id": HUNDRED_ONE, "game_id": HUNDRED_ONE}, split=True).batches
    assert len(batches) == 4
    assert {pair for batch in batches for pair in batch if pair[0] == "user_id"} == {
        ("user_id", n) for n in HUNDRED_ONE
    }


def test_only_lists_with_cursors_are_walked() -> None:
    assert {path for path, endpoint in ENDPOINTS.items() if not endpoint.paged} == {
        "games",
        "users",
        "channels",
    }
