# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import inspect
import json
import re
import time
from typing import Any

import pytest
from tests.triggers.stage import Script, Stage, again

from twitch_provider.compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseHook,
)
from twitch_provider.exceptions import TwitchError, TwitchServerError
from twitch_provider.sensors.twitch import TwitchStreamLiveSensor
from twitch_provider.triggers.twitch import TwitchStreamLiveTrigger

try:
    from airflow.sdk.exceptions import TaskDeferred
except ImportError:  # before Airflow 3.1
    from airflow.exceptions import TaskDeferred  # type: ignore[no-redef]


def sensor(**arguments: Any) -> TwitchStreamLiveSensor:
    return TwitchStreamLiveSensor(**{"task_id": "wait", "user_logins": ["Ann", "bob"], **arguments})


def logins(streams: Any) -> list[str]:
    return [stream["user_login"] for stream in streams]


@pytest.fixture
def pauses(stage: Stage, script: Script, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What a poking sensor would have slept; the script goes on meanwhile."""

    def pause(seconds: float) -> None:
        script.naps.append(seconds)
        script.acts.pop(0)()

    monkeypatch.setattr(time, "sleep", pause)
    return script.naps


# --- poke and reschedule ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("wait_for", "found"), [("any", ["ann"]), ("all", ["ann", "bob"])])
def test_pokes_until_enough_are_live_and_returns_their_streams(
    stage: Stage, script: Script, pauses: list[float], context: Any, wait_for: str, found: list[str]
) -> None:
    script.will(None, lambda: stage.start("ann"), lambda: stage.start("bob"))
    streams = sensor(wait_for=wait_for, poke_interval=20).execute(context)
    assert logins(streams) == found
    assert streams[0] == stage.on_air["ann"].row
    assert pauses == [20.0] * (1 + len(found))
    assert stage.simulator.counters.requests == {"token": 1, "streams": 2 + len(found), "users": 1}


def test_returns_at_once_if_a_channel_is_live(
    stage: Stage, context: Any, caplog: pytest.LogCaptureFixture
) -> None:
    stage.start("bob")
    with caplog.at_level("INFO", "twitch_provider.sensors"):
        assert logins(sensor().execute(context)) == ["bob"]
    assert "1 of 2 channels are live: bob" in caplog.text
    assert stage.simulator.counters.requests == {"token": 1, "streams": 1}


def test_a_title_that_airflow_cannot_store_is_replaced(stage: Stage, context: Any) -> None:
    stage.start("ann")
    row = stage.on_air["ann"].row
    stage.on_air["ann"].row = {**row, "title": "a\0b"}
    (stream,) = sensor().execute(context)
    assert stream == {**row, "title": "a\N{REPLACEMENT CHARACTER}b"}


@pytest.mark.parametrize("wait_for", ["any", "all"])
def test_a_stream_with_a_blank_login_is_live(stage: Stage, context: Any, wait_for: str) -> None:
    stage.start("ann", "bob")
    stage.blank("ann", "bob")
    streams = sensor(wait_for=wait_for).execute(context)
    assert [stream["user_id"] for stream in streams] == ["1", "2"]


def test_a_row_that_does_not_say_live_is_not_a_live_stream(stage: Stage, context: Any) -> None:
    stage.start("ann", "bob")
    stage.spoil("ann")
    assert logins(sensor(wait_for="any").execute(context)) == ["bob"]
    assert sensor(wait_for="all").poke(context).is_done is False


def test_a_login_for_which_twitch_refuses_the_request_is_named(stage: Stage, context: Any) -> None:
    stage.refuses_unknown_logins = True
    stage.start("ann")
    with pytest.raises(AirflowFailException, match="does not know user_login gone:"):
        sensor(user_logins=["ann", "gone"]).execute(context)


@pytest.mark.parametrize("rendered", ["['ann', 'bob']", ["ann", "bob"], "ann"])
def test_takes_logins_as_templates_render_them(stage: Stage, context: Any, rendered: Any) -> None:
    stage.start("ann")
    assert logins(sensor(user_logins=rendered).execute(context)) == ["ann"]


def test_a_poke_asks_for_a_hundred_channels_with_one_request(stage: Stage, context: Any) -> None:
    stage.start("cid")
    many = [f"channel{number}" for number in range(199)] + ["cid"]
    assert logins(sensor(user_logins=many).execute(context)) == ["cid"]
    assert stage.simulator.counters.requests["streams"] == 2


def test_reschedules(stage: Stage, context: Any) -> None:
    from airflow.exceptions import AirflowRescheduleException

    waiting = sensor(mode="reschedule", poke_interval=600)
    with pytest.raises(AirflowRescheduleException):
        waiting.execute(context)
    stage.start("ann")
    assert logins(waiting.execute(context)) == ["ann"]


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
@pytest.mark.parametrize(
    ("soft_fail", "failure"), [(False, AirflowSensorTimeout), (True, AirflowSkipException)]
)
def test_times_out(stage: Stage, context: Any, mode: str, soft_fail: bool, failure: Any) -> None:
    with pytest.raises(failure, match="timed out"):
        sensor(mode=mode, soft_fail=soft_fail, timeout=0).execute(context)


# --- failures ---------------------------------------------------------------------------------------------

MALFORMED = pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"user_logins": []}, "user_logins must have at least one login"),
        ({"user_logins": "None"}, "user_logins must be one login or a list of them, not None"),
        ({"user_logins": ["ann", "b b"]}, "user_logins must be logins"),
        ({"wait_for": "some"}, "wait_for must be any or all"),
        ({"twitch_conn_id": "nowhere"}, "connection nowhere does not exist"),
        ({"user_logins": ["ann", "nobody"]}, "Twitch knows no channel nobody"),
    ],
)


@MALFORMED
@pytest.mark.parametrize("deferrable", [False, True])
def test_what_no_retry_can_fix_fails_at_once(
    stage: Stage, context: Any, arguments: dict[str, Any], sentence: str, deferrable: bool
) -> None:
    with pytest.raises(AirflowFailException, match=sentence):
        sensor(deferrable=deferrable, **arguments).execute(context)


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_soft_failure_is_a_skip(stage: Stage, context: Any, deferrable: bool) -> None:
    with pytest.raises(AirflowSkipException):
        sensor(user_logins="nobody", soft_fail=True, deferrable=deferrable).execute(context)


@pytest.mark.parametrize("deferrable", [False, True])
def test_an_outage_is_left_to_airflows_retries(stage: Stage, context: Any, deferrable: bool) -> None:
    stage.simulator.fault("error_503", times=None)
    with pytest.raises(TwitchServerError):
        sensor(deferrable=deferrable).execute(context)


@pytest.mark.parametrize("fault", ["rate_limited", "error_500"])
def test_survives_temporary_errors(stage: Stage, context: Any, fault: str) -> None:
    stage.start("ann")
    stage.simulator.fault(fault)
    assert logins(sensor().execute(context)) == ["ann"]


# --- deferrable ------------------------------------------------------------------------------------------


def deferral(waiting: TwitchStreamLiveSensor, context: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        waiting.execute(context)
    return caught.value


def test_defers_to_the_trigger_with_what_it_needs(stage: Stage, context: Any) -> None:
    deferred = deferral(
        sensor(wait_for="all", poke_interval=30, timeout=3600, max_consecutive_failures=4, deferrable=True),
        context,
    )
    assert isinstance(deferred.trigger, TwitchStreamLiveTrigger)
    assert deferred.trigger.serialize()[1] == {
        "user_logins": ["ann", "bob"],
        "wait_for": "all",
        "twitch_conn_id": "twitch_default",
        "poll_interval": 30.0,
        "max_consecutive_failures": 4,
    }
    assert deferred.method_name == "execute_complete"
    assert deferred.timeout is not None
    assert deferred.timeout.total_seconds() == 3600
    assert stage.simulator.client_secret not in json.dumps(deferred.trigger.serialize())


def test_the_trigger_uses_the_connection_of_the_configuration(
    stage: Stage, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MINE", stage.simulator.connection_json())
    monkeypatch.setenv("AIRFLOW__TWITCH__TWITCH_CONN_ID", "mine")
    deferred = deferral(sensor(deferrable=True, poke_interval=0), context)
    assert deferred.trigger.serialize()[1]["twitch_conn_id"] == "mine"
    assert deferred.trigger.serialize()[1]["poll_interval"] == 1.0


def test_does_not_defer_if_the_channels_are_live(stage: Stage, context: Any) -> None:
    stage.start("ann")
    assert logins(sensor(deferrable=True).execute(context)) == ["ann"]


async def resumed(waiting: TwitchStreamLiveSensor, context: Any) -> Any:
    """Defer, run the trigger, go on with its event: as Airflow does it."""
    deferred = deferral(waiting, context)
    (event,) = [event async for event in again(deferred.trigger).run()]
    payload = json.loads(json.dumps(event.payload))
    return waiting.resume_execution(deferred.method_name, {"event": payload}, context)


async def test_returns_what_the_trigger_found(stage: Stage, script: Script, context: Any) -> None:
    script.will(None, lambda: stage.start("bob"))
    streams = await resumed(sensor(deferrable=True), context)
    assert streams == [stage.on_air["bob"].row]
    assert script.naps == [60.0, 60.0]


async def test_fails_with_the_message_of_the_trigger_for_airflow_to_retry(
    stage: Stage, script: Script, context: Any
) -> None:
    script.will(None)
    waiting = sensor(deferrable=True, max_consecutive_failures=2)
    deferred = deferral(waiting, context)
    stage.simulator.fault("error_503", times=None)
    (event,) = [event async for event in deferred.trigger.run()]
    with pytest.raises(TwitchError, match="2 polls in a row failed") as caught:
        waiting.resume_execution("execute_complete", {"event": event.payload}, context)
    assert not caught.value.fatal


@pytest.mark.parametrize(
    ("soft_fail", "failure"), [(False, AirflowFailException), (True, AirflowSkipException)]
)
async def test_fails_finally_with_what_no_retry_can_fix(
    stage: Stage,
    script: Script,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    soft_fail: bool,
    failure: Any,
) -> None:
    waiting = sensor(deferrable=True, soft_fail=soft_fail)
    deferred = deferral(waiting, context)
    monkeypatch.delenv("AIRFLOW_CONN_TWITCH_DEFAULT")
    (event,) = [event async for event in deferred.trigger.run()]
    with pytest.raises(failure):
        waiting.resume_execution("execute_complete", {"event": event.payload}, context)


def test_a_trigger_without_an_event_is_an_error(context: Any) -> None:
    with pytest.raises(TwitchError, match="ended without an event"):
        sensor().execute_complete(context)


@pytest.mark.parametrize("error", ["Trigger timeout", "Trigger/execution timeout"])
@pytest.mark.parametrize(
    ("arguments", "failure"),
    [
        ({}, AirflowSensorTimeout),
        ({"soft_fail": True}, AirflowSkipException),
        ({"never_fail": True}, AirflowSkipException),
    ],
)
def test_times_out_while_deferred(context: Any, error: str, arguments: dict[str, bool], failure: Any) -> None:
    waiting = sensor(timeout=90, wait_for="all", **arguments)
    with pytest.raises(failure, match=r"Not live within 90 s: all of \['Ann', 'bob'\]"):
        waiting.resume_execution("__fail__", {"error": error}, context)


def test_with_never_fail_an_error_of_the_trigger_is_a_skip(context: Any) -> None:
    event = {"status": "error", "message": "10 polls in a row failed", "fatal": False}
    with pytest.raises(AirflowSkipException, match="10 polls in a row failed"):
        sensor(never_fail=True).resume_execution("execute_complete", {"event": event}, context)
    with pytest.raises(TwitchError, match="10 polls in a row failed"):
        sensor().resume_execution("execute_complete", {"event": event}, context)


def test_a_trigger_that_crashed_is_not_a_timeout(context: Any) -> None:
    with pytest.raises(Exception, match="Trigger failure") as caught:
        sensor().resume_execution("__fail__", {"error": "Trigger failure", "traceback": ["…"]}, context)
    assert not isinstance(caught.value, AirflowSensorTimeout)


# --- conventions of operators --- ------------------------------------------------------------------------


def arguments() -> dict[str, inspect.Parameter]:
    parameters = dict(inspect.signature(TwitchStreamLiveSensor.__init__).parameters)
    return {name: each for name, each in parameters.items() if name not in {"self", "kwargs"}}


def test_arguments_are_keyword_only_and_documented() -> None:
    assert {each.kind for each in arguments().values()} == {inspect.Parameter.KEYWORD_ONLY}
    text = inspect.getdoc(TwitchStreamLiveSensor) or ""
    documented = dict(re.findall(r"^:param (\w+): ((?:.|\n(?!:))+)", text, re.MULTILINE))
    assert list(documented) == list(arguments())
    templated = {name for name, said in documented.items() if said.endswith("(templated)")}
    assert templated == set(TwitchStreamLiveSensor.template_fields)


def test_template_fields_are_assigned_one_to_one() -> None:
    given: dict[str, Any] = {name: f"{{{{ {name} }}}}" for name in TwitchStreamLiveSensor.template_fields}
    made = TwitchStreamLiveSensor(task_id="t", **given)
    assert {name: getattr(made, name) for name in given} == given


def test_making_one_resolves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(BaseHook, "get_connection", resolve)
    sensor(twitch_conn_id="nowhere")
