# SPDX-License-Identifier: Apache-2.0
"""One token for a deployment, counted by the Twitch that issues it."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
import time_machine

from twitch_provider.helix.messages import Reply, Request
from twitch_provider.hooks.sessions import forget_shared
from twitch_provider.hooks.transport import RequestsTransport
from twitch_provider.hooks.twitch import TwitchAsyncHook, TwitchHook
from twitch_provider.testing import Simulator

THREADS, PROCESSES = 32, 8


@pytest.fixture
def auth_cache(twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Choose the connection's auth_cache."""

    def choose(kind: str) -> None:
        connection = json.loads(twitch_connection.connection_json())
        connection["extra"]["auth_cache"] = kind
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(connection))

    return choose


def read_one_page(connection: str, start: Barrier, done: Any) -> None:
    """What each process does; forked from a server that has imported the hook."""
    os.environ["AIRFLOW_CONN_TWITCH_DEFAULT"] = connection  # the fork server has the environment of its start
    start.wait(60)
    try:
        done.put(len(list(TwitchHook().get_top_games(max_items=5))))
    except Exception as error:
        done.put(repr(error))


def run_processes(count: int, meanwhile: Callable[[], None] = lambda: None) -> list[int]:
    """Run processes that all begin to read at the same moment."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["twitch_provider.hooks.twitch"])
    start, done = context.Barrier(count + 1), context.Queue()
    connection = os.environ["AIRFLOW_CONN_TWITCH_DEFAULT"]
    processes = [context.Process(target=read_one_page, args=(connection, start, done)) for _ in range(count)]
    for process in processes:
        process.start()
    start.wait(60)
    meanwhile()
    rows = [done.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    return rows


def run_threads(count: int) -> list[int]:
    """Run threads that all begin to read at the same moment, each with a hook of its own."""
    start = threading.Barrier(count)

    def read(_: int) -> int:
        start.wait(60)
        return len(list(TwitchHook().get_top_games(max_items=5)))

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(read, range(count)))


@pytest.mark.parametrize("kind", ["none", "file", "variable"])
def test_threads_that_start_together_fetch_one_token(
    twitch_connection: Simulator,
    auth_cache: Callable[[str], None],
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("twitch_provider.hooks.caches.VariableCache.load", lambda _: None)
    monkeypatch.setattr("twitch_provider.hooks.caches.VariableCache.save", lambda _, token: None)
    auth_cache(kind)
    assert run_threads(THREADS) == [5] * THREADS
    assert twitch_connection.counters.tokens_minted == 1


async def test_coroutines_that_start_together_fetch_one_token(twitch_connection: Simulator) -> None:
    async def read(hook: TwitchAsyncHook) -> int:
        return len([game async for game in hook.get_top_games(5)])

    async with TwitchAsyncHook() as hook, TwitchAsyncHook() as another:
        assert await asyncio.gather(*(read(each) for each in [hook, another] * 20)) == [5] * 40
    assert twitch_connection.counters.tokens_minted == 1


def test_threads_and_processes_that_start_together_fetch_one_token_with_file(
    twitch_connection: Simulator, auth_cache: Callable[[str], None]
) -> None:
    auth_cache("file")
    threads: list[int] = []
    rows = run_processes(PROCESSES, meanwhile=lambda: threads.extend(run_threads(THREADS)))
    assert rows + threads == [5] * (PROCESSES + THREADS)
    assert twitch_connection.counters.tokens_minted == 1


def test_processes_fetch_one_token_each_with_none(
    twitch_connection: Simulator, auth_cache: Callable[[str], None]
) -> None:
    auth_cache("none")
    assert run_processes(2) == [5, 5]
    assert twitch_connection.counters.tokens_minted == 2


def test_a_revoked_token_is_replaced_once_for_all_threads(twitch_connection: Simulator) -> None:
    run_threads(2)
    twitch_connection.revoke_tokens()
    assert run_threads(THREADS) == [5] * THREADS
    assert twitch_connection.counters.tokens_minted == 2


def test_a_revoked_token_is_replaced_for_other_processes_too(twitch_connection: Simulator) -> None:
    list(TwitchHook().get_top_games())
    twitch_connection.revoke_tokens()
    forget_shared()  # as in another process: it finds the token of the file, which Twitch refuses
    list(TwitchHook().get_top_games())
    forget_shared()
    list(TwitchHook().get_top_games())
    assert twitch_connection.counters.tokens_minted == 2


def test_a_day_of_five_minute_runs_takes_one_token() -> None:
    with Simulator(streams=100, most_tokens=50) as twitch, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", twitch.connection_json())
        with time_machine.travel("2026-11-23T00:00:00Z", tick=False) as now:
            for _ in range(288):
                forget_shared()  # every run is a new process
                assert len(list(TwitchHook().get_top_games(max_items=5))) == 5
                now.shift(timedelta(minutes=5))
                twitch.advance(300)
        assert twitch.counters.tokens_minted == 1
        assert twitch.counters.requests["games/top"] == 288


def test_without_sharing_the_same_day_takes_a_token_for_each_run(
    twitch_connection: Simulator, auth_cache: Callable[[str], None]
) -> None:
    auth_cache("none")
    for _ in range(10):
        forget_shared()
        list(TwitchHook().get_top_games(max_items=5))
    assert twitch_connection.counters.tokens_minted == 10


def test_a_rotated_secret_finds_no_token_of_the_old_one(
    twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(TwitchHook().get_top_games())
    wrong = json.loads(twitch_connection.connection_json()) | {"password": "a-wrong-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(wrong))
    works, sentence = TwitchHook().test_connection()
    assert not works
    assert "invalid client secret" in sentence


def test_threads_wait_out_a_token_endpoint_that_hangs_once(
    twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(twitch_connection.connection_json())
    connection["extra"]["timeout"] = 2
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(connection))
    twitch_connection.fault("hang", endpoint="token")
    assert run_threads(THREADS) == [5] * THREADS
    assert twitch_connection.counters.requests["token"] == 2


def test_airflows_task_timeout_during_a_fetch_releases_the_claim(
    twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = TwitchHook()

    def breaks_in(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RequestsTransport, "send", breaks_in)
        with pytest.raises(KeyboardInterrupt) as kept:
            list(hook.get_top_games())
    tokens = hook._session.tokens
    assert kept.value.__traceback__ is not None  # it holds every frame, the generators' too
    assert (tokens.claim(), tokens.lock()) == (True, True)
    tokens.unlock()


def test_a_token_endpoint_that_fails_for_all_is_asked_a_bounded_number_of_times(
    twitch_connection: Simulator, naps: list[float]
) -> None:
    twitch_connection.fault("token_down", times=None)
    sent: list[str] = []
    send = RequestsTransport.send

    def counted(transport: RequestsTransport, request: Request) -> Reply:
        sent.append(request.endpoint)
        return send(transport, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestsTransport, "send", counted)
        for _ in range(4):
            with pytest.raises(Exception, match="503"):
                list(TwitchHook().get_top_games())
    assert len(sent) == 16
