# SPDX-License-Identifier: Apache-2.0
"""What our objects show of themselves, and what they leave behind, holds no secret."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.leaks.search import Mark, findings, walk

from twitch_provider.hooks.twitch import TwitchAsyncHook, TwitchHook
from twitch_provider.operators.twitch import TwitchStreamsOperator
from twitch_provider.sensors.twitch import TwitchStreamLiveSensor
from twitch_provider.testing import Simulator
from twitch_provider.triggers.twitch import TwitchStreamEventTrigger


@pytest.fixture
def hook(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> TwitchHook:
    """One that has a token."""
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", simulator.connection_json())
    hook = TwitchHook()
    assert len(list(hook.get_top_games(max_items=3))) == 3
    return hook


def marks(simulator: Simulator) -> list[Mark]:
    (token,) = simulator.twitch.auth.tokens._expires
    return [Mark("client secret", simulator.client_secret), Mark("app token", token)]


OBJECTS: dict[str, Callable[[TwitchHook], Any]] = {
    "settings": lambda hook: hook.settings,
    "credentials": lambda hook: hook.settings.credentials,
    "session": lambda hook: hook._session,
    "token": lambda hook: hook._session.tokens.held(),
    "tokens": lambda hook: hook._session.tokens,
    "tokens, inside": lambda hook: vars(hook._session.tokens),
    "cache, inside": lambda hook: vars(vars(hook._session.tokens)["_cache"]),
    "hook": lambda hook: hook,
    "hook, inside": vars,
    "transport, inside": lambda hook: vars(hook._transport),
    "get_conn, inside": lambda hook: vars(hook.get_conn({"Accept": "*/*"})),
    "pages": lambda hook: list(hook.pages("games/top", max_pages=1)),
    "stats": lambda hook: hook.stats,
    "operator": lambda _: TwitchStreamsOperator(task_id="x"),
    "operator, inside": lambda _: vars(TwitchStreamsOperator(task_id="x")),
    "sensor, inside": lambda _: vars(TwitchStreamLiveSensor(task_id="x", user_logins=["nasa"])),
    "trigger": lambda _: TwitchStreamEventTrigger(user_logins=["nasa"]).serialize(),
}


def test_objects_do_not_show_secrets(simulator: Simulator, hook: TwitchHook) -> None:
    shown = [(name, f"{make(hook)!r} {make(hook)}".encode()) for name, make in OBJECTS.items()]
    assert findings(shown, marks(simulator)) == []


def test_an_object_that_showed_a_secret_would_be_seen(simulator: Simulator, hook: TwitchHook) -> None:
    shown = repr(vars(hook.settings.credentials)) + repr(vars(hook._session.tokens.held()))
    assert {each.name for each in findings([("inside", shown.encode())], marks(simulator))} == {
        "client secret",
        "app token",
    }


def test_requests_do_not_show_what_they_carry(simulator: Simulator, hook: TwitchHook) -> None:
    sent: list[Any] = []
    send = hook._transport.send
    hook._transport.send = lambda request: (sent.append(request), send(request))[1]  # type: ignore[method-assign, func-returns-value]
    list(hook.get_top_games(max_items=3))
    (request,) = sent
    assert findings([("request", f"{request!r} {request}".encode())], marks(simulator)) == []
    assert findings([("inside", repr(vars(request)).encode())], marks(simulator))


def test_the_token_that_is_stored_for_others_is_encrypted_and_private(
    simulator: Simulator, hook: TwitchHook
) -> None:
    folder = Path(os.environ["AIRFLOW_HOME"]) / "twitch_tokens"
    kept = [path for path in folder.iterdir() if path.stat().st_size > 100]
    assert len(kept) == 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert findings(walk(folder), marks(simulator)) == []
    (folder / "unsealed").write_text(marks(simulator)[1].value)
    assert [each.place for each in findings(walk(folder), marks(simulator))] == ["unsealed"]


def test_a_watching_trigger_logs_and_tells_no_secret(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "")
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", simulator.connection_json())
    live = next(iter(TwitchHook().get_streams(max_items=1)))["user_login"]

    async def watch() -> Any:
        trigger = TwitchStreamEventTrigger(user_logins=[live], events=["online"], emit_current=True)
        return await anext(trigger.run())

    said = [("event", repr(asyncio.run(watch())).encode()), ("log", caplog.text.encode())]
    assert live.encode() in said[0][1]
    assert findings(said, marks(simulator)) == []


def test_an_asynchronous_hook_shows_no_secret(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", simulator.connection_json())

    async def show() -> str:
        async with TwitchAsyncHook() as hook:
            assert [game async for game in hook.get_top_games(max_items=3)]
            return f"{hook!r} {vars(hook)!r} {hook._opened!r} {vars(hook._opened[1])!r}"

    assert findings([("hook", asyncio.run(show()).encode())], marks(simulator)) == []
