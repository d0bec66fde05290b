# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.providers.http.operators.http import HttpOperator

from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConfigError,
    TwitchConnectionError,
    TwitchError,
    TwitchNotFoundError,
    TwitchPaginationError,
    TwitchParameterError,
)
from twitch_provider.helix.answers import Validation
from twitch_provider.helix.queries import query
from twitch_provider.hooks.transport import RequestsTransport
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.testing import Simulator


def test_reads_every_stream_once(hook: TwitchHook, twitch_connection: Simulator) -> None:
    streams = list(hook.get_streams())
    assert len({stream["id"] for stream in streams}) == len(streams) == 300


def test_reads_the_top_games_in_order(hook: TwitchHook) -> None:
    games = list(hook.get_top_games(max_items=5))
    assert len(games) == 5
    assert games == list(hook.paginate("games/top", max_items=5))


def test_pages_keep_the_body_untouched_and_say_when_twitch_answered(
    hook: TwitchHook, twitch_connection: Simulator
) -> None:
    twitch_connection.advance(86_400)
    (page,) = hook.pages("games/top", {"first": 3}, max_pages=1)
    assert json.loads(page.body)["data"] == page.rows
    assert page.cursor
    assert page.rate_limit is not None
    assert page.rate_limit.limit == 800
    assert abs((twitch_connection.now - page.answered_at).total_seconds()) < 5


def test_reads_games_users_and_channels_by_id(hook: TwitchHook) -> None:
    stream = next(hook.get_streams(max_items=1))
    assert next(hook.get_games(ids=stream["game_id"]))["name"] == stream["game_name"]
    assert next(hook.get_users(logins=[stream["user_login"]]))["id"] == stream["user_id"]
    assert next(hook.get_channels([stream["user_id"]]))["broadcaster_id"] == stream["user_id"]


def test_splits_more_than_a_hundred_ids_into_requests(hook: TwitchHook, twitch_connection: Simulator) -> None:
    users = [stream["user_id"] for stream in hook.get_streams()]
    before = twitch_connection.counters.requests["streams"]
    assert len(list(hook.get_streams(user_ids=users))) == len(users)
    assert twitch_connection.counters.requests["streams"] - before >= 3


def test_walks_a_query_page_by_page(hook: TwitchHook) -> None:
    pages = list(hook.walk(query("streams", max_items=150)))
    assert len(pages) == 2
    assert sum(len(page.new_rows) for page in pages) == 150


def test_finds_games_by_name(hook: TwitchHook) -> None:
    (game,) = hook.get_top_games(max_items=1)
    assert hook.get_game_ids(game["name"]) == [game["id"]]
    with pytest.raises(TwitchNotFoundError, match="does not know these categories: Just Talking"):
        hook.get_game_ids([game["name"], "Just Talking"])


def test_requires_games_that_exist(hook: TwitchHook) -> None:
    known = [game["id"] for game in hook.get_top_games(max_items=2)]
    hook.require_games(known)
    with pytest.raises(
        TwitchNotFoundError, match="does not know these games: 999999998, 999999999"
    ) as caught:
        hook.require_games([*known, "999999999", "999999998"])
    assert caught.value.fatal


def test_checks_arguments_at_once_and_sends_nothing(hook: TwitchHook, twitch_connection: Simulator) -> None:
    with pytest.raises(TwitchParameterError, match="game_id"):
        hook.pages("streams", {"game_id": [str(n) for n in range(101)]})
    with pytest.raises(TwitchParameterError, match="max_items"):
        hook.get_streams(max_items=0)
    assert not twitch_connection.counters.requests


def test_one_token_serves_all_hooks_of_a_process(hook: TwitchHook, twitch_connection: Simulator) -> None:
    for each in (hook, TwitchHook(), TwitchHook()):
        list(each.get_top_games())
    assert twitch_connection.counters.tokens_minted == 1


def test_a_revoked_token_is_replaced(hook: TwitchHook, twitch_connection: Simulator) -> None:
    list(hook.get_top_games())
    twitch_connection.revoke_tokens()
    assert len(list(hook.get_top_games())) == 20
    assert twitch_connection.counters.tokens_minted == 2


SURVIVED_ONCE = [
    "rate_limited",
    "false_429",
    "bare_429",
    "unauthorized",
    "invalid_cursor",
    "error_500",
    "error_502",
    "error_503",
    "error_504",
    "html_200",
    "html_403",
    "html_502",
    "not_json",
    "null_data",
    "half_body",
    "dropped_connection",
    "no_rate_limit_headers",
    "no_date",
    "unknown_fields",
    "empty_page",
    "shifted_pages",
    "empty_cursor",
    "null_cursor",
    "null_pagination",
    "missing_pagination",
    "token_down",
    "token_html",
    "token_without_expires_in",
]


