# SPDX-License-Identifier: Apache-2.0
"""The fault table: every fault with one reader of each hook, and every reader with one request's faults."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from tests.faults.cases import CASES, Case
from tests.faults.readings import AT, READINGS, WORLD, Reading
from tests.leaks.search import Mark, findings
from tests.leaks.texts import texts

from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.testing import FAULTS, Simulator
from twitch_provider.testing import faults as simulated

HOOKS = {"TwitchHook": False, "TwitchAsyncHook": True}
#: A list of several pages, and a lookup of several requests, in which every fault can occur.
STREAMS = next(reading for reading in READINGS if reading.reader == "get_streams")
SEVERAL = next(case for case in CASES if case.name == "several faults on one request")
TABLE = [(case, STREAMS) for case in CASES]
TABLE += [(SEVERAL, reading) for reading in READINGS if reading is not STREAMS]


@pytest.mark.parametrize("on_a_loop", HOOKS.values(), ids=HOOKS)
@pytest.mark.parametrize(
    ("case", "reading"), TABLE, ids=[f"{case.name}-{reading.reader}" for case, reading in TABLE]
)
def test_a_reading_ends_in_the_right_rows_or_in_an_error(
    simulator: Simulator,
    naps: list[float],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    case: Case,
    reading: Reading,
    on_a_loop: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    connection = _connection(simulator, case)
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(connection))
    lookups = _resolver(monkeypatch, case.unresolved) if case.unresolved else []
    elsewhere = simulator.url.replace("127.0.0.1", "localhost") + "/elsewhere"
    played = [
        simulator.fault(
            fault.name,
            endpoint=fault.endpoint,
            times=fault.times,
            start=fault.start,
            location=elsewhere,
        )
        for fault in case.faults
    ]

    rows: list[Any] = []
    error: BaseException | None = None
    if case.outcome is None:
        reading.read(on_a_loop=on_a_loop, rows=rows)
        assert rows == [_with(row, case.adds) for row in reading.rows()]
    else:
        with pytest.raises(case.outcome) as caught:
            reading.read(on_a_loop=on_a_loop, rows=rows)
        error = caught.value
        assert type(error) is case.outcome

    requests = simulator.counters.requests
    without_faults = 1 + len(reading.pages())
    late = _late_answers(caplog, played)
    assert sum(requests.values()) + min(len(lookups), case.unresolved) <= without_faults + case.more + late
    assert sum(naps) <= case.waits + 7 * late
    assert requests["unknown"] == 0, "it went where nobody sent it"
    assert all(fault.applied for fault in played), "the fault never came"
    assert bool(lookups) == bool(case.unresolved)
    secrets = [simulator.client_secret, connection["password"], *simulator.twitch.auth.tokens._expires]
    marks = [Mark(f"secret {number}", secret) for number, secret in enumerate(secrets)]
    assert findings([("rows", json.dumps(rows).encode()), *texts(error, caplog)], marks) == []


def test_every_fault_of_the_simulator_is_in_the_table() -> None:
    assert {fault.name for case in CASES for fault in case.faults} == set(FAULTS)


def test_readings_have_the_pages_that_cases_need() -> None:
    assert len(STREAMS.pages()) >= 3
    for reading in READINGS:
        assert len(reading.rows()) > 100 or reading.reader == "get_follower_count", reading.reader


@pytest.mark.parametrize("on_a_loop", HOOKS.values(), ids=HOOKS)
def test_a_bucket_that_others_emptied_is_waited_for(
    simulator: Simulator, naps: list[float], monkeypatch: pytest.MonkeyPatch, on_a_loop: bool
) -> None:
    """A 429 that is nobody's fault: the simulator's own bucket, which fills up while the hook waits."""
    reading = next(reading for reading in READINGS if reading.reader == "get_top_games")
    with Simulator(WORLD, at=AT, clock=lambda: sum(naps)) as busy:
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", busy.connection_json())
        busy.twitch.rate_limit.remaining = -10
        rows: list[Any] = []
        reading.read(on_a_loop=on_a_loop, rows=rows)
        assert rows == reading.rows()
        assert busy.counters.rate_limited == 1
    assert 1 <= sum(naps) <= 5


def test_a_leak_would_be_seen(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", simulator.connection_json())
    simulator.fault("false_429")
    hook = TwitchHook()
    rows = list(hook.get_top_games())
    assert "Waiting" in caplog.text, "the hook's log is not looked at"
    (token,) = simulator.twitch.auth.tokens._expires
    said = [("rows", json.dumps(rows).encode()), *texts(None, caplog)]
    assert findings(said, [Mark("app token", token)]) == []
    hook.log.warning("the token is %s", token)
    assert [each.place for each in findings(texts(None, caplog), [Mark("app token", token)])] == ["log"]


def _connection(simulator: Simulator, case: Case) -> dict[str, Any]:
    connection: dict[str, Any] = json.loads(simulator.connection_json())
    extra = {**connection["extra"], "auth_cache": "none", **case.connection.get("extra", {})}
    if case.unresolved:
        # An address needs no look-up.
        connection["host"] = connection["host"].replace("127.0.0.1", "localhost")
        extra["auth_url"] = extra["auth_url"].replace("127.0.0.1", "localhost")
    return {**connection, **case.connection, "extra": extra}


def _late_answers(caplog: pytest.LogCaptureFixture, played: list[simulated.Fault]) -> int:
    """How often a true answer came after the short time-out of a case: of a busy machine."""
    timed_out = sum("timed out after" in record.getMessage() for record in caplog.records)
    return max(0, timed_out - sum(fault.applied for fault in played if fault.name == "hang"))


def _with(row: Any, fields: Mapping[str, Any]) -> Any:
    return {**row, **fields} if isinstance(row, dict) else row


def _resolver(monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Let the look-up of a name fail so often, for both libraries; returns what was looked up."""
    real, lookups = socket.getaddrinfo, []

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "localhost":
            return real(host, *arguments, **options)
        lookups.append(host)
        if len(lookups) <= times:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    # Where aiodns is installed, aiohttp would not ask the system.
    monkeypatch.setattr(aiohttp.connector, "DefaultResolver", aiohttp.ThreadedResolver)
    return lookups
