# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.triggers.stage import Script, Stage, again, played, until

from twitch_provider.hooks.twitch import TwitchAsyncHook
from twitch_provider.testing import Simulator
from twitch_provider.triggers.twitch import TwitchStreamEventTrigger, TwitchStreamLiveTrigger

BOTH = pytest.mark.parametrize(
    "trigger",
    [
        TwitchStreamLiveTrigger(
            user_logins=["Ann", "bob"],
            wait_for="all",
            twitch_conn_id="mine",
            poll_interval=7.5,
            max_consecutive_failures=3,
        ),
        TwitchStreamLiveTrigger(user_logins="ann"),
        TwitchStreamEventTrigger(
            user_logins=("Ann", "bob"),
            events="online",
            offline_tolerance=1,
            emit_current=True,
            twitch_conn_id="mine",
            poll_interval=7.5,
            max_consecutive_failures=3,
        ),
        TwitchStreamEventTrigger(user_logins="ann"),
    ],
    ids=lambda trigger: type(trigger).__name__,
)


@BOTH
def test_survives_serialisation(trigger: Any) -> None:
    path, kwargs = trigger.serialize()
    assert path == f"twitch_provider.triggers.twitch.{type(trigger).__name__}"
    assert json.loads(json.dumps(kwargs)) == kwargs
    assert again(trigger).serialize() == (path, kwargs)


@BOTH
def test_serialises_the_connections_name_and_no_more(trigger: Any) -> None:
    names = {"user_logins", "twitch_conn_id", "poll_interval", "max_consecutive_failures"}
    more = (
        {"wait_for"}
        if "wait_for" in trigger.serialize()[1]
        else {"events", "offline_tolerance", "emit_current"}
    )
    assert trigger.serialize()[1].keys() == names | more


# --- one event for a sensor ------------------------------------------------------------------------------


@pytest.mark.parametrize(("wait_for", "waits"), [("any", 1), ("all", 3)])
async def test_fires_when_enough_are_live_and_ends(
    stage: Stage, script: Script, wait_for: str, waits: int
) -> None:
    trigger = again(TwitchStreamLiveTrigger(user_logins=["ANN", "bob"], wait_for=wait_for, poll_interval=30))
    script.will(lambda: stage.start("ann"), None, lambda: stage.start("bob"), None)
    (event,) = [event async for event in trigger.run()]
    assert event.payload["status"] == "success"
    assert [stream["user_login"] for stream in event.payload["streams"]] == ["ann", "bob"][
        : len(stage.on_air)
    ]
    assert event.payload["streams"][0] == stage.on_air["ann"].row
    assert script.naps == [30] * waits
    assert stage.simulator.counters.requests["streams"] == waits + 1


async def test_a_title_that_airflow_cannot_store_is_replaced(stage: Stage, script: Script) -> None:
    stage.start("ann")
    stage.on_air["ann"].row = {
        **stage.on_air["ann"].row,
        "title": "a\0b",
        "tags": ["\0"],
        "viewer_count": 2**64,
    }
    for trigger in (
        TwitchStreamLiveTrigger(user_logins="ann"),
        TwitchStreamEventTrigger(user_logins="ann", emit_current=True),
    ):
        run: Any = trigger.run()
        payload = (await anext(run)).payload
        await run.aclose()
        assert r"a\ufffdb" in json.dumps(payload)
        assert r"\u0000" not in json.dumps(payload)
        assert '"viewer_count": null' in json.dumps(payload)


async def test_a_stream_with_a_blank_login_is_live(stage: Stage, script: Script) -> None:
    stage.start("ann")
    stage.blank("ann")
    (event,) = [event async for event in TwitchStreamLiveTrigger(user_logins=["ann", "bob"]).run()]
    assert [stream["user_id"] for stream in event.payload["streams"]] == ["1"]


async def test_a_login_for_which_twitch_refuses_the_request_is_named(stage: Stage, script: Script) -> None:
    stage.refuses_unknown_logins = True
    (event,) = [event async for event in TwitchStreamLiveTrigger(user_logins=["ann", "gone"]).run()]
    assert (event.payload["status"], event.payload["fatal"]) == ("error", True)
    assert "it does not know user_login gone:" in event.payload["message"]


async def test_one_request_asks_for_a_hundred_logins(stage: Stage, script: Script) -> None:
    stage.start("cid")
    logins = [f"channel{number}" for number in range(199)] + ["cid"]
    (event,) = [event async for event in TwitchStreamLiveTrigger(user_logins=logins).run()]
    assert [stream["user_login"] for stream in event.payload["streams"]] == ["cid"]
    assert stage.simulator.counters.requests["streams"] == 2


@pytest.mark.parametrize("fault", ["rate_limited", "error_503", "token_down"])
async def test_survives_temporary_errors(stage: Stage, script: Script, fault: str) -> None:
    stage.start("ann")
    stage.simulator.fault(fault, endpoint="token" if fault.startswith("token") else None)
    (event,) = [event async for event in TwitchStreamLiveTrigger(user_logins="ann").run()]
    assert event.payload["status"] == "success"
    assert script.naps == []