@pytest.mark.parametrize("fault", SURVIVED_ONCE)
def test_survives(hook: TwitchHook, twitch_connection: Simulator, fault: str) -> None:
    start = 2 if fault == "invalid_cursor" else 1
    played = twitch_connection.fault(fault, start=start)
    streams = list(hook.get_streams())
    assert played.applied == 1
    assert len({stream["id"] for stream in streams}) == len(streams) == 300


RAISED = [
    name
    for name in SURVIVED_ONCE
    if name.startswith(("rate", "false", "bare", "un", "error", "html", "not", "half", "drop", "token_"))
    and name not in {"unknown_fields", "token_without_expires_in"}
]


@pytest.mark.parametrize("fault", [*RAISED, "null_data", "redirect", "repeated_cursor", "endless_cursors"])
def test_a_permanent_fault_is_an_error_after_a_bounded_number_of_requests(
    hook: TwitchHook, twitch_connection: Simulator, naps: list[float], fault: str
) -> None:
    twitch_connection.fault(fault, times=None)
    with pytest.raises(TwitchError) as caught:
        list(hook.get_streams())
    counters = twitch_connection.counters
    assert sum(counters.requests.values()) <= 12
    assert sum(naps) < 200
    text = f"{caught.value!r} {caught.value.__cause__!r} {vars(caught.value)}"
    assert twitch_connection.client_secret not in text


def test_a_list_that_wraps_to_page_one_is_an_error(hook: TwitchHook, twitch_connection: Simulator) -> None:
    twitch_connection.fault("wrapping_cursor", times=None)
    with pytest.raises(TwitchPaginationError, match="300 rows read so far"):
        list(hook.get_streams())


def test_a_hang_ends_in_a_time_out(
    twitch_connection: Simulator, hook: TwitchHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(twitch_connection.connection_json())
    connection["extra"]["timeout"] = 0.1
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(connection))
    twitch_connection.fault("hang", endpoint="games/top", times=None)
    with pytest.raises(TwitchConnectionError, match=r"timed out after 0\.1 s"):
        list(hook.get_top_games())


