# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.triggers.stage import Script, Stage, again, changes, played

from twitch_provider.triggers.memory import MOST_TRIES, Memory
from twitch_provider.triggers.twitch import TwitchStreamEventTrigger
from twitch_provider.triggers.watch import LiveWatch


class Store:
    """Airflow's ``asset_state_store`` as a trigger meets it: values of JSON by key, asynchronously."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        await asyncio.sleep(0)
        return json.loads(self.values[key]) if key in self.values else default

    async def aset(self, key: str, value: Any) -> None:
        await asyncio.sleep(0)
        self.values[key] = json.dumps(value)


def watcher(store: Any, **arguments: Any) -> TwitchStreamEventTrigger:
    trigger: TwitchStreamEventTrigger = again(
        TwitchStreamEventTrigger(**{"user_logins": ["ann", "bob"], "offline_tolerance": 90, **arguments})
    )
    trigger.asset_state_store = store
    return trigger


async def test_goes_on_after_a_restart_where_it_ended(stage: Stage, script: Script) -> None:
    store = Store()
    script.will(lambda: stage.start("ann"), None)
    assert changes(await played(watcher(store).run())) == [("online", "ann")]

    stage.start("bob")  # while the triggerer is down
    script.will(None, lambda: stage.stop("ann"), None, None)
    assert changes(await played(watcher(store).run())) == [("online", "bob"), ("offline", "ann")]
    assert changes(await played(watcher(store, emit_current=True).run())) == []


async def test_an_event_that_was_handed_over_is_remembered(stage: Stage, script: Script) -> None:
    store = Store()
    stage.start("ann")
    run: Any = watcher(store, emit_current=True).run()
    assert changes([(await anext(run)).payload]) == [("online", "ann")]
    await run.aclose()
    script.will(None)
    assert await played(watcher(store, emit_current=True).run()) == []


async def test_without_a_store_a_restart_is_a_first_start(stage: Stage, script: Script) -> None:
    stage.start("ann")
    for _ in range(2):
        script.will(None)
        assert changes(await played(watcher(None, emit_current=True).run())) == [("online", "ann")]


async def test_editing_the_list_of_channels_keeps_what_is_remembered_of_the_others(
    stage: Stage, script: Script
) -> None:
    store = Store()
    script.will(lambda: stage.start("ann"), None)
    assert changes(await played(watcher(store).run())) == [("online", "ann")]

    stage.stop("ann")  # while the triggerer is down
    stage.start("bob", "cid")
    script.will(None, None, None)
    edited = watcher(store, user_logins=["cid", "ann", "bob"]).run()
    assert changes(await played(edited)) == [("online", "bob"), ("offline", "ann")]

    stage.stop("cid")
    script.will(None, None)
    assert changes(await played(watcher(store, user_logins=["CID"]).run())) == [("offline", "cid")]
    script.will(None)
    assert changes(await played(watcher(store, user_logins=["ann", "bob"]).run())) == []


async def test_watchers_of_the_same_events_do_not_overwrite_what_the_other_stores(
    stage: Stage, script: Script
) -> None:
    store = Store()
    memories = [Memory(store, "twitch_default", ["online"]) for _ in range(3)]
    seen = [LiveWatch([login], 0).observe(0.0, {})[1] for login in ("ann", "bob", "cid")]
    await asyncio.gather(*(memory.keep(watch) for memory, watch in zip(memories, seen, strict=True)))
    (value,) = store.values.values()
    assert json.loads(value) == {"ann": None, "bob": None, "cid": None}


async def test_watchers_of_one_asset_have_memories_of_their_own(stage: Stage, script: Script) -> None:
    store = Store()
    for arguments in (
        {},
        {"events": "online"},
        {"twitch_conn_id": "twitch_default2"},
    ):
        script.will(None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT2", stage.simulator.connection_json())
            await played(watcher(store, **arguments).run())
    assert len(store.values) == 3


async def test_a_store_that_fails_does_not_end_the_watcher(
    stage: Stage, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Store):
        errors = iter([ValueError("Task has 2 concrete inlets")])

        async def aget(self, key: str, default: Any = None) -> Any:
            for error in self.errors:
                raise error
            return default

        async def aset(self, key: str, value: Any) -> None:
            raise RuntimeError("the API server is down")

    script.will(lambda: stage.start("ann"), None)
    assert changes(await played(watcher(Broken()).run())) == [("online", "ann")]
    assert "No previous state of the watched channels: Task has 2 concrete inlets" in caplog.text
    assert "a restart would lose it: the API server is down" in caplog.text


class Away(Store):
    """A store that does not answer this number of times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def aget(self, key: str, default: Any = None) -> Any:
        self.times -= 1
        if self.times >= 0:
            raise RuntimeError("the API server starts again")
        return await super().aget(key, default)


async def test_a_store_that_is_away_at_the_start_is_read_again_before_any_event(
    stage: Stage, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    store = Away(0)
    script.will(None)
    await played(watcher(store).run())
    stage.start("ann")  # while the triggerer is down
    store.times = 2
    script.will(None, None, None)
    assert changes(await played(watcher(store).run())) == [("online", "ann")]
    assert "retrying on the next poll: the API server starts again" in caplog.text


async def test_a_store_that_stays_away_makes_it_a_first_start(
    stage: Stage, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    stage.start("ann")
    script.will(*[None] * MOST_TRIES)
    assert changes(await played(watcher(Away(10**6), emit_current=True).run())) == [("online", "ann")]
    assert "No previous state of the watched channels: the store does not answer" in caplog.text


async def test_a_memory_of_another_kind_is_a_first_start(
    stage: Stage, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store()
    stage.start("ann")
    script.will(None)
    await played(watcher(store).run())
    store.values = dict.fromkeys(store.values, '"something else"')
    script.will(None)
    assert changes(await played(watcher(store, emit_current=True).run())) == [("online", "ann")]
    assert "not a stored state of a watcher" in caplog.text
