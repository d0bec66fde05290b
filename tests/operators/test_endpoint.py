# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from twitch_provider.compat import AirflowFailException
from twitch_provider.exceptions import TwitchServerError
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.operators.twitch import TwitchHelixOperator
from twitch_provider.testing import Simulator

pytestmark = pytest.mark.filterwarnings("ignore:.*cannot be called outside")


def helix(endpoint: str, params: Any = None, **arguments: Any) -> TwitchHelixOperator:
    return TwitchHelixOperator(task_id="helix", endpoint=endpoint, endpoint_params=params, **arguments)


def test_reads_a_list_to_its_end(twitch_connection: Simulator, context: Any) -> None:
    rows = helix("streams").execute(context)
    assert rows == list(TwitchHook().get_streams())
    assert twitch_connection.counters.requests["streams"] > 3


def test_passes_parameters_on_and_stops_where_it_is_told(twitch_connection: Simulator, context: Any) -> None:
    rows = helix("streams", {"language": ["en", "de"], "first": 10}, max_items=15).execute(context)
    assert len(rows) == 15
    assert {row["language"] for row in rows} == {"en", "de"}
    assert twitch_connection.counters.requests["streams"] == 2


def test_reads_more_than_a_hundred_ids(twitch_connection: Simulator, context: Any) -> None:
    ids = [row["user_id"] for row in TwitchHook().get_streams(max_items=150)]
    rows = helix("users", {"id": ids}).execute(context)
    assert {row["id"] for row in rows} == set(ids)
    assert twitch_connection.counters.requests["users"] == 2


def test_a_wrong_parameter_is_found_before_anything_is_sent(
    twitch_connection: Simulator, context: Any
) -> None:
    with pytest.raises(AirflowFailException, match="streams: parameter game is unknown"):
        helix("streams", {"game": "1"}).execute(context)
    assert not twitch_connection.counters.requests


def test_an_unknown_endpoint_is_one_sentence(twitch_connection: Simulator, context: Any) -> None:
    with pytest.raises(AirflowFailException, match="endpoint 'chat/chatters' is unknown; known are"):
        helix("chat/chatters").execute(context)


def test_rows_too_large_for_xcom_are_refused_before_all_of_them_are_read(
    twitch_connection: Simulator, context: Any
) -> None:
    with pytest.raises(AirflowFailException, match=r"use TwitchToS3Operator or a smaller max_items$"):
        helix("streams", max_xcom_bytes=5_000).execute(context)
    assert twitch_connection.counters.requests["streams"] == 1


def test_a_twitch_that_is_down_is_tried_again(
    twitch_connection: Simulator, context: Any, naps: list[float]
) -> None:
    twitch_connection.fault("error_500", times=None)
    with pytest.raises(TwitchServerError):
        helix("games/top").execute(context)


def test_rows_that_twitch_counts_but_does_not_show_are_no_empty_list(
    twitch_connection: Simulator, context: Any
) -> None:
    (one,) = TwitchHook().get_streams(max_items=1)
    with pytest.raises(AirflowFailException, match="shows none of them to an app token"):
        helix("channels/followers", {"broadcaster_id": one["user_id"]}).execute(context)
