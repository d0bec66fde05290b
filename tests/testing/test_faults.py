# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing import FAULTS
from twitch_provider.testing.answers import Delivery
from twitch_provider.testing.faults import Fault

STREAMS = "streams?first=100"


def test_every_fault_is_described() -> None:
    assert len(FAULTS) >= 30
    assert all(description.strip() for description in FAULTS.values())


@pytest.mark.parametrize("name", [name for name in FAULTS if not name.startswith("token_")])
def test_every_fault_changes_a_response_of_a_walk(client: Any, name: str) -> None:
    fault = client.simulator.fault(name)
    list(client.pages(STREAMS, most=12))
    assert fault.applied == client.simulator.counters.faults[name] == 1


def test_is_applied_as_often_as_set_from_the_set_request_on(client: Any) -> None:
    client.simulator.fault("error_503", times=2, start=3)
    assert [client.get("streams").status for _ in range(6)] == [200, 200, 503, 503, 200, 200]


def test_is_applied_until_cleared(client: Any) -> None:
    client.simulator.fault("error_500", times=None)
    assert {client.get("streams").status for _ in range(5)} == {500}
    client.simulator.clear_faults()
    assert client.get("streams").status == 200


def test_is_applied_to_one_endpoint(client: Any) -> None:
    client.simulator.fault("error_500", endpoint="games/top", times=None)
    assert client.get("streams").status == 200
    assert client.get("games/top").status == 500


def test_is_applied_to_helix_by_default(client: Any) -> None:
    client.simulator.fault("error_500", times=None)
    assert client.send("/oauth2/validate").status == 200


def test_several_faults_add_up(client: Any) -> None:
    client.simulator.fault("error_502")
    client.simulator.fault("no_rate_limit_headers")
    answer = client.get("streams")
    assert answer.status == 502
    assert not any(name.startswith("Ratelimit") for name in answer.headers)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("rate_limited", 429),
        ("false_429", 429),
        ("bare_429", 429),
        ("unauthorized", 401),
        ("invalid_cursor", 400),
        ("error_500", 500),
        ("error_502", 502),
        ("error_503", 503),
        ("error_504", 504),
    ],
)
def test_errors_have_the_body_of_helix(client: Any, name: str, status: int) -> None:
    client.simulator.fault(name)
    answer = client.get("streams")
    assert answer.status == answer.payload["status"] == status
    assert answer.payload.keys() == {"error", "status", "message"}


def test_429s_differ_by_their_headers(client: Any) -> None:
    now = int(client.simulator.now.timestamp())
    client.simulator.fault("rate_limited")
    answer = client.get("streams")
    assert (answer.headers["Ratelimit-Remaining"], answer.headers["Ratelimit-Reset"]) == ("0", str(now + 60))
    client.simulator.fault("false_429")
    answer = client.get("streams")
    assert (answer.headers["Ratelimit-Remaining"], answer.headers["Ratelimit-Reset"]) == ("799", str(now + 1))
    client.simulator.fault("bare_429")
    assert client.get("streams").headers.keys() == {"Date"}
    assert client.simulator.counters.rate_limited == 3


@pytest.mark.parametrize(("name", "status"), [("html_200", 200), ("html_403", 403), ("html_502", 502)])
def test_html_in_place_of_json(client: Any, name: str, status: int) -> None:
    client.simulator.fault(name)
    answer = client.get("streams")
    assert (answer.status, answer.content_type) == (status, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("name", "delivery"),
    [("half_body", Delivery.HALF), ("dropped_connection", Delivery.DROPPED), ("hang", Delivery.HELD)],
)
def test_deliveries(client: Any, name: str, delivery: Delivery) -> None:
    client.simulator.fault(name)
    assert client.get("streams").delivery is delivery


def test_null_data(client: Any) -> None:
    client.simulator.fault("null_data")
    assert client.get("streams").payload["data"] is None


def test_a_redirect_leads_to_its_location(client: Any) -> None:
    client.simulator.fault("redirect", location="http://127.0.0.1:9/helix/streams")
    answer = client.get("streams")
    assert (answer.status, answer.headers["Location"]) == (302, "http://127.0.0.1:9/helix/streams")


def test_an_empty_page_in_the_middle_loses_nothing(client: Any) -> None:
    whole = client.rows(STREAMS)
    client.simulator.fault("empty_page", start=1, times=3)
    pages = list(client.pages(STREAMS))
    assert [len(page.payload["data"]) for page in pages][:3] == [0, 0, 0]
    assert [row for page in pages for row in page.payload["data"]] == whole
    cursors = [page.payload["pagination"].get("cursor") for page in pages]
    assert len(set(cursors)) == len(cursors)


def test_a_repeated_cursor_is_the_one_of_the_request(client: Any) -> None:
    client.simulator.fault("repeated_cursor", times=None)
    first, second, third = client.pages(STREAMS, most=3)
    cursor = first.payload["pagination"]["cursor"]
    assert second.payload["pagination"]["cursor"] == third.payload["pagination"]["cursor"] == cursor


