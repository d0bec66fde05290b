# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    "endpoint",
    [
        "search/channels",
        "search/channels?query=",
        "search/channels?query=a&live_only=perhaps",
        "search/channels?query=a&first=101",
        "search/categories",
        "search/categories?query=a&after=nonsense",
        "channels/followers",
        "channels/followers?broadcaster_id=1&first=0",
    ],
)
def test_refuses_a_bad_parameter(client: Any, endpoint: str) -> None:
    assert client.get(endpoint).status == 400


def test_channels_are_found_by_the_beginning_of_their_login(client: Any) -> None:
    found = client.rows("search/channels?query=B&first=100")
    assert all(row["broadcaster_login"].startswith("b") for row in found)
    live = [row["user_id"] for row in client.rows("streams?first=100") if row["user_login"].startswith("b")]
    assert [row["id"] for row in found if row["is_live"]] == live
    assert [row["id"] for row in found[: len(live)]] == live
    resting = [row for row in found if not row["is_live"]]
    assert resting
    assert {row["started_at"] for row in resting} == {""}
    assert found == client.rows("search/channels?query=b&first=20")
    assert len({row["id"] for row in found}) == len(found)


def test_live_channels_are_found_by_their_category_too(client: Any) -> None:
    game = client.data("games/top?first=1")[0]
    live = [row["user_id"] for row in client.rows(f"streams?first=100&game_id={game['id']}")]
    found = client.rows(f"search/channels?query={game['name'].lower()}&live_only=true&first=100")
    assert [row["id"] for row in found] == live
    assert all(row["is_live"] and row["started_at"] for row in found)
    assert client.data(f"search/channels?query={game['name'].lower()}&live_only=false") == []


def test_categories_are_found_by_a_part_of_their_name(client: Any) -> None:
    games = client.rows("games/top?first=100")
    found = client.rows("search/categories?query=OF&first=3")
    assert [row["id"] for row in found] == [row["id"] for row in games if "of" in row["name"].lower()] != []
    assert all(row["box_art_url"].endswith("-52x72.jpg") for row in found)
    assert client.data("search/categories?query=no+such+thing") == []


def test_an_app_token_gets_only_the_number_of_followers(client: Any) -> None:
    one, two = client.data("streams?first=2")
    answers = [
        client.get(f"channels/followers?broadcaster_id={row['user_id']}").payload for row in (one, two)
    ]
    assert answers[0]["total"] != answers[1]["total"]
    assert all(answer == {"total": answer["total"], "data": [], "pagination": {}} for answer in answers)
    assert client.get("channels/followers?broadcaster_id=1").payload["total"] == 0