async def test_too_many_failures_in_a_row_end_the_wait(stage: Stage, script: Script) -> None:
    trigger = TwitchStreamLiveTrigger(user_logins="ann", max_consecutive_failures=3)

    def goes_down() -> None:
        stage.simulator.fault("error_503", times=None)

    goes_down()
    script.will(None, stage.simulator.clear_faults, goes_down, None, None)
    (event,) = [event async for event in trigger.run()]
    message = event.payload.pop("message")
    assert event.payload == {"status": "error", "fatal": False}
    assert message.startswith("3 polls in a row failed, the last one with: streams(")
    assert "503" in message
    assert len(script.naps) == 5


async def test_the_only_failure_that_is_allowed_keeps_its_message(stage: Stage, script: Script) -> None:
    stage.simulator.fault("null_data", times=None)
    trigger = TwitchStreamLiveTrigger(user_logins="ann", max_consecutive_failures=1)
    (event,) = [event async for event in trigger.run()]
    assert not event.payload["message"].startswith("1 polls")
    assert script.naps == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"user_logins": []}, "user_logins must have at least one login"),
        ({"user_logins": "a b"}, "user_logins must be logins"),
        ({"user_logins": "ann", "wait_for": "some"}, "wait_for must be any or all"),
        ({"user_logins": "ann", "poll_interval": 0}, "poll_interval must be more than 0 seconds"),
        ({"user_logins": "ann", "max_consecutive_failures": 0}, "max_consecutive_failures must be 1 or more"),
        ({"user_logins": "ann", "twitch_conn_id": "nowhere"}, "connection nowhere does not exist"),
    ],
)
async def test_what_no_retry_can_fix_ends_the_wait_at_once(
    stage: Stage, script: Script, arguments: dict[str, Any], sentence: str
) -> None:
    (event,) = [event async for event in TwitchStreamLiveTrigger(**arguments).run()]
    assert (event.payload["status"], event.payload["fatal"]) == ("error", True)
    assert sentence in event.payload["message"]
    assert script.naps == []


async def test_a_wrong_secret_ends_the_try_at_once_for_the_tasks_retry_and_is_not_shown(
    stage: Stage, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(stage.simulator.connection_json()) | {"password": "WrongSecretOfMine"}
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(connection))
    trigger = TwitchStreamLiveTrigger(user_logins="ann")
    (event,) = [event async for event in trigger.run()]
    assert (event.payload["status"], event.payload["fatal"], script.naps) == ("error", False, [])
    assert "WrongSecretOfMine" not in f"{event!r} {trigger!r}"


async def test_a_new_secret_is_used_from_the_next_poll_on(
    stage: Stage, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.start("bob")
    with Simulator(stage, client_id="anewclientid", client_secret="anewsecret") as moved:
        script.will(
            lambda: monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", moved.connection_json()),
            lambda: stage.start("ann"),
        )
        (event,) = [event async for event in TwitchStreamLiveTrigger(user_logins="ann").run()]
        assert event.payload["status"] == "success"
        assert moved.counters.requests["streams"] == 2


async def test_cancelling_closes_what_is_open(stage: Stage, script: Script) -> None:
    stage.simulator.fault("hang", times=None)
    run = TwitchStreamLiveTrigger(user_logins="ann").run()
    task = asyncio.ensure_future(anext(run))
    await until(lambda: stage.simulator.counters.faults["hang"] > 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(StopAsyncIteration):
        await anext(run)
    # An aiohttp session left open would be a ResourceWarning, and warnings are errors here.


async def test_a_connection_that_is_missing_for_a_moment_is_a_failed_poll(
    stage: Stage, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = stage.simulator.connection_json()
    script.will(
        lambda: monkeypatch.delenv("AIRFLOW_CONN_TWITCH_DEFAULT"),
        lambda: monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", connection),
        lambda: stage.start("ann"),
    )
    (event,) = await played(TwitchStreamLiveTrigger(user_logins="ann").run())
    assert event["status"] == "success"


async def test_a_connection_that_stays_missing_ends_the_wait(
    stage: Stage, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.will(lambda: monkeypatch.delenv("AIRFLOW_CONN_TWITCH_DEFAULT"), None, None)
    trigger = TwitchStreamLiveTrigger(user_logins="ann", max_consecutive_failures=3)
    (event,) = await played(trigger.run())
    assert (event["status"], event["fatal"]) == ("error", True)
    assert "connection twitch_default does not exist" in event["message"]


async def test_a_lookup_that_fails_is_counted(
    stage: Stage, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(conn_id: str) -> None:
        raise ConnectionError(f"secret of {conn_id}")

    monkeypatch.setattr(TwitchAsyncHook, "get_connection", staticmethod(fails))
    script.will(None)
    trigger = TwitchStreamLiveTrigger(user_logins="ann", max_consecutive_failures=2)
    (event,) = await played(trigger.run())
    assert (event["status"], event["fatal"]) == ("error", False)
    assert "could not be looked up (ConnectionError)" in event["message"]
    assert "secret of" not in event["message"]