def test_a_wrapping_cursor_leads_from_the_last_page_to_page_one(client: Any) -> None:
    pages = len(list(client.pages(STREAMS)))
    client.simulator.fault("wrapping_cursor", times=None)
    around = list(client.pages(STREAMS, most=pages + 1))
    assert around[-1].payload["data"] == around[0].payload["data"]


def test_endless_cursors_repeat_the_rows_under_new_cursors(client: Any) -> None:
    client.simulator.fault("endless_cursors", start=3, times=None)
    pages = list(client.pages(STREAMS, most=12))
    assert len(pages) == 12
    assert all(page.payload["data"] == pages[2].payload["data"] for page in pages[2:])
    assert len({page.payload["pagination"]["cursor"] for page in pages}) == 12


def test_shifted_pages_repeat_two_rows_and_lose_none(client: Any) -> None:
    whole = client.rows(STREAMS)
    fault = client.simulator.fault("shifted_pages", times=None)
    shifted = client.rows(STREAMS)
    assert len(shifted) == len(whole) + 2 * fault.applied
    assert list({row["id"]: row for row in shifted}.values()) == whole


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("empty_cursor", {"pagination": {"cursor": ""}}),
        ("null_cursor", {"pagination": {"cursor": None}}),
        ("null_pagination", {"pagination": None}),
        ("missing_pagination", {}),
    ],
)
def test_lists_end_in_many_ways(client: Any, name: str, end: dict[str, Any]) -> None:
    whole = client.rows(STREAMS)
    client.simulator.fault(name)
    pages = list(client.pages(STREAMS))
    assert [row for page in pages for row in page.payload["data"]] == whole
    assert {key: value for key, value in pages[-1].payload.items() if key != "data"} == end


@pytest.mark.parametrize(
    "name",
    [
        "empty_page",
        "repeated_cursor",
        "wrapping_cursor",
        "endless_cursors",
        "shifted_pages",
        "empty_cursor",
        "missing_pagination",
        "unknown_fields",
    ],
)
def test_faults_of_pages_leave_errors_alone(client: Any, name: str) -> None:
    fault = client.simulator.fault(name)
    assert client.get("streams?first=0").payload["status"] == 400
    assert fault.applied == 0


def test_a_short_page_has_half_of_the_rows_and_loses_none(client: Any) -> None:
    whole = client.rows(STREAMS)
    client.simulator.fault("short_page", times=2)
    pages = [page.payload["data"] for page in client.pages(STREAMS)]
    assert [len(rows) in {49, 50} for rows in pages[:3]] == [True, True, False]
    assert [row for rows in pages for row in rows] == whole


def test_an_end_without_pagination_keeps_the_rest(client: Any) -> None:
    row = client.data("streams?first=1")[0]
    whole = client.get(f"channels/followers?broadcaster_id={row['user_id']}").payload
    client.simulator.fault("missing_pagination")
    answer = client.get(f"channels/followers?broadcaster_id={row['user_id']}")
    assert answer.payload == {"total": whole["total"], "data": []}


def test_a_compressed_body_says_so(client: Any) -> None:
    whole = client.get("games/top")
    client.simulator.fault("gzip")
    answer = client.get("games/top")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == whole.body


def test_a_refused_token_has_no_expires_in_to_lose(client: Any) -> None:
    fault = client.simulator.fault("token_without_expires_in")
    assert client.send("/oauth2/token", method="POST").status == 400
    assert fault.applied == 0


def test_unknown_fields_leave_the_known_ones_alone(client: Any) -> None:
    [row] = client.data("streams?first=1")
    client.simulator.fault("unknown_fields")
    answer = client.get("streams?first=1")
    assert answer.payload["data"] == [{**row, "brand_new_field": {"nested": [1, 2]}}]


def token(client: Any) -> Any:
    simulator = client.simulator
    return client.send(
        "/oauth2/token",
        method="POST",
        client_id=simulator.client_id,
        client_secret=simulator.client_secret,
        grant_type="client_credentials",
    )


def test_the_token_endpoint_may_answer_html(client: Any) -> None:
    client.simulator.fault("token_html")
    assert token(client).content_type == "text/html; charset=utf-8"
    assert token(client).payload.keys() == {"access_token", "expires_in", "token_type"}


def test_the_token_endpoint_can_be_down(client: Any) -> None:
    client.simulator.fault("token_down")
    assert (token(client).status, token(client).status) == (503, 200)


def test_a_token_may_lack_expires_in(client: Any) -> None:
    client.simulator.fault("token_without_expires_in")
    assert token(client).payload.keys() == {"access_token", "token_type"}


def test_a_fault_of_the_last_page_is_not_used_up_by_others(client: Any) -> None:
    fault = client.simulator.fault("empty_cursor")
    client.get("streams?first=1")
    assert fault.applied == 0


@pytest.mark.parametrize(
    "options",
    [
        {"name": "nonsense"},
        {"name": "hang", "times": 0},
        {"name": "hang", "start": 0},
        {"name": "hang", "endpoint": "stream"},
    ],
)
def test_refuses_invalid_options(options: dict[str, Any]) -> None:
    with pytest.raises(TwitchParameterError):
        Fault(**options)
