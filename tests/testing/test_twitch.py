# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_every_helix_answer_carries_the_rate_limit_and_the_worlds_date(client: Any) -> None:
    for endpoint in ("streams", "games/top", "games", "nothing"):
        headers = client.get(endpoint).headers
        assert headers.keys() >= {"Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset"}, endpoint
        assert headers["Date"] == "Mon, 23 Nov 2026 16:35:00 GMT"


def test_a_request_without_a_point_is_a_429_until_one_is_back(make_client: Callable[..., Any]) -> None:
    client = make_client(limit=60)
    assert {client.get("streams?first=1").status for _ in range(60)} == {200}
    answer = client.get("streams?first=1")
    assert (answer.status, answer.payload["error"]) == (429, "Too Many Requests")
    assert answer.payload["message"].startswith("The application exceeded the number of calls it may make.")
    assert answer.headers["Ratelimit-Remaining"] == "0"
    client.simulator.advance(1)
    assert client.get("streams?first=1").status == 200
    assert client.get("streams?first=1").status == 429


def test_a_rejected_request_costs_no_point(client: Any) -> None:
    client.send("/helix/streams", headers={})
    assert client.get("streams").headers["Ratelimit-Remaining"] == "799"


def test_counts_what_happened(client: Any) -> None:
    client.get("streams")
    client.get("streams?first=0")
    client.send("/oauth2/token", method="POST")
    client.send("/nothing")
    client.simulator.fault("false_429")
    client.get("games/top")
    assert client.simulator.counters.as_dict() == {
        "requests": {"streams": 2, "token": 1, "unknown": 1, "games/top": 1},
        "statuses": {"200": 1, "400": 2, "404": 1, "429": 1},
        "faults": {"false_429": 1},
        "tokens_minted": 1,
        "rate_limited": 1,
    }


def test_logs_requests_without_secrets(client: Any) -> None:
    client.get("streams?language=en&first=5")
    client.send("/oauth2/token?client_secret=hush", headers={"authorization": "Bearer wrong"}, method="POST")
    good, bad = client.simulator.log
    assert (good.path, good.query, good.status) == ("/helix/streams", "language=en&first=5", 200)
    assert good.header_names == ("authorization", "client-id")
    assert good.token_was_valid
    assert not bad.token_was_valid
    assert "hush" not in repr(bad)
    assert client.token not in repr(good)


def test_the_log_keeps_the_last_thousand(make_client: Callable[..., Any]) -> None:
    client = make_client(limit=2_000)
    for _ in range(1_001):
        client.get("nothing")
    assert len(client.simulator.log) == 1_000
