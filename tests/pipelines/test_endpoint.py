# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix.endpoints import ENDPOINTS
from twitch_provider.helix.messages import Page
from twitch_provider.pipelines.endpoint import endpoint_query, require_shown

#: What an endpoint cannot do without.
NEEDED: dict[str, dict[str, Any]] = {
    "games": {"name": "Chess"},
    "users": {"login": "somebody"},
    "channels": {"broadcaster_id": "1"},
    "channels/followers": {"broadcaster_id": "1"},
    "videos": {"user_id": "1"},
    "clips": {"game_id": "1"},
    "search/channels": {"query": "chess"},
    "search/categories": {"query": "chess"},
}


@pytest.mark.parametrize("path", ENDPOINTS)
def test_reads_every_endpoint(path: str) -> None:
    query = endpoint_query(path, NEEDED.get(path), None)
    assert query.endpoint is ENDPOINTS[path]
    assert len(query.batches) == 1


def test_splits_more_than_a_hundred_ids_into_requests() -> None:
    query = endpoint_query("users", {"id": [str(number) for number in range(250)]}, None)
    assert [len([name for name, _ in batch if name == "id"]) for batch in query.batches] == [100, 100, 50]


def test_takes_everything_as_text_that_a_template_rendered() -> None:
    query = endpoint_query(
        "search/channels", "{'query': 'chess', 'live_only': 'True', 'first': '50', 'after': 'None'}", "70"
    )
    assert query.batches == ((("query", "chess"), ("live_only", "true"), ("first", "50")),)
    assert query.max_items == 70


def test_takes_json_as_a_variable_or_a_runs_conf_has_it() -> None:
    query = endpoint_query(
        "search/channels", '{"query": "null", "live_only": true, "first": 50, "after": null}', "null"
    )
    assert query.batches == ((("query", "null"), ("live_only", "true"), ("first", "50")),)
    assert query.max_items is None
    (batch,) = endpoint_query("users", '{"login": ["null", "true"], "id": null}', None).batches
    assert batch == (("login", "null"), ("login", "true"))


def test_takes_a_list_as_text_where_a_parameter_may_be_repeated() -> None:
    (batch,) = endpoint_query("games", {"name": "['Art', 'Chess']"}, None).batches
    assert batch == (("name", "Art"), ("name", "Chess"))


def test_a_search_for_something_in_brackets_stays_one_text() -> None:
    (batch,) = endpoint_query("search/categories", {"query": "['Art']"}, None).batches
    assert ("query", "['Art']") in batch


@pytest.mark.parametrize(
    ("arguments", "parameter", "sentence"),
    [
        (("stream", None, None), "endpoint", "endpoint 'stream' is unknown; known are streams"),
        ((None, None, None), "endpoint", "endpoint 'None' is unknown"),
        (("streams", {"game": "1"}, None), "game", "parameter game is unknown"),
        (("users", {}, None), "id", "give at least one of id, login"),
        (("streams", {"first": "101"}, None), "first", "must be between 1 and 100"),
        (
            ("streams", "game_id=1", None),
            "endpoint_params",
            "endpoint_params must be Helix's parameters by name",
        ),
        (("streams", ["en"], None), "endpoint_params", "endpoint_params must be Helix's parameters by name"),
        (("streams", None, "some"), "max_items", "max_items must be a whole number, 1 or more, not 'some'"),
        (("streams", None, 0), "max_items", "max_items must be a whole number, 1 or more, not 0"),
    ],
)
def test_refuses_what_helix_would_refuse(arguments: Any, parameter: str, sentence: str) -> None:
    with pytest.raises(TwitchParameterError, match=sentence) as caught:
        endpoint_query(*arguments)
    assert caught.value.parameter == parameter


def followers(rows: list[Any], total: int | None) -> Page:
    return Page(
        "channels/followers", (), datetime(2026, 1, 1, tzinfo=UTC), b"", rows, rows, None, total=total
    )


def test_rows_that_are_counted_but_not_shown_are_no_empty_list() -> None:
    sentence = "channels/followers: Twitch counts 1,234 rows and shows none of them to an app token"
    with pytest.raises(TwitchParameterError, match=sentence):
        list(require_shown([followers([], 1234)]))


@pytest.mark.parametrize(("rows", "total"), [([], 0), ([], None), ([{"user_id": "1"}], 1234)])
def test_every_other_list_passes(rows: list[Any], total: int | None) -> None:
    page = followers(rows, total)
    assert list(require_shown([page, page])) == [page, page]


def test_no_page_is_no_list() -> None:
    assert list(require_shown([])) == []
