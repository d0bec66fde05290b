# SPDX-License-Identifier: Apache-2.0
"""Twitch's example answers pass through the readers whole, and the simulator answers as Twitch describes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.conformance.stepping import Queries, step
from tests.conformance.validator import Description

from twitch_provider.helix.endpoints import ENDPOINTS
from twitch_provider.helix.messages import Page, Request
from twitch_provider.helix.queries import Query
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.testing import Simulator
from twitch_provider.testing.endpoints import ENDPOINTS as PLAYED
from twitch_provider.testing.generated import GeneratedWorld

READ = Queries()
#: What a reader asks for each endpoint, to be answered with an example.
READINGS: dict[str, Callable[[], Query]] = {
    "streams": READ.get_streams,
    "games/top": lambda: READ.get_top_games(max_items=None),
    "games": lambda: READ.get_games(ids="33214"),
    "users": lambda: READ.get_users(ids="141981764"),
    "channels": lambda: READ.get_channels("141981764"),
    "channels/followers": lambda: READ.paginate(
        "channels/followers", {"broadcaster_id": "123456", "first": 1}
    ),
    "videos": lambda: READ.get_videos(user_id="141981764"),
    "clips": lambda: READ.get_clips(broadcaster_id="1234"),
    "search/channels": lambda: READ.search_channels("loserfruit"),
    "search/categories": lambda: READ.search_categories("fort"),
}


def test_each_reader_reads_its_endpoint() -> None:
    assert {path: make().endpoint.path for path, make in READINGS.items()} == {
        path: path for path in ENDPOINTS
    }


def test_there_is_an_example_for_every_endpoint(description: Description, examples: list[Path]) -> None:
    shown = {description.path_of(file.name.partition(".")[0]) for file in examples}
    assert shown == set(ENDPOINTS) == set(READINGS)


def test_every_example_passes_through_its_reader_whole(
    description: Description, examples: list[Path]
) -> None:
    for file in examples:
        path = description.path_of(file.name.partition(".")[0])
        body = json.loads(file.read_bytes())
        jsonschema.validate(body, description.answer(path))

        def answer(request: Request, file: Path = file) -> bytes:
            follows = any(name == "after" for name, _ in request.params)
            return b'{"data": [], "pagination": {}}' if follows else file.read_bytes()

        query = READINGS[path]()
        stepped = step(query, answer)
        cursor = body.get("pagination", {}).get("cursor")
        first = stepped.pages[0]
        assert stepped.rows == body["data"], file.name
        assert (first.total, first.cursor, first.body) == (body.get("total"), cursor, file.read_bytes())
        asked_again = [dict(request.params).get("after") for request in stepped.sent[1:]]
        assert asked_again == ([cursor] if cursor and query.max_pages is None else []), file.name


@pytest.mark.parametrize("path", ENDPOINTS)
def test_rows_are_identified_by_a_field_that_twitch_always_sends(description: Description, path: str) -> None:
    row = description.row(path)
    assert row["properties"][ENDPOINTS[path].id_field]["type"] == "string"
    assert ENDPOINTS[path].id_field in row["required"]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Any:
    # The odd rows of the real API are not in its description.
    with Simulator(GeneratedWorld(7, streams=150, oddities=False)) as simulator:
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", simulator.connection_json())
        yield TwitchHook()


def test_the_simulator_answers_as_twitch_describes(description: Description, hook: TwitchHook) -> None:
    live = next(iter(hook.get_streams(max_items=1)))
    asked: dict[str, dict[str, Any]] = {
        "streams": {},
        "games/top": {},
        "games": {"id": live["game_id"]},
        "users": {"id": live["user_id"]},
        "channels": {"broadcaster_id": live["user_id"]},
        "channels/followers": {"broadcaster_id": live["user_id"]},
        "videos": {"game_id": live["game_id"]},
        "clips": {"game_id": live["game_id"]},
        "search/channels": {"query": live["user_login"][:2]},
        "search/categories": {"query": live["game_name"]},
    }
    for path in PLAYED:
        pages: list[Page] = list(hook.pages(path, asked[path]))
        for page in pages:
            jsonschema.validate(json.loads(page.body), description.answer(path))
        fields = description.row(path)["properties"]
        assert all(row.keys() <= fields.keys() for page in pages for row in page.rows), path
        # An app token gets only the number of followers.
        assert pages[0].rows or pages[0].total, path
        assert pages[-1].cursor is None or path == "videos", path
