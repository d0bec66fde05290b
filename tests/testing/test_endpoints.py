# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.world import rfc3339


def ids(name: str, count: int) -> str:
    return "&".join(f"{name}={number}" for number in range(count))


@pytest.mark.parametrize(
    "endpoint",
    [
        "streams?first=0",
        "streams?first=101",
        "streams?first=-5",
        "streams?first=many",
        "streams?type=rerun",
        "streams?after=nonsense",
        "streams?before=nonsense",
        "streams?" + ids("game_id", 101),
        "streams?" + ids("user_id", 101),
        "streams?" + ids("user_login", 101),
        "streams?" + ids("language", 101),
        "games/top?first=101",
        "games/top?after=IA",
        "games",
        "games?id=",
        "games?" + ids("id", 50) + "&" + ids("name", 51),
        "users",
        "users?" + ids("id", 60) + "&" + ids("login", 41),
        "channels",
        "channels?" + ids("broadcaster_id", 101),
    ],
)
def test_refuses_a_bad_parameter(client: Any, endpoint: str) -> None:
    answer = client.get(endpoint)
    assert (answer.status, answer.payload["error"], answer.payload["status"]) == (400, "Bad Request", 400)


def test_a_malformed_first_has_twitchs_message(client: Any) -> None:
    assert client.get("streams?first=101").payload["message"] == (
        'The parameter "first" was malformed: the value must be less than or equal to 100'
    )


def test_refuses_both_cursors_at_once(client: Any) -> None:
    cursor = client.get("streams").payload["pagination"]["cursor"]
    assert client.get(f"streams?after={cursor}").status == 200
    assert client.get(f"streams?after={cursor}&before={cursor}").status == 400


def test_accepts_100_of_a_list(client: Any) -> None:
    assert client.data("streams?" + ids("game_id", 100)) == []
    assert client.data("games?" + ids("id", 50) + "&" + ids("name", 50)) == []


@pytest.mark.parametrize("path", ["/helix/nothing", "/helix/streams/", "/helix/", "/", "/elsewhere"])
def test_an_unknown_route_is_not_found(client: Any, path: str) -> None:
    answer = client.send(path)
    assert (answer.status, answer.payload) == (404, {"error": "Not Found", "status": 404, "message": ""})


def test_post_to_helix_is_not_found(client: Any) -> None:
    assert client.send("/helix/streams", method="POST").status == 404


def test_twenty_rows_by_default(client: Any) -> None:
    assert len(client.data("streams")) == 20
    assert len(client.data("games/top?first=7")) == 7


