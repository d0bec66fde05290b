# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.operators.conftest import rerun

from twitch_provider.compat import AirflowFailException
from twitch_provider.exceptions import TwitchServerError
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.operators.twitch import TwitchTopGamesOperator
from twitch_provider.testing import Simulator

pytestmark = pytest.mark.filterwarnings("ignore:.*cannot be called outside")


def top_games(**arguments: Any) -> TwitchTopGamesOperator:
    return TwitchTopGamesOperator(task_id="games", **arguments)


def table(store: Any, reference: Any) -> list[dict[str, str]]:
    body = store.objects[reference["uri"].removeprefix("s3://lake/")]
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def test_returns_twenty_games_as_helix_sent_them(twitch_connection: Simulator, context: Any) -> None:
    rows = top_games().execute(context)
    assert rows == list(TwitchHook().get_top_games(20))
    assert len(rows) == 20
    assert not twitch_connection.counters.requests["streams"]


def test_none_means_all_games(twitch_connection: Simulator, context: Any) -> None:
    assert top_games(max_items=None).execute(context) == list(TwitchHook().get_top_games(None))


def test_games_too_large_for_xcom_are_refused(twitch_connection: Simulator, context: Any) -> None:
    with pytest.raises(AirflowFailException, match="games/top: the rows are larger than max_xcom_bytes"):
        top_games(max_xcom_bytes=100).execute(context)


def test_publishes_games_with_what_was_really_seen_of_them(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    reference: Any = top_games(max_items=5, output="s3", dataset="five").execute(context)
    games, streams = table(store, reference), table(store, reference["streams"])
    assert reference["uri"].startswith("s3://lake/twitch/five/dt=")
    assert reference["streams"]["uri"].startswith("s3://lake/twitch/five__streams/dt=")
    assert (reference["rows"], reference["streams"]["rows"]) == (len(games), len(streams))
    assert [game["rank"] for game in games] == ["1", "2", "3", "4", "5"]
    assert [game["id"] for game in games] == [row["id"] for row in TwitchHook().get_top_games(5)]
    seen, viewers = Counter[str](), Counter[str]()
    for stream in streams:
        seen[stream["game_id"]] += 1
        viewers[stream["game_id"]] += int(stream["viewer_count"])
    assert {game["id"]: int(game["streams_seen"]) for game in games} == seen
    assert {game["id"]: int(game["viewers_seen"]) for game in games} == viewers
    assert twitch_connection.counters.requests["streams"] == 5


def test_the_manifest_describes_both_tables(twitch_connection: Simulator, context: Any, store: Any) -> None:
    reference: Any = top_games(max_items=2, output="s3", dataset="two").execute(context)
    manifest = json.loads(store.objects[reference["manifest"].removeprefix("s3://lake/")])
    assert manifest["dag_id"] == "mine.two"
    assert manifest["counts"].keys() == {"two", "two__streams"}
    assert {entry["key"] for entry in manifest["objects"]} | {reference["manifest"][10:]} == set(
        store.objects
    )


def test_asks_for_the_streams_of_no_more_games_than_are_wanted(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    reference: Any = top_games(max_items=101, output="s3", dataset="many").execute(context)
    assert reference["rows"] == 101
    assert twitch_connection.counters.requests["games/top"] == 2  # pages of 100: 120 games were listed
    assert twitch_connection.counters.requests["streams"] == 101


def test_a_game_with_more_pages_than_were_read_is_capped(context: Any, store: Any, monkeypatch: Any) -> None:
    # The world depends on the time: a game of few broadcasters may be on top.
    with Simulator(streams=1500, at=datetime(2026, 11, 23, 16, 35, tzinfo=UTC)) as twitch:
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", twitch.connection_json())
        one: Any = top_games(max_items=1, output="s3", dataset="a").execute(context)
        all_of_it: Any = top_games(max_items=1, output="s3", dataset="b", pages_per_game="50").execute(
            context
        )
    assert [game["capped"] for game in table(store, one)] == ["true"]
    assert [game["capped"] for game in table(store, all_of_it)] == ["false"]
    assert one["streams"]["rows"] <= 100 < all_of_it["streams"]["rows"]


def test_too_late_it_publishes_what_it_read_then(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    operator = top_games(max_items=3, output="s3", dataset="three")
    first = operator.execute(rerun(context, minutes=-60))
    before = dict(store.objects)
    asked = sum(twitch_connection.counters.requests.values())
    assert operator.execute(rerun(context, minutes=-60, clear_number=1)) == first
    assert sum(twitch_connection.counters.requests.values()) == asked
    assert store.objects == before


def test_too_late_and_never_read_fails_for_good(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    operator = top_games(output="s3", dataset="games")
    with pytest.raises(AirflowFailException, match="it was cleared more than 12 minutes after its tick"):
        operator.execute(rerun(context, minutes=-60, clear_number=1))
    operator.max_lateness = timedelta(minutes=30)
    with pytest.raises(AirflowFailException, match="max_lateness is 30 minutes"):
        operator.execute(rerun(context, minutes=-60))
    assert store.objects == {}
    assert not twitch_connection.counters.requests


def test_its_second_dataset_has_a_name_that_nobody_else_may_use(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    with pytest.raises(AirflowFailException, match="dataset must be a name"):
        top_games(output="s3", dataset="games__streams").execute(context)
    assert not twitch_connection.counters.requests


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"max_items": 0}, "games/top: max_items must be a whole number, 1 or more, not 0"),
        ({"max_items": "few"}, "games/top: max_items must be a whole number, 1 or more, not 'few'"),
        (
            {"output": "s3", "dataset": "x", "pages_per_game": 0},
            "streams: max_pages must be a whole number, 1 or more, not 0",
        ),
        ({"output": "redis"}, "output must be xcom or s3"),
    ],
)
def test_a_wrong_argument_is_never_tried_again(
    twitch_connection: Simulator, context: Any, store: Any, arguments: Any, sentence: str
) -> None:
    with pytest.raises(AirflowFailException, match=sentence):
        top_games(**arguments).execute(context)
    assert store.objects == {}


@pytest.mark.parametrize("endpoint", ["games/top", "streams"])
def test_a_twitch_that_is_down_leaves_nothing(
    twitch_connection: Simulator, context: Any, store: Any, naps: list[float], endpoint: str
) -> None:
    twitch_connection.fault("error_500", endpoint=endpoint, times=None)
    with pytest.raises(TwitchServerError):
        top_games(output="s3", dataset="games").execute(context)
    assert store.objects == {}
