# SPDX-License-Identifier: Apache-2.0
"""Every error of S3, at DEBUG and unmasked, shows no secret. The fault table checks those of Twitch."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
from tests.leaks.eavesdropper import Answer, Eavesdropper, Heard
from tests.leaks.search import Mark, findings
from tests.leaks.texts import texts

from twitch_provider.aws.store import S3Store
from twitch_provider.exceptions import TwitchError

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
    "create": lambda store: store.create("a", b"x", content_type="text/csv"),
    "replace": lambda store: store.replace("a", b"x", content_type="text/csv", metadata={}, etag='"x"'),
    "get": lambda store: store.get("a"),
    "stat": lambda store: store.stat("a"),
    "delete_unchanged": lambda store: store.delete_unchanged("a", '"x"'),
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
