# SPDX-License-Identifier: Apache-2.0
"""What a watcher tells of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.triggers.stage import Script, Stage, again, changes, events_of, played, until

from twitch_provider.exceptions import TwitchError, TwitchParameterError
from twitch_provider.triggers.polling import Observation
from twitch_provider.triggers.twitch import TwitchStreamEventTrigger


async def test_emits_each_change_once(stage: Stage, script: Script) -> None:
    trigger = again(TwitchStreamEventTrigger(user_logins=["Ann", "bob"], offline_tolerance=90))
    script.will(
        lambda: stage.start("ann"),
        None,
        lambda: stage.start("bob", "cid"),
        lambda: stage.stop("ann"),
        lambda: stage.start("ann", stream_id="another"),  # away for a minute: counts as still live
        lambda: stage.stop("ann", "bob"),
        None,
        None,
        None,
    )
    events = await played(trigger.run())
    assert changes(events) == [("online", "ann"), ("online", "bob"), ("offline", "ann"), ("offline", "bob")]
    assert [event["stream_id"] for event in events_of(events)] == [
        "stream-ann",
        "stream-bob",
        "another",
        "stream-bob",
    ]
    assert events_of(events)[0]["title"] == "Ann plays"
    assert script.naps == [60] * 10


async def test_what_one_poll_finds_is_one_event(stage: Stage, script: Script) -> None:
    trigger = TwitchStreamEventTrigger(user_logins=["ann", "bob", "cid"], offline_tolerance=0)

    def change() -> None:
        stage.stop("ann")
        stage.start("cid")

    script.will(lambda: stage.start("ann", "bob"), change, None)
    both, mixed = await played(trigger.run())
    assert changes([both]) == [("online", "ann"), ("online", "bob")]
    assert changes([mixed]) == [("offline", "ann"), ("online", "cid")]


async def test_emits_only_the_chosen_events(stage: Stage, script: Script) -> None:
    script.will(lambda: stage.start("ann"), lambda: stage.stop("ann"), lambda: stage.start("ann"), None)
    trigger = TwitchStreamEventTrigger(user_logins="ann", events=["online"], offline_tolerance=0)
    assert changes(await played(trigger.run())) == [("online", "ann")] * 2


async def test_an_outage_does_not_look_like_offline_channels(stage: Stage, script: Script) -> None:
    stage.start("ann")
    trigger = TwitchStreamEventTrigger(user_logins="ann", offline_tolerance=0, emit_current=True)
    script.will(
        lambda: stage.simulator.fault("error_500", times=None),
        None,
        None,
        stage.simulator.clear_faults,
        None,
    )
    assert changes(await played(trigger.run())) == [("online", "ann")]


async def test_a_watcher_that_gives_up_waits_before_airflow_starts_it_again(
    stage: Stage, script: Script
) -> None:
    stage.simulator.fault("error_500", times=None)
    trigger = TwitchStreamEventTrigger(user_logins="ann", max_consecutive_failures=2, poll_interval=45)
    script.will(None, None)
    with pytest.raises(TwitchError, match="2 polls in a row failed"):
        [event async for event in trigger.run()]
    assert script.naps == [45, 45]


async def test_a_fatal_error_waits_too_before_airflow_restarts_the_watcher(
    stage: Stage, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_TWITCH_DEFAULT")
    script.will(None)
    with pytest.raises(TwitchError, match="connection twitch_default does not exist"):
        [event async for event in TwitchStreamEventTrigger(user_logins="ann").run()]
    assert script.naps == [60]


async def test_warns_of_channels_that_twitch_does_not_know(
    stage: Stage, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    stage.start("ann")
    script.will(None, None)
    await played(TwitchStreamEventTrigger(user_logins=["ann", "bob", "nobody"]).run())
    assert "Twitch knows no channel nobody: misspelt" in caplog.text
    assert stage.simulator.counters.requests["users"] == 1


async def test_goes_on_without_a_login_for_which_twitch_refuses_the_request(
    stage: Stage, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    stage.refuses_unknown_logins = True
    script.will(lambda: stage.start("ann"), lambda: stage.stop("ann"), None, None)
    logins = ["ann", "bob", "gone", "misspelt"]
    assert changes(await played(TwitchStreamEventTrigger(user_logins=logins, offline_tolerance=0).run())) == [
        ("online", "ann"),
        ("offline", "ann"),
    ]
    assert caplog.text.count("Twitch knows no channel gone, misspelt: misspelt, renamed") == 1
    assert script.naps == [60] * 5
    assert stage.simulator.counters.requests["streams"] == 6  # one more than polls


async def test_a_channel_that_is_gone_while_it_is_live_goes_offline_and_may_come_back(
    stage: Stage, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    stage.refuses_unknown_logins = True
    stage.start("ann", "bob")
    ann = stage.known["ann"]

    def close() -> None:
        stage.stop("ann")
        del stage.known["ann"]

    def reopen() -> None:
        stage.known["ann"] = ann
        stage.start("ann", stream_id="another")

    script.will(close, None, None, reopen, None, close, None)
    trigger = TwitchStreamEventTrigger(user_logins=["ann", "bob"], offline_tolerance=0)
    assert changes(await played(trigger.run())) == [("offline", "ann"), ("online", "ann"), ("offline", "ann")]
    assert caplog.text.count("Twitch knows no channel ann") == 1


async def test_a_request_that_is_refused_for_every_login_is_not_repeated_without_any(
    stage: Stage, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    stage.refuses_unknown_logins = True
    stage.start("ann")
    script.will(None, None)
    assert await played(TwitchStreamEventTrigger(user_logins=["gone"], emit_current=True).run()) == []
    assert "Twitch knows no channel gone" in caplog.text
    assert stage.simulator.counters.requests["streams"] == 1


async def test_a_row_that_does_not_say_live_is_not_a_live_stream(stage: Stage, script: Script) -> None:
    stage.start("ann")
    script.will(lambda: stage.spoil("ann"), None)
    payloads = await played(TwitchStreamEventTrigger(user_logins=["ann"], offline_tolerance=0).run())
    assert changes(payloads) == [("offline", "ann")]


async def test_a_blank_login_does_not_look_like_an_offline_channel(stage: Stage, script: Script) -> None:
    stage.start("ann", "bob")
    script.will(lambda: stage.blank("ann"), None, lambda: stage.start("ann"), None)
    trigger = TwitchStreamEventTrigger(user_logins=["ann", "bob"], offline_tolerance=0)
    assert await played(trigger.run()) == []
    assert stage.simulator.counters.requests["users"] == 0  # its id was known


async def test_a_channel_that_goes_live_with_a_blank_login_is_looked_up(stage: Stage, script: Script) -> None:
    def start() -> None:
        stage.start("ann")
        stage.blank("ann")

    script.will(start, None, None)
    (payload,) = await played(TwitchStreamEventTrigger(user_logins=["ann", "bob"]).run())
    assert changes([payload]) == [("online", "ann")]
    assert events_of([payload])[0]["user_id"] == "1"
    assert stage.simulator.counters.requests["users"] == 2  # once at the start, as always


async def test_a_live_channel_is_not_looked_up(stage: Stage, script: Script) -> None:
    stage.start("ann")
    script.will(None)
    await played(TwitchStreamEventTrigger(user_logins=["ann"]).run())
    assert stage.simulator.counters.requests["users"] == 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"user_logins": []}, "user_logins"),
        ({"events": []}, "events"),
        ({"events": ["live"]}, "events"),
        ({"offline_tolerance": -1}, "offline_tolerance"),
        ({"offline_tolerance": float("nan")}, "offline_tolerance"),
        ({"poll_interval": 0}, "poll_interval"),
        ({"max_consecutive_failures": 0}, "max_consecutive_failures"),
    ],
)
def test_a_watcher_refuses_a_malformed_argument_while_the_dag_is_parsed(
    arguments: dict[str, Any], name: str
) -> None:
    with pytest.raises(TwitchParameterError, match=f"{name} must") as caught:
        TwitchStreamEventTrigger(**{"user_logins": "ann", **arguments})
    assert caught.value.parameter == name


async def test_cancelling_a_watcher_closes_what_is_open(stage: Stage, script: Script) -> None:
    stage.simulator.fault("hang", times=None)
    run = TwitchStreamEventTrigger(user_logins="ann").run()
    task = asyncio.ensure_future(anext(run))
    await until(lambda: stage.simulator.counters.faults["hang"] > 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_answer_for_other_channels_is_ignored(stage: Stage) -> None:
    stage.start("ann")
    row = stage.on_air["ann"].row

    async def answers() -> AsyncIterator[Observation]:
        yield Observation(0.0, frozenset({"bob"}))  # was asked before this watcher joined
        yield Observation(60.0, frozenset({"ann", "bob"}), {"ann": row})
        yield Observation(120.0, frozenset({"bob"}))  # likewise: no channel of this watcher is offline
        yield Observation(180.0, frozenset({"ann", "bob"}), {"ann": row})

    trigger = TwitchStreamEventTrigger(user_logins="ann", emit_current=True, offline_tolerance=0)
    events = [event.payload async for event in trigger.filter_shared_stream(answers())]
    assert changes(events) == [("online", "ann")]
