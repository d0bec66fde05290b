# SPDX-License-Identifier: Apache-2.0
"""What people and templates give: connections, watch lists, rendered arguments; and S3's errors."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError, create_parser
from botocore.session import get_session
from tests.fuzz.answers import _head_and_body
from tests.fuzz.target import SECRET, Target, values

from twitch_provider.aws.errors import explain
from twitch_provider.aws.identity import Asker
from twitch_provider.config import BUCKET_PATTERN, LakeConfig, _entries, _watched
from twitch_provider.hooks.settings import Settings
from twitch_provider.pipelines.templates import native

KINDS: tuple[tuple[type, ...], ...] = ((int,), (bool,), (list, tuple), (list, str), (dict,), (int, str))


def _connections() -> list[bytes]:
    extra = {
        "timeout": 5,
        "rate_limit_reserve": "50",
        "auth_cache": "none",
        "auth_url": "https://id.twitch.tv",
    }
    fields = {"conn_id": "twitch_default", "login": "id", "password": SECRET, "host": "api.twitch.tv/helix"}
    more = {"port": 443, "schema": "https"}
    return [
        json.dumps({**fields, **more, "extra": json.dumps(extra)}).encode(),
        json.dumps({**fields, "port": None, "schema": None, "extra": None}).encode(),
    ]


def connection(data: bytes) -> None:
    """The fields are what Airflow's model has: text, a port, and the extra as text."""
    fields = values(data)
    # A secret that somebody puts into a field that is shown is shown.
    if not isinstance(fields, dict) or data.count(SECRET.encode()) != 1 or fields.get("password") != SECRET:
        return
    kept: dict[str, Any] = dict.fromkeys(("login", "password", "host", "port", "schema", "extra"))
    kept |= {
        name: value
        for name, value in fields.items()
        if name in kept and type(value) is (int if name == "port" else str)
    }
    found = Settings.from_connection(SimpleNamespace(conn_id="twitch_default", **kept))
    assert SECRET not in repr(found)
    assert 0.1 <= found.timeout <= 600


def extra(data: bytes) -> None:
    """The extra alone: any text."""
    text = data.decode(errors="replace")
    login = {"conn_id": "twitch_default", "login": "id", "password": SECRET}
    rest = dict.fromkeys(("host", "port", "schema"))
    assert Settings.from_connection(SimpleNamespace(**login, **rest, extra=text)).auth_cache


def rendered(data: bytes) -> None:
    """A rendered text stands for a value of the kinds that are asked for, or stays as it is."""
    text = data.decode(errors="replace")
    for kinds in KINDS:
        found = native(text, *kinds)
        assert found is None or found == text or isinstance(found, (*kinds, str))


def watch_list(data: bytes) -> None:
    """An entry has its own form, or none."""
    for entry in _entries(data.decode(errors="replace")):
        assert _watched(entry) == _watched(_watched(entry) or "x")


def lake(data: bytes) -> None:
    """Bucket and prefix are names, or a sentence says why not."""
    bucket, prefix = [*data.decode(errors="replace").split("\n"), ""][:2]
    found = LakeConfig.resolve(bucket, prefix, "")
    assert 3 <= len(found.bucket) <= 63
    assert not found.prefix.startswith("/")
    assert BUCKET_PATTERN


def _s3_answers() -> list[bytes]:
    head = b"%d\nx-amz-request-id: 4442587FB7D0A2F9\nx-amz-bucket-region: us-west-2\n\n"
    body = (
        f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code><Message>Denied: {SECRET}9</Message>"
        "<Region>us-west-2</Region><Resource>/b/k</Resource></Error>"
    )
    codes = ((403, "AccessDenied"), (404, "NoSuchKey"), (301, "PermanentRedirect"), (400, "InvalidRequest"))
    return [head % status + (body % code).encode() for status, code in codes] + [head % 503, head % 501]


_SHAPE: list[Any] = []


def s3_error(data: bytes) -> None:
    """botocore's own parser reads the answer, and we say what to do about it."""
    if not _SHAPE:
        model = get_session().get_service_model("s3")
        _SHAPE.extend((create_parser("rest-xml"), model.operation_model("PutObject").output_shape))
    head, _, body = data.partition(b"\n\n")
    status, *lines = head.decode("latin-1").split("\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)
    }
    code = int(status) if status.isascii() and status.isdecimal() and len(status) < 5 else 500
    answer = {"status_code": max(code, 301), "headers": headers, "body": body}
    asker = Asker("aws_default", owner="123456789012")
    try:
        parsed = _SHAPE[0].parse(answer, _SHAPE[1])
    except ResponseParserError as error:
        raise explain(error, bucket="b", key="k", asker=asker) from None
    raise explain(ClientError(parsed, "PutObject"), bucket="b", key="k", asker=asker)


TARGETS: tuple[Target, ...] = (
    Target("connection", connection, _connections),
    Target("extra", extra, lambda: [b'{"timeout": 5, "rate_limit_reserve": 50, "auth_cache": "none"}']),
    Target(
        "rendered",
        rendered,
        lambda: [b'["a", 1]', b"(1, None)", b"{'a': [1]}", b"5", b"true", b'"[1]"', b"null"],
    ),
    Target(
        "watch_list",
        watch_list,
        lambda: [b'["site", "game:509658", "channel:x"]', b"site, game:Just Chatting"],
    ),
    Target("lake", lake, lambda: [b"my-twitch-lake\ntwitch/a.b"]),
    Target("s3_error", s3_error, _s3_answers, _head_and_body),
)
