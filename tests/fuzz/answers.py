# SPDX-License-Identifier: Apache-2.0
"""What arrives from Twitch: pages, errors, headers and tokens, as bytes of an answer."""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from tests.fuzz.mutate import json_document, json_lines, of_bytes
from tests.fuzz.target import SECRET, Target, sentences
from tests.lake.conftest import _game, stream_row

from twitch_provider.crawl.light_page import read_light_page
from twitch_provider.exceptions import TwitchError, TwitchResponseError
from twitch_provider.helix.answers import Reader, read_found, read_page, read_token, read_validation
from twitch_provider.helix.loop_guard import CursorLoopGuard
from twitch_provider.helix.messages import Request, Response, objects
from twitch_provider.helix.ratelimit import RateLimiter
from twitch_provider.helix.walk import WalkState
from twitch_provider.hooks.transport import MOST_BYTES, is_gzip, unpacked
from twitch_provider.storable import storable

NOW = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
ASKED = Request(
    "GET",
    "https://api.twitch.tv/helix/streams",
    (("first", "100"), ("user_login", "a"), ("user_login", "b")),
    endpoint="streams",
    secrets=(SECRET,),
)
TOKEN = Request("POST", "https://id.twitch.tv/oauth2/token", endpoint="oauth2/token", secrets=(SECRET,))
VALIDATE = Request(
    "GET", "https://id.twitch.tv/oauth2/validate", endpoint="oauth2/validate", secrets=(SECRET,)
)


def _body(**values: Any) -> bytes:
    return json.dumps(values).encode()


def _response(body: bytes, status: int = 200, **headers: str) -> Response:
    return Response(status, headers, body, NOW)


def _pages() -> list[bytes]:
    rows = [stream_row(), stream_row(id="2", user_id="3", user_login="x", tags=None, viewer_count=0)]
    return [
        _body(data=rows, pagination={"cursor": "eyJiIjp7"}),
        _body(data=rows[:1], pagination={}),
        _body(data=[_game()], pagination={"cursor": ""}, total=1),
        _body(data=[]),
    ]


def page(body: bytes) -> None:
    """Every row of ``data`` arrives, in order."""
    envelope = read_page(ASKED, _response(body))
    rows = json.loads(body)["data"]
    assert repr(envelope.rows) == repr(rows)
    assert envelope.cursor is None or (envelope.cursor and isinstance(envelope.cursor, str))
    state = WalkState("id")
    new = state.new_rows(envelope.rows, CursorLoopGuard("streams"))
    assert len(new) <= len(rows)
    json.dumps(storable(objects("streams", new)), allow_nan=False).encode()


def light_page(body: bytes) -> None:
    """It says the same as the page that is decoded whole, or both refuse it."""
    whole: Any = None
    with suppress(TwitchError):
        whole = read_page(ASKED, _response(body))
    try:
        light = read_light_page(ASKED, _response(body))
    except TwitchError:
        assert whole is None, "refused by the light page only"
        raise
    if whole is None:
        # Of fields that it does not look at; the table's own parser refuses them later.
        with pytest.raises((ValueError, RecursionError)):
            json.loads(body)
        return
    assert (light.count, light.cursor) == (len(whole.rows), whole.cursor)
    ids = [
        row["user_id"] for row in whole.rows if isinstance(row, dict) and isinstance(row.get("user_id"), str)
    ]
    assert list(light.users) == ids
    assert len(light.users) == len(light.languages)


def _answers() -> list[bytes]:
    errors = [
        (401, _body(error="Unauthorized", status=401, message="Invalid OAuth token")),
        (400, _body(error="Bad Request", status=400, message=f'The parameter "id" was malformed: {SECRET}')),
        (404, _body(error="Not Found", status=404, message="")),
        (429, _body(error="Too Many Requests", status=429, message="slow\ndown")),
        (503, b"<html>upstream</html>"),
        (200, _body(status="500", error="x", message="y")),
        (202, _body(data=[])),
        (302, b""),
    ]
    return [
        b"%d\nContent-Type: application/json\nDate: Mon, 23 Nov 2026 16:35:02 GMT\nRatelimit-Limit: 800\n"
        b"Ratelimit-Remaining: 799\nRatelimit-Reset: 1795451703\nRetry-After: 5\n\n%b" % each
        for each in errors
    ]


def answer(data: bytes) -> None:
    """A status, headers and a body: what is not an answer of Helix raises one of our errors."""
    head, _, body = data.partition(b"\n\n")
    status, *lines = head.decode("latin-1").split("\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    code = int(status) if status.isdecimal() and len(status) < 6 and status.isascii() else 200
    response = Response(code, headers, body, NOW)
    limit = response.rate_limit
    limiter = RateLimiter()
    limiter.take(0.0)
    limiter.record(1.0, limit, refused=code == 429)
    assert 0 <= limiter.take(2.0) <= 60_000
    if response.date is not None:
        assert response.date.utcoffset() is not None
    readers: tuple[tuple[Request, Reader[Any]], ...] = (
        (ASKED, read_page),
        (TOKEN, read_token),
        (VALIDATE, read_validation),
        (ASKED, read_found),
    )
    for request, read in readers:
        with sentences(), suppress(TwitchError):
            read(request, response)


def _tokens() -> list[bytes]:
    return [
        _body(access_token=SECRET, expires_in=5184000, token_type="bearer"),
        _body(access_token=SECRET, token_type="bearer"),
        _body(client_id=SECRET, scopes=[], expires_in=5520838),
    ]


def token(body: bytes) -> None:
    """The token is one that a header can carry, and its expiry an instant."""
    try:
        found = read_token(TOKEN, _response(body))
    except TwitchResponseError:
        read_validation(VALIDATE, _response(body))
        return
    found.value.encode("ascii")
    assert found.value == json.loads(body)["access_token"]
    assert SECRET not in repr(found)


def packed(data: bytes) -> None:
    """What is unpacked is what was packed, and never more than an answer may have."""
    assert is_gzip({"content-encoding": "GZIP"})
    try:
        plain = unpacked(data)
    except (ValueError, zlib.error):
        return  # The transports return a Failure for these.
    assert len(plain) <= MOST_BYTES
    assert plain == (gzip.decompress(data) if data else b"")


def _head_and_body(random: Random, data: bytes) -> bytes:
    head, _, body = data.partition(b"\n\n")
    match random.randrange(3):
        case 0:
            return of_bytes(random, data)
        case 1:
            return json_lines(random, head) + b"\n\n" + body
        case _:
            return head + b"\n\n" + json_document(random, body)


def _bytes(random: Random, data: bytes) -> bytes:
    return of_bytes(random, data)


def _gzips() -> list[bytes]:
    whole = gzip.compress(_pages()[0], mtime=0)
    return [whole, whole + whole, b""]


TARGETS: tuple[Target, ...] = (
    Target("page", page, _pages),
    Target("light_page", light_page, _pages),
    Target("answer", answer, _answers, _head_and_body),
    Target("token", token, _tokens),
    Target("packed", packed, _gzips, _bytes),
)
