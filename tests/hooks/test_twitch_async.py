# SPDX-License-Identifier: Apache-2.0
"""What only the asynchronous hook does; what both hooks do is tested in tests/faults."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchAuthError, TwitchConfigError, TwitchError, TwitchParameterError
from twitch_provider.helix.queries import query
from twitch_provider.hooks.twitch import TwitchAsyncHook, TwitchHook
from twitch_provider.hooks.twitch_async import _in_thread
from twitch_provider.testing import Simulator

pytestmark = pytest.mark.usefixtures("naps")


async def until(happened: Callable[[], bool]) -> None:
    """Let others run until something in another thread has happened."""
    while not happened():  # noqa: ASYNC110 - that thread knows of no asyncio.Event
        await asyncio.sleep(0)


async def test_reads_what_the_sync_hook_reads(twitch_connection: Simulator) -> None:
    async with TwitchAsyncHook() as hook:
        streams = [stream async for stream in hook.get_streams()]
        games = [game async for game in hook.paginate("games/top", max_items=5)]
        pages = [page async for page in hook.pages("streams", {"first": 10}, max_pages=2)]
        walked = [page async for page in hook.walk(query("streams", max_items=150))]
        assert hook.stats["requests"] == sum(twitch_connection.counters.requests.values()) - 1
    assert streams == list(TwitchHook().get_streams())
    assert games == list(TwitchHook().get_top_games(max_items=5))
    assert [len(page.rows) for page in pages] == [10, 10]
    assert sum(len(page.new_rows) for page in walked) == 150


async def test_checks_arguments_at_once(twitch_connection: Simulator) -> None:
    async with TwitchAsyncHook() as hook:
        with pytest.raises(TwitchParameterError, match="max_items"):
            hook.get_streams(max_items=0)
    assert not twitch_connection.counters.requests


async def test_reads_only_while_it_is_open(twitch_connection: Simulator) -> None:
    hook = TwitchAsyncHook()
    with pytest.raises(RuntimeError, match="must be used inside `async with"):
        await anext(hook.get_streams())
    async with hook:
        await anext(hook.get_streams())
    with pytest.raises(RuntimeError, match="must be used inside `async with"):
        await hook.get_follower_count("1")


async def test_one_that_was_closed_can_be_opened_again(twitch_connection: Simulator) -> None:
    hook = TwitchAsyncHook()
    for _ in range(2):
        async with hook:
            assert await anext(hook.get_top_games())


async def test_finds_games_by_name(twitch_connection: Simulator) -> None:
    async with TwitchAsyncHook() as hook:
        game = await anext(hook.get_top_games())
        assert await hook.get_game_ids([game["name"]]) == [game["id"]]


async def test_requires_games_that_exist(twitch_connection: Simulator) -> None:
    async with TwitchAsyncHook() as hook:
        game = await anext(hook.get_top_games())
        await hook.require_games([game["id"]])
        with pytest.raises(TwitchError, match="does not know these games: 999999999"):
            await hook.require_games([game["id"], "999999999"])


async def test_a_wrong_secret_is_one_sentence(
    twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = json.loads(twitch_connection.connection_json()) | {"password": "a-wrong-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(wrong))
    async with TwitchAsyncHook() as hook:
        with pytest.raises(TwitchAuthError, match="invalid client secret"):
            await anext(hook.get_streams())


async def test_a_missing_connection_is_one_sentence() -> None:
    with pytest.raises(TwitchConfigError, match="connection nowhere does not exist"):
        async with TwitchAsyncHook("nowhere"):
            pass


async def test_what_may_block_is_called_off_the_loop(
    twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    resolve = TwitchAsyncHook.get_connection

    def noted(*_: Any) -> None:
        threads.append(threading.get_ident())

    def resolved(conn_id: str) -> Any:
        noted()
        return resolve(conn_id)

    monkeypatch.setattr(TwitchAsyncHook, "get_connection", staticmethod(resolved))
    monkeypatch.setattr("twitch_provider.hooks.tokens.mask_secret", noted)
    for method in ("load", "save", "lock"):
        monkeypatch.setattr(f"twitch_provider.hooks.caches.FileCache.{method}", noted)
    async with TwitchAsyncHook() as hook:
        await anext(hook.get_streams())
    assert len(threads) >= 4
    assert threading.get_ident() not in threads


async def test_a_slow_twitch_does_not_block_the_loop(twitch_connection: Simulator) -> None:
    held = twitch_connection.fault("hang", endpoint="streams")
    beats = 0
    async with TwitchAsyncHook() as hook:
        reading = asyncio.ensure_future(anext(hook.get_streams()))
        while not held.applied or beats < 100:
            await asyncio.sleep(0)
            beats += 1
        assert not reading.done()
        twitch_connection.release()
        assert await reading


async def test_a_cancelled_reader_releases_claim_and_lock(twitch_connection: Simulator) -> None:
    held = twitch_connection.fault("hang", endpoint="token")
    async with TwitchAsyncHook() as hook:
        reading = asyncio.ensure_future(anext(hook.get_streams()))
        await until(lambda: held.applied > 0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await anext(hook.get_streams())
    assert twitch_connection.counters.tokens_minted <= 2


async def test_a_call_that_is_cancelled_is_waited_for() -> None:
    begun, end, done = threading.Event(), threading.Event(), []

    def blocking() -> None:
        begun.set()
        end.wait(30)
        done.append("whole")

    calling = asyncio.ensure_future(_in_thread(blocking))
    await until(begun.is_set)
    for _ in range(2):
        calling.cancel()
        await asyncio.sleep(0)
    assert not calling.done()
    end.set()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert done == ["whole"]


def test_constructing_it_does_no_io() -> None:
    TwitchAsyncHook("nowhere")
