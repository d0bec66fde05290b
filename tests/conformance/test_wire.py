# SPDX-License-Identifier: Apache-2.0
"""What both hooks send over the wire: the token request, its validation, and each reader's requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
from tests.conformance.recorder import Recorded, recording
from tests.conformance.validator import Description

from twitch_provider.helix.endpoints import ENDPOINTS
from twitch_provider.hooks import sessions
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.hooks.twitch_async import TwitchAsyncHook

#: A call of each reader, and how many requests it sends.
CALLS: list[tuple[str, dict[str, Any], int]] = [
    ("get_streams", {"game_ids": ["33214", "509658"], "languages": ["en", "de"], "stream_type": "live"}, 2),
    ("get_streams", {"user_logins": [f"login_{n}" for n in range(250)]}, 6),
    ("get_top_games", {"max_items": None}, 2),
    ("get_games", {"ids": ["33214"], "names": ["Tom, Dick & Harry", "東方 + 50%"]}, 1),
    ("get_users", {"ids": [str(n) for n in range(100)], "logins": ["monstercat"]}, 2),
    ("get_channels", {"broadcaster_ids": ["1", "2"]}, 1),
    ("get_videos", {"ids": ["1", "2"]}, 1),
    ("get_videos", {"user_id": "1", "period": "week", "sort": "views", "video_type": "archive"}, 2),
    ("get_videos", {"game_id": "1", "language": "DE"}, 1),
    ("get_clips", {"broadcaster_id": "1", "started_at": datetime(2026, 1, 1, tzinfo=UTC)}, 2),
    ("get_clips", {"ids": ["a", "b"], "is_featured": False}, 2),
    ("search_channels", {"query": "angel of death", "live_only": True}, 2),
    ("search_categories", {"query": "#archery"}, 2),
]
SECRET = "geheim&+/=%41"
SHOWN = [f"{number}-{reader}" for number, (reader, _, _) in enumerate(CALLS)]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Recorded]]:
    with recording() as (url, recorded):
        connection = {
            "conn_type": "twitch",
            "login": "client-id",
            "password": SECRET,
            "host": f"{url}/helix",
            "extra": {"auth_url": f"{url}/oauth2", "auth_cache": "none"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(connection))
        # A port may be used again in one process, and with it the token of another test.
        sessions.forget_shared()
        yield recorded


@pytest.mark.parametrize(("reader", "arguments", "requests"), CALLS, ids=SHOWN)
def test_readers_of_the_hook(
    description: Description, wire: list[Recorded], reader: str, arguments: dict[str, Any], requests: int
) -> None:
    assert list(getattr(TwitchHook(), reader)(**arguments)) == []
    assert len(wire) == 1 + requests
    judge(description, wire, arguments)


async def test_readers_of_the_async_hook_send_the_same(
    description: Description, wire: list[Recorded]
) -> None:
    async with TwitchAsyncHook() as hook:
        for reader, arguments, requests in CALLS:
            before = max(1, len(wire))  # the very first request fetches a token
            assert [row async for row in getattr(hook, reader)(**arguments)] == []
            assert len(wire) == before + requests, reader
            judge(description, [wire[0], *wire[before:]], arguments)
    read = {request.path.removeprefix("/helix/") for request in wire[1:]}
    assert read | {"channels/followers"} == set(ENDPOINTS), "the table leaves one out"


async def test_the_follower_count_of_both_hooks(description: Description, wire: list[Recorded]) -> None:
    assert TwitchHook().get_follower_count("123456") == 8
    async with TwitchAsyncHook() as hook:
        assert await hook.get_follower_count("123456") == 8
    assert [request.query for request in wire[1:]] == ["broadcaster_id=123456&first=1"] * 2
    judge(description, wire, {"broadcaster_id": "123456"})


def test_a_list_is_a_repeated_parameter(wire: list[Recorded]) -> None:
    list(TwitchHook().get_streams(game_ids=["33214", "509658"], languages=["en", "de"], max_items=5))
    assert sorted(wire[1].query.split("&")) == [
        "first=5",
        "game_id=33214",
        "game_id=509658",
        "language=de",
        "language=en",
    ]


def test_a_token_is_asked_for_with_a_form(wire: list[Recorded]) -> None:
    """https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/#client-credentials-grant-flow"""
    list(TwitchHook().get_top_games(1))
    token = wire[0]
    assert (token.method, token.path, token.query) == ("POST", "/oauth2/token", "")
    assert token.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in token.headers
    assert parse_qsl(token.body.decode("ascii"), strict_parsing=True) == [
        ("client_id", "client-id"),
        ("client_secret", SECRET),
        ("grant_type", "client_credentials"),
    ]


def test_a_token_is_validated_as_twitch_documents_it(wire: list[Recorded]) -> None:
    """https://dev.twitch.tv/docs/authentication/validate-tokens/: the scheme is OAuth here, not Bearer."""
    assert TwitchHook().test_connection()[0]

    for request in wire[1:]:
        assert (request.method, request.path, request.query) == ("GET", "/oauth2/validate", "")
        assert request.headers["authorization"] == "OAuth token-1"
    assert len(wire) == 2


def judge(description: Description, recorded: list[Recorded], arguments: dict[str, Any]) -> None:
    token, *reading = recorded
    assert (token.method, token.path) == ("POST", "/oauth2/token")
    for request in reading:
        assert (request.method, request.body) == ("GET", b"")
        assert request.headers["authorization"] == "Bearer token-1"
        assert request.headers["client-id"] == "client-id"
        assert description.breaches(request.path.removeprefix("/helix/"), request.pairs) == []
        assert SECRET not in f"{request.query}{request.headers}"
    # However it is escaped, every text arrives unchanged, and as its own value.
    arrived = {value for request in reading for _, value in request.pairs}
    for value in arguments.values():
        texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
        assert set(texts) <= arrived
