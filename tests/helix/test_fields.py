# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from twitch_provider.helix.endpoints import ENDPOINTS
from twitch_provider.helix.fields import FIELDS
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.testing import Simulator

OPENAPI = Path(__file__).parents[2].parent / "shared" / "data" / "helix-openapi.json"


def test_every_endpoint_has_its_fields_and_the_one_that_identifies_a_row() -> None:
    assert FIELDS.keys() == ENDPOINTS.keys()
    assert all(endpoint.id_field in endpoint.fields for endpoint in ENDPOINTS.values())


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("streams", {}),
        ("games/top", {}),
        ("games", {"id": "$game"}),
        ("users", {"id": "$user"}),
        ("channels", {"broadcaster_id": "$user"}),
        ("videos", {"user_id": "$user"}),
        ("clips", {"game_id": "$game"}),
        ("search/channels", {"query": "$login"}),
        ("search/categories", {"query": "a"}),
    ],
)
def test_the_rows_of_the_simulator_have_these_fields(
    twitch_connection: Simulator, path: str, params: dict[str, str]
) -> None:
    hook = TwitchHook()
    stream = next(hook.get_streams())
    known = {"$game": stream["game_id"], "$user": stream["user_id"], "$login": stream["user_login"]}
    rows = hook.paginate(path, {name: known.get(value, value) for name, value in params.items()})
    assert set(next(rows)) == set(FIELDS[path])


@pytest.mark.parametrize("path", FIELDS)
def test_the_fields_are_those_of_the_reference(path: str) -> None:
    if not OPENAPI.exists():
        pytest.skip("no OpenAPI file beside this checkout (../shared/data)")
    document = json.loads(OPENAPI.read_text(encoding="utf-8"))

    def followed(schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            found = document
            for key in schema["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            schema = found
        return schema

    answer = document["paths"][f"/{path}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    row = followed(followed(followed(answer)["properties"]["data"])["items"])
    assert tuple(name for name in row["properties"] if name != "email") == FIELDS[path]
