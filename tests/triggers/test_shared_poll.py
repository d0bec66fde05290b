# SPDX-License-Identifier: Apache-2.0
"""Watchers as Airflow 3.3's triggerer runs them: with its own manager of shared streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from tests.triggers.stage import CurtainError, Script, Stage, again, changes, until

from twitch_provider.exceptions import TwitchError
from twitch_provider.triggers import polling
from twitch_provider.triggers.twitch import TwitchStreamEventTrigger

shared_stream = pytest.importorskip(
    "airflow.triggers.shared_stream", reason="Airflow before 3.3 shares no polls"
)


class Triggerer:
    """What ``TriggerRunner.run_trigger`` does with a watcher, and no more."""

    def __init__(self) -> None:
        self.manager = shared_stream.SharedStreamManager()
        self.events: list[dict[str, Any]] = []
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, trigger: TwitchStreamEventTrigger) -> asyncio.Task[None]:
        task = asyncio.create_task(self._run(len(self.tasks), again(trigger)))
        self.tasks.append(task)
        return task

    async def _run(self, number: int, trigger: TwitchStreamEventTrigger) -> None:
        key = trigger.shared_stream_key()
        try:
            stream = self.manager.subscribe(trigger_id=number, trigger=trigger, key=key)
            async for event in trigger.filter_shared_stream(stream):
                self.events.append(event.payload)
        finally:
            await self.manager.unsubscribe(number, key)
            await trigger.cleanup()

    async def finish(self) -> None:
        """Until the script is at its end, or a watcher failed."""
        with suppress(CurtainError):
            await asyncio.gather(*self.tasks)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.manager.stop_all()


@pytest.fixture
async def triggerer() -> AsyncIterator[Triggerer]:
    triggerer = Triggerer()
    yield triggerer
    await triggerer.stop()
    assert polling._WATCHED == {}
    assert triggerer.manager._groups == {}


async def test_watchers_of_a_connection_share_one_poll(
    monkeypatch: pytest.MonkeyPatch, naps: list[float], triggerer: Triggerer
) -> None:
    logins = [f"channel{number}" for number in range(90)]
    stage = Stage(*logins)
    script = Script(stage)
    monkeypatch.setattr(polling.LivePoll, "_sleep", script.sleep)
    monkeypatch.setattr(polling.LivePoll, "_clock", script.clock)
    with stage.simulator:
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", stage.simulator.connection_json())
        looked_up = until(lambda: stage.simulator.counters.requests["users"] == 3)
        script.will(lambda: looked_up, lambda: stage.start("channel0", "channel45", "channel89"), None, None)
        for first in (0, 30, 60):
            triggerer.start(TwitchStreamEventTrigger(user_logins=logins[first : first + 30]))
        await triggerer.finish()
        assert stage.simulator.counters.requests["streams"] == len(script.naps) == 5
        assert stage.simulator.counters.requests["users"] == 3
    assert sorted(changes(triggerer.events)) == [
        ("online", "channel0"),
        ("online", "channel45"),
        ("online", "channel89"),
    ]


async def test_each_watcher_has_its_own_channels_tolerance_and_events(
    stage: Stage, script: Script, triggerer: Triggerer
) -> None:
    script.will(None, lambda: stage.start("ann", "bob"), lambda: stage.stop("ann", "bob"), None, None)
    triggerer.start(TwitchStreamEventTrigger(user_logins=["ann"], offline_tolerance=0))
    triggerer.start(TwitchStreamEventTrigger(user_logins=["ann", "bob"], events="online"))
    triggerer.start(TwitchStreamEventTrigger(user_logins=["bob"], offline_tolerance=1000))
    await triggerer.finish()
    assert sorted(changes(triggerer.events)) == [
        ("offline", "ann"),
        ("online", "ann"),
        ("online", "ann"),
        ("online", "bob"),
        ("online", "bob"),
    ]


async def test_each_watcher_warns_of_its_own_unknown_logins(
    stage: Stage, script: Script, triggerer: Triggerer, caplog: pytest.LogCaptureFixture
) -> None:
    stage.refuses_unknown_logins = True
    script.will(None, lambda: stage.start("ann", "bob"), None)
    triggerer.start(TwitchStreamEventTrigger(user_logins=["ann", "gone"]))
    triggerer.start(TwitchStreamEventTrigger(user_logins=["bob"]))
    await triggerer.finish()
    assert sorted(changes(triggerer.events)) == [("online", "ann"), ("online", "bob")]
    assert caplog.text.count("Twitch knows no channel gone: misspelt") == 1


async def test_a_watcher_that_joins_late_is_polled_for_from_the_next_poll_on(
    stage: Stage, script: Script, triggerer: Triggerer
) -> None:
    stage.start("bob")

    def join() -> None:
        triggerer.start(TwitchStreamEventTrigger(user_logins=["bob"], emit_current=True))

    script.will(join, None, None)
    first = triggerer.start(TwitchStreamEventTrigger(user_logins=["ann"]))
    with suppress(CurtainError):
        await first
    await triggerer.finish()
    assert changes(triggerer.events) == [("online", "bob")]
    asked = [entry.query for entry in stage.simulator.log if entry.path.endswith("/streams")]
    assert ["user_login=bob" in query for query in asked] == [False, True, True, True]


async def test_a_watcher_that_leaves_is_not_polled_for_any_more(
    stage: Stage, script: Script, triggerer: Triggerer
) -> None:
    leaving = triggerer.start(TwitchStreamEventTrigger(user_logins=["ann"]))
    staying = triggerer.start(TwitchStreamEventTrigger(user_logins=["bob"]))
    script.will(None, leaving.cancel, None, None)
    with suppress(CurtainError):
        await staying
    asked = [entry.query for entry in stage.simulator.log if entry.path.endswith("/streams")]
    heard = ["user_login=ann" in query for query in asked]
    assert (heard[1], heard[-2:]) == (True, [False, False])


def test_other_connections_and_intervals_have_polls_of_their_own() -> None:
    def key(**arguments: Any) -> Any:
        return TwitchStreamEventTrigger(**{"user_logins": "ann", **arguments}).shared_stream_key()

    assert key() == key(user_logins="bob", events="online", offline_tolerance=1, emit_current=True)
    assert (
        len({key(), key(twitch_conn_id="mine"), key(poll_interval=30), key(max_consecutive_failures=3)}) == 4
    )


async def test_a_shared_poll_that_fails_fails_all_and_pauses_first(
    stage: Stage, script: Script, triggerer: Triggerer
) -> None:
    stage.simulator.fault("error_500", times=None)
    for login in ("ann", "bob"):
        triggerer.start(
            TwitchStreamEventTrigger(user_logins=login, max_consecutive_failures=2, poll_interval=45)
        )
    script.will(None, None)
    failures = await asyncio.gather(*triggerer.tasks, return_exceptions=True)
    assert [type(failure) for failure in failures] == [TwitchError] * 2
    assert script.naps == [45, 45]
    assert triggerer.events == []


async def test_cancelled_in_the_middle_of_a_poll_nothing_stays_open(
    stage: Stage, script: Script, triggerer: Triggerer
) -> None:
    stage.simulator.fault("hang", times=None)
    triggerer.start(TwitchStreamEventTrigger(user_logins="ann"))
    await until(lambda: stage.simulator.counters.faults["hang"] > 0)
    await triggerer.stop()
    # An aiohttp session left open would be a ResourceWarning, and warnings are errors here.


async def test_without_watchers_there_is_no_request(stage: Stage, script: Script) -> None:
    script.will(None)
    _, kwargs = TwitchStreamEventTrigger(user_logins="ann").serialize()
    with pytest.raises(CurtainError):
        [seen async for seen in TwitchStreamEventTrigger.open_shared_stream(kwargs) if seen.asked]
    assert not stage.simulator.counters.requests