def test_streams_come_by_viewers_each_once(client: Any) -> None:
    rows = client.rows("streams?first=100")
    counts = [row["viewer_count"] for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert len({row["id"] for row in rows}) == len(rows) == 450


def test_a_list_ends_with_an_empty_pagination(client: Any) -> None:
    *pages, last = client.pages("streams?first=100")
    assert all(page.payload["pagination"]["cursor"] for page in pages)
    assert last.payload["pagination"] == {}
    assert last.payload["data"]


def test_a_list_that_fits_one_page_has_no_cursor(client: Any) -> None:
    assert client.get("games/top?first=30").payload["pagination"] == {}


def test_a_short_page_is_not_the_end(make_client: Callable[..., Any]) -> None:
    client = make_client(GeneratedWorld(7, streams=3_000))
    sizes = [len(page.payload["data"]) for page in client.pages("streams?first=100")]
    assert set(sizes[:-1]) == {98, 99, 100}
    assert sum(sizes) == 3_000


def test_short_pages_can_be_switched_off(make_client: Callable[..., Any]) -> None:
    client = make_client(GeneratedWorld(7, streams=3_000, short_pages=False))
    assert {len(page.payload["data"]) for page in client.pages("streams?first=100")} == {100}


def test_before_leads_back_to_the_page_before(client: Any) -> None:
    first, second = list(client.pages("games/top?first=10"))[:2]
    back = client.get(f"games/top?first=10&before={second.payload['pagination']['cursor']}")
    assert back.payload["data"] == first.payload["data"]
    assert back.payload["pagination"] == {}


def test_a_walk_over_a_moving_list_sees_every_stream_that_stays(client: Any) -> None:
    seen = []
    for page in client.pages("streams?first=20"):
        seen += [row["id"] for row in page.payload["data"]]
        client.simulator.advance(2)
    # Those that jumped up across the cursor are missed, as in life; the list itself never skips.
    assert len(set(seen)) > 0.9 * 450


@pytest.mark.parametrize("name", ["language", "user_id", "user_login", "game_id"])
def test_filters_streams(client: Any, name: str) -> None:
    rows = client.rows("streams?first=100")
    wanted = {rows[3][name], rows[17][name]}
    found = client.rows("streams?first=100&" + "&".join(f"{name}={value}" for value in sorted(wanted)))
    assert found == [row for row in rows if row[name] in wanted]


def test_filters_of_different_kinds_narrow_each_other(client: Any) -> None:
    game = client.data("games/top?first=1")[0]["id"]
    rows = client.rows(f"streams?first=100&game_id={game}&language=en")
    assert rows
    assert {(row["game_id"], row["language"]) for row in rows} == {(game, "en")}


def test_a_login_is_found_in_any_case(client: Any) -> None:
    login = client.data("streams?first=1")[0]["user_login"]
    assert client.data(f"streams?user_login={login.upper()}")[0]["user_login"] == login
    assert client.data(f"users?login={login.upper()}")[0]["login"] == login


def test_a_comma_joins_nothing(client: Any) -> None:
    assert client.data("streams?language=en,es") == []


def test_type_live_leaves_out_rows_without_a_type(make_client: Callable[..., Any]) -> None:
    client = make_client(GeneratedWorld(7, streams=3_000))
    everything = {row["type"] for row in client.rows("streams?first=100&type=all")}
    assert everything == {"live", ""}
    assert {row["type"] for row in client.rows("streams?first=100&type=live")} == {"live"}


def test_top_games_come_by_the_viewers_of_their_streams(client: Any) -> None:
    ranked = [game["id"] for game in client.rows("games/top?first=100")]
    totals = dict.fromkeys(ranked, 0)
    for row in client.rows("streams?first=100"):
        if row["game_id"]:
            totals[row["game_id"]] += row["viewer_count"]
    assert ranked == sorted(totals, key=lambda game: -totals[game])


def test_games_are_found_three_ways_each_once(client: Any) -> None:
    one, two = client.data("games/top?first=2")
    numbered = next(game for game in client.rows("games/top?first=100") if game["igdb_id"])
    wanted = {one["id"], two["id"], numbered["id"]}
    query = f"id={one['id']}&id={one['id']}&name={two['name']}&igdb_id={numbered['igdb_id']}&id=1"
    answer = client.get(f"games?{query}")
    assert sorted(game["id"] for game in answer.payload["data"]) == sorted(wanted)
    assert "pagination" not in answer.payload


def test_users_are_found_by_id_and_login(client: Any) -> None:
    one, two = client.data("streams?first=2")
    found = client.data(f"users?id={one['user_id']}&login={two['user_login']}&id=1&login=nobody")
    assert {user["id"] for user in found} == {one["user_id"], two["user_id"]}
    assert all("email" not in user for user in found)


def test_a_channel_shows_what_is_on(client: Any) -> None:
    row = next(row for row in client.data("streams?first=50") if row["title"] and row["tags"])
    [channel] = client.data(f"channels?broadcaster_id={row['user_id']}")
    assert channel["title"] == row["title"]
    assert channel["game_name"] == row["game_name"]
    assert channel["tags"] == row["tags"]


def test_users_who_are_not_live_exist_but_do_not_stream(client: Any) -> None:
    row = client.data("streams?first=1")[0]
    resting = str(int(row["user_id"]) + 1)
    assert client.data(f"users?id={resting}")[0]["id"] == resting
    assert client.data(f"channels?broadcaster_id={resting}")[0]["broadcaster_id"] == resting
    assert client.data(f"streams?user_id={resting}") == []


def test_rows_have_the_fields_of_helix_in_its_order(client: Any) -> None:
    row = client.data("streams?first=1")[0]
    assert ",".join(row) == (
        "id,user_id,user_login,user_name,game_id,game_name,type,title,viewer_count,started_at,language,"
        "thumbnail_url,tag_ids,tags,is_mature"
    )
    assert row["started_at"] < rfc3339(client.simulator.now)