def test_nothing_listens(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    with Simulator(streams=300) as gone:
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", gone.connection_json())
    with pytest.raises(TwitchConnectionError, match="check the network and the host"):
        list(TwitchHook().get_top_games())


def test_a_wrong_secret_is_one_sentence(
    twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = json.loads(twitch_connection.connection_json()) | {"password": "a-wrong-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(wrong))
    with pytest.raises(
        TwitchAuthError, match="invalid client secret; check the connection's client id"
    ) as caught:
        list(TwitchHook().get_top_games())
    assert "a-wrong-secret" not in str(caught.value)
    assert TwitchHook().test_connection() == (False, str(caught.value.args[0]))


def test_a_missing_connection_is_one_sentence() -> None:
    with pytest.raises(TwitchConfigError, match="connection nowhere does not exist; create it under Admin"):
        TwitchHook("nowhere").get_conn()


def test_a_variable_that_airflow_cannot_read_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", '{"conn_type": "twitch", "password": "top-secret"')
    with pytest.raises(TwitchConfigError, match="cannot be read by Airflow") as caught:
        TwitchHook().get_conn()
    assert "top-secret" not in str(caught.value)


def test_a_malformed_connection_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = {"conn_type": "twitch", "login": "id", "password": "top-secret", "extra": "{not json"}
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(odd))
    with pytest.raises(TwitchConfigError, match="connection twitch_default") as caught:
        TwitchHook().get_conn()
    assert "top-secret" not in str(caught.value)


def test_test_connection_names_the_client(hook: TwitchHook, twitch_connection: Simulator) -> None:
    works, sentence = hook.test_connection()
    assert works
    assert f"client id {twitch_connection.client_id}, token valid for 5,011,2" in sentence


def test_test_connection_leaves_out_what_twitch_does_not_say(
    hook: TwitchHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def validated(_: Any) -> Generator[Any, Any, Validation]:
        yield from ()
        return Validation("a-client-id", None)

    monkeypatch.setattr("twitch_provider.hooks.twitch.validate", validated)
    assert hook.test_connection() == (True, "Twitch accepts client id a-client-id")


def test_test_connection_answers_quickly(
    hook: TwitchHook, twitch_connection: Simulator, naps: list[float]
) -> None:
    twitch_connection.fault("token_down", times=None)
    works, sentence = hook.test_connection()
    assert not works
    assert "Twitch answered 503" in sentence
    assert sum(naps) <= 2
    assert sum(twitch_connection.counters.requests.values()) <= 3


def test_test_connection_waits_seconds_and_not_minutes_for_an_answer(
    twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(twitch_connection.connection_json())
    connection["extra"]["timeout"] = 600
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(connection))
    timeouts: list[float] = []
    original = TwitchHook._open_transport

    def noted(hook: TwitchHook, timeout: float) -> RequestsTransport:
        timeouts.append(timeout)
        return original(hook, timeout)

    monkeypatch.setattr(TwitchHook, "_open_transport", noted)
    assert TwitchHook().test_connection()[0]
    assert timeouts == [5.0]


def test_hook_lineage_learns_what_was_read(hook: TwitchHook, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[str] = []

    class Collector:
        def add_input_asset(self, context: Any, *, uri: str) -> None:
            assert context is hook
            reported.append(uri)

    monkeypatch.setattr("twitch_provider.hooks.lineage.get_hook_lineage_collector", Collector)
    list(hook.get_streams())
    list(hook.get_top_games())
    assert reported == ["twitch://helix/streams", "twitch://helix/games/top"]


def test_code_for_http_hook_takes_ours(hook: TwitchHook, twitch_connection: Simulator) -> None:
    answer = hook.run("/streams", {"first": 2})
    assert isinstance(answer, requests.Response)
    assert (answer.status_code, answer.ok, len(answer.json()["data"])) == (200, True, 2)
    again = hook.get_conn(headers={"Authorization": "Basic eDp5"}).get(f"{hook.base_url}/streams?first=2")
    assert again.text == answer.text
    assert twitch_connection.counters.tokens_minted == 1


def test_run_survives_faults_like_every_reader(hook: TwitchHook, twitch_connection: Simulator) -> None:
    twitch_connection.fault("error_503")
    twitch_connection.fault("unauthorized", start=2)
    assert hook.run("streams").status_code == 200


def test_run_takes_httphooks_retry(hook: TwitchHook) -> None:
    from tenacity import stop_after_attempt

    assert hook.run_with_advanced_retry({"stop": stop_after_attempt(1)}, endpoint="streams").ok


@pytest.mark.filterwarnings("ignore:.*determine_kwargs")  # HttpOperator's own, in Airflow 3.3
def test_http_operator_works_with_a_twitch_connection(twitch_connection: Simulator) -> None:
    operator = HttpOperator(
        task_id="operator",
        http_conn_id="twitch_default",
        method="GET",
        endpoint="games/top",
        data={"first": 1},
        response_filter=lambda answer: answer.json()["data"][0]["id"],
    )
    answer = operator.hook.run(operator.endpoint, operator.data, operator.headers, operator.extra_options)
    assert operator.process_response(context={}, response=answer)


def test_the_session_sends_nothing_to_another_host(hook: TwitchHook, twitch_connection: Simulator) -> None:
    session = hook.get_conn()
    for url in ("https://evil.example/helix/streams", f"{twitch_connection.url}/elsewhere"):
        with pytest.raises(TwitchParameterError, match="sends requests only to"):
            session.get(url)


def test_a_netrc_does_not_sign_for_us(
    hook: TwitchHook, twitch_connection: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert len(list(hook.get_top_games())) == 20
    assert hook.run("streams").ok


@pytest.mark.parametrize("slash", ["streams", "/streams"])
def test_joins_base_url_and_endpoint(hook: TwitchHook, twitch_connection: Simulator, slash: str) -> None:
    assert hook.url_from_endpoint(slash) == f"{twitch_connection.api_url}/streams"


def test_resolves_the_connection_once(hook: TwitchHook, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    resolve = TwitchHook.get_connection

    def counted(conn_id: str) -> Any:
        asked.append(conn_id)
        return resolve(conn_id)

    monkeypatch.setattr(TwitchHook, "get_connection", staticmethod(counted))
    list(hook.get_streams())
    hook.run("streams")
    hook.test_connection()
    assert asked == ["twitch_default"]


def test_the_token_is_masked_in_logs(hook: TwitchHook, monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[Any] = []
    monkeypatch.setattr("twitch_provider.hooks.tokens.mask_secret", masked.append)
    list(hook.get_top_games())
    token = hook._session.tokens.held()
    assert token is not None
    assert masked == [token.value]


def test_constructing_it_does_no_io() -> None:
    TwitchHook("nowhere", method="POST", tcp_keep_alive=False)
