# SPDX-License-Identifier: Apache-2.0
"""Every error path of the fault table and of S3, at DEBUG and unmasked: no log, no error holds a secret."""

from __future__ import annotations

import io
import json
import logging
import socket
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.faults.cases import CASES, Case
from tests.faults.readings import READINGS
from tests.leaks.eavesdropper import Answer, Eavesdropper, Heard
from tests.leaks.search import Mark, findings

import twitch_provider
from twitch_provider.aws.store import S3Store
from twitch_provider.exceptions import TwitchError
from twitch_provider.testing import Simulator

HOOKS = {"TwitchHook": False, "TwitchAsyncHook": True}


def texts(error: BaseException | None, caplog: pytest.LogCaptureFixture) -> Iterator[tuple[str, bytes]]:
    """What anybody may make of an error and of the records of a log."""
    lines = [f"{logging.Formatter().format(record)} {vars(record)!r}" for record in caplog.records]
    yield "log", "\n".join(lines).encode("utf-8", "replace")
    if error is not None:
        yield "traceback", "".join(traceback.format_exception(error)).encode()
        yield "traceback with our variables", "".join(_with_variables(error)).encode()
        for link in chain(error):
            yield f"{type(link).__name__}", f"{link} {link!r} {vars(link)} {link.args}".encode()


def _with_variables(error: BaseException) -> Iterator[str]:
    """As tools show it that collect errors, but without the variables of these tests."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in shown.stack if f"{Path(twitch_provider.__file__).parent}/" in frame.filename]
    shown.stack = traceback.StackSummary.from_list(ours)
    yield from shown.format()


def chain(error: BaseException | None) -> Iterator[BaseException]:
    if error is not None:
        yield error
        yield from chain(error.__cause__ or (None if error.__suppress_context__ else error.__context__))


@pytest.mark.parametrize("on_a_loop", HOOKS.values(), ids=HOOKS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_error_of_twitch_shows_a_secret(
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    case: Case,
    on_a_loop: bool,
) -> None:
    caplog.set_level(logging.DEBUG, "")
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    connection: dict[str, Any] = json.loads(simulator.connection_json())
    extra = {**connection["extra"], "auth_cache": "none", **case.connection.get("extra", {})}
    connection = {**connection, **case.connection, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(connection))
    if case.unresolved:
        monkeypatch.setattr(socket, "getaddrinfo", _unresolved)
        monkeypatch.setattr(aiohttp.connector, "DefaultResolver", aiohttp.ThreadedResolver)
    for fault in case.faults:
        simulator.fault(fault.name, endpoint=fault.endpoint, times=fault.times, start=fault.start)
    rows: list[Any] = []
    error: BaseException | None = None
    try:
        READINGS[0].read(on_a_loop=on_a_loop, rows=rows)
    except TwitchError as raised:
        error = raised
    minted = [Mark("app token", token) for token in simulator.twitch.auth.tokens._expires]
    marks = [Mark("client secret", connection["password"]), Mark("the right secret", simulator.client_secret)]
    found = [("rows", json.dumps(rows).encode()), *texts(error, caplog)]
    assert findings(found, [*marks, *minted]) == []


def _unresolved(*_: Any, **__: Any) -> None:
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


ACCESS_KEY = Mark("access key id", "AKIA7OF5THE3ERRORS00")
SECRET_KEY = Mark("secret access key", "errors/0secret+2access/3key+4of/5aws00000")
SESSION_TOKEN = Mark("session token", "e5rrors//////////wEaCXVz8session7token+of0errors")
KEYS = [ACCESS_KEY, SECRET_KEY, SESSION_TOKEN]

#: What S3 answers, with all that it may repeat of a request.
REFUSAL = f"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{{code}}</Code><Message>{{code}}, says S3</Message>
<AWSAccessKeyId>{ACCESS_KEY.value}</AWSAccessKeyId><Token-0>{SESSION_TOKEN.value}</Token-0>
<CanonicalRequest>GET / x-amz-security-token:{SESSION_TOKEN.value}</CanonicalRequest></Error>"""

REFUSALS = [
    (403, "AccessDenied"),
    (403, "SignatureDoesNotMatch"),
    (403, "InvalidAccessKeyId"),
    (403, "RequestTimeTooSkewed"),
    (400, "ExpiredToken"),
    (400, "InvalidToken"),
    (400, "AuthorizationHeaderMalformed"),
    (301, "PermanentRedirect"),
    (404, "NoSuchBucket"),
    (503, "SlowDown"),
    (500, "InternalError"),
    (418, "SomethingNew"),
]

CALLS: dict[str, Callable[[S3Store], object]] = {
    "put": lambda store: store.put("a", b"x", content_type="text/csv"),
    "put_file": lambda store: store.put_file("a", io.BytesIO(b"x"), content_type="text/csv"),
    "get": lambda store: store.get("a"),
    "delete": lambda store: store.delete(["a"]),
    "list": lambda store: store.list("a"),
    "folders": lambda store: store.folders("a"),
}


@pytest.fixture
def botocore_as_it_begins() -> Iterator[None]:
    """Other tests have quietened it already."""
    logger = logging.getLogger("botocore")
    level = logger.level
    logger.setLevel(logging.NOTSET)
    yield
    logger.setLevel(level)


@pytest.mark.parametrize("call", CALLS)
def test_no_error_of_s3_shows_a_credential(
    call: str,
    botocore_as_it_begins: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "")

    def refuse(_: Heard) -> Answer:
        status, code = now
        headers = {"Content-Type": "application/xml", "x-amz-bucket-region": "us-east-1"}
        return status, headers, REFUSAL.format(code=code).encode()

    with Eavesdropper(refuse) as s3:
        extra = {
            "endpoint_url": s3.url,
            "region_name": "us-east-1",
            "aws_session_token": SESSION_TOKEN.value,
            "config_kwargs": {"retries": {"total_max_attempts": 1}},
        }
        keys = {"login": ACCESS_KEY.value, "password": SECRET_KEY.value}
        connection = {"conn_type": "aws", **keys, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
        store = S3Store("lake", "aws_default")
        for now in REFUSALS:
            with pytest.raises(TwitchError) as caught:
                CALLS[call](store)
            assert findings(texts(caught.value, caplog), KEYS) == [], now
        sent = [("what S3 was sent", each.text) for each in s3.heard]
    assert len(sent) >= len(REFUSALS)
    assert {each.name for each in findings(sent, KEYS)} == {ACCESS_KEY.name, SESSION_TOKEN.name}


def test_what_is_planted_in_logs_and_errors_is_found(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "")

    def places(error: BaseException | None = None) -> list[str]:
        found = findings(texts(error, caplog), [SECRET_KEY])
        caplog.clear()
        return [each.place.split(" > ")[0] for each in found]

    assert places() == []
    logging.getLogger("any").debug("signed with %s", SECRET_KEY.value)
    assert places() == ["log"]
    logging.getLogger("any").debug("signed", extra={"headers": {"key": SECRET_KEY.value}})
    assert places() == ["log"]
    error = TwitchError("harmless")
    error.__cause__ = KeyError(SECRET_KEY.value)
    assert places(error) == ["traceback", "traceback with our variables", "KeyError"]
    error.__cause__ = None
    error.args = ("harmless", {"response": SECRET_KEY.value})
    assert "TwitchError" in places(error)
