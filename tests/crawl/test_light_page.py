# SPDX-License-Identifier: Apache-2.0
"""A light page says of any body what decoding all of it says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twitch_provider.crawl import light_page
from twitch_provider.crawl.light_page import read_light_page
from twitch_provider.exceptions import (
    TwitchError,
    TwitchRateLimitError,
    TwitchResponseError,
    TwitchServerError,
)
from twitch_provider.helix.answers import read_page
from twitch_provider.helix.messages import Reply, Request

REQUEST = Request("GET", "https://api.twitch.tv/helix/streams", (("language", "en"),), endpoint="streams")


def row(user: Any = "1", viewers: Any = 5, language: Any = "en") -> dict[str, Any]:
    return {"user_id": user, "viewer_count": viewers, "language": language}


def fast(reply: Reply) -> Any:
    page = read_light_page(REQUEST, reply)
    return page.cursor, page.count, page.users, page.languages, page.top, page.bottom


def whole(reply: Reply) -> Any:
    """The same from the dictionaries of the whole body."""
    envelope = read_page(REQUEST, reply)
    rows = [each if isinstance(each, dict) else {} for each in envelope.rows]
    named = [each for each in rows if isinstance(each.get("user_id"), str)]
    viewers = [each.get("viewer_count") for each in rows] or [None]
    ends = [count if type(count) is int else None for count in (viewers[0], viewers[-1])]
    languages = [each.get("language") for each in named]
    return (
        envelope.cursor,
        len(rows),
        tuple(each["user_id"] for each in named),
        tuple(each if isinstance(each, str) else "" for each in languages),
        *ends,
    )


def outcome(read: Any, reply: Reply) -> Any:
    try:
        return read(reply)
    except TwitchError as error:
        return type(error), str(error)


def test_has_what_a_crawl_needs_and_the_body_untouched(answers: Any) -> None:
    body = json.dumps({"data": [row("1", 9), row("2", 7, "de")], "pagination": {"cursor": "c"}}).encode()
    page = read_light_page(REQUEST, answers.ok(body))
    assert fast(answers.ok(body)) == ("c", 2, ("1", "2"), ("en", "de"), 9, 7)
    assert page.body is body
    assert (page.endpoint, page.params) == ("streams", REQUEST.params)
    assert (page.date, page.answered_at, page.received_at) == (None, answers.received, answers.received)
    assert page.loopback is False


def test_its_repr_has_no_row(answers: Any) -> None:
    shown = repr(read_light_page(REQUEST, answers.ok({"data": [row("4711")], "pagination": {}})))
    assert "4711" not in shown


def test_a_usual_page_is_not_decoded_as_a_whole(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(light_page, "read_page", None)
    good = {"data": [{**row(), "title": "ünï 🎮", "tags": None}], "pagination": {"cursor": "c"}, "total": 3}
    assert fast(answers.ok(good))[0] == "c"


ODD_ROWS: dict[str, Any] = {
    "a row is not an object": [row("1"), 7, row("2")],
    "a row is null": [None],
    "a row is a list": [row("1"), ["user_id", "2"]],
    "no row is an object": ["a", 1.5, False],
    "user_id is a number": [row(7), row("2")],
    "user_id is null": [row(None), row("2")],
    "user_id is an object": [row({"id": "1"})],
    "user_id is empty": [row("")],
    "user_id is missing": [{"viewer_count": 3}, row("2")],
    "user_id comes twice": [row("1"), row("1", 4)],
    "viewer_count is text": [row("1", "12"), row("2", "11")],
    "viewer_count is true": [row("1", True)],
    "viewer_count is a fraction": [row("1", 1.5)],
    "viewer_count is null": [row("1", None)],
    "viewer_count is negative": [row("1", -1)],
    "viewer_count has 30 digits": [row("1", 10**30)],
    "language is null": [row("1", 5, None)],
    "language is a number": [row("1", 5, 7)],
    "language is empty": [row("1", 5, "")],
    "half a surrogate pair in the title": [{**row("1"), "title": "\ud83d"}],
    "half a surrogate pair in the user_id": [row("\ud83d"), row("2")],
}


@pytest.mark.parametrize("rows", ODD_ROWS.values(), ids=ODD_ROWS.keys())
def test_an_unusual_row_counts_as_a_row(answers: Any, rows: list[Any]) -> None:
    reply = answers.ok({"data": rows, "pagination": {"cursor": "c"}})
    assert fast(reply) == whole(reply)
    assert fast(reply)[:2] == ("c", len(rows))


ODD_BODIES: dict[str, bytes] = {
    "pretty-printed": json.dumps({"data": [row()], "pagination": {"cursor": "c"}}, indent=2).encode(),
    "keys the other way round": b'{"pagination":{"cursor":"c"},"data":[{"language":"de","user_id":"1"}]}',
    "a key twice": b'{"data":[{"user_id":"1","user_id":"2"}],"data":[{"user_id":"3"}]}',
    "escapes": b'{"data":[{"user_id":"\\u0031","language":"e\\u006e"}]}',
    "not UTF-8": b'{"data":[{"user_id":"1","title":"\xff"}]}',
    "UTF-16": json.dumps({"data": []}).encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"data":[]}',
    "nothing": b"",
    "half": b'{"data":[{"user_id":"1"},{"us',
    "something behind it": b'{"data":[]} {"data":[]}',
    "a control character": b'{"data":[{"user_id":"1","title":"a\x01b"}]}',
    "NaN": b'{"data":[{"user_id":"1","viewer_count":NaN}]}',
    "more than a float": b'{"data":[{"user_id":"1","viewer_count":1e999}]}',
    "nested without end": b'{"data":[{"user_id":"1","tags":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
    "a user_id nested without end": b'{"data":[{"user_id":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
    "a list": b'[{"user_id":"1"}]',
    "null": b"null",
    "data null": b'{"data":null,"pagination":{}}',
    "data absent": b'{"pagination":{"cursor":"c"}}',
    "data an object": b'{"data":{"user_id":"1"}}',
    "data a text": b'{"data":"none"}',
    "an error beside no data": b'{"error":"Too Many Requests","status":429,"message":"slow down"}',
    "an error beside null data": b'{"data":null,"status":503}',
    "an error beside an empty list": b'{"data":[],"status":500,"message":"oops"}',
    "an error beside an empty list with a cursor": b'{"data":[],"status":500,"pagination":{"cursor":"c"}}',
    "an error as text beside rows": json.dumps({"data": [row()], "error": "x"}).encode(),
    "errors beside rows": json.dumps({"data": [row()], "errors": ["x"]}).encode(),
    "a message beside rows": json.dumps({"data": [row()], "message": "x"}).encode(),
    "a status as text beside rows": json.dumps({"data": [row()], "status": "500", "message": ""}).encode(),
    "a status beside rows": b'{"data":[{"user_id":"1"}],"status":500}',
    "HTML": b"<html><body>hello</body></html>",
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_an_unusual_body_is_read_as_by_every_reader(answers: Any, body: bytes) -> None:
    assert outcome(fast, answers.ok(body)) == outcome(whole, answers.ok(body))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("not UTF-8", TwitchResponseError),
        ("half", TwitchResponseError),
        ("nested without end", TwitchResponseError),
        ("data null", TwitchResponseError),
        ("data absent", TwitchResponseError),
        ("an error beside no data", TwitchRateLimitError),
        ("an error beside an empty list", TwitchServerError),
        ("an error as text beside rows", TwitchResponseError),
        ("a status as text beside rows", TwitchServerError),
        ("an error beside an empty list with a cursor", TwitchServerError),
    ],
)
def test_a_body_that_is_not_a_page_is_an_error_and_not_the_end(
    answers: Any, name: str, error: type[TwitchError]
) -> None:
    with pytest.raises(error):
        fast(answers.ok(ODD_BODIES[name]))


PAGINATIONS: list[Any] = [
    {},
    None,
    "",
    [],
    0,
    False,
    "c",
    7,
    [1],
    {"cursor": ""},
    {"cursor": None},
    {"cursor": 0},
]
PAGINATIONS += [{"cursor": "c"}, {"cursor": False}, {"cursor": []}, {"cursor": {}}, {"other": "c"}, ...]


@pytest.mark.parametrize("rows", [[], [row()]], ids=["no rows", "rows"])
@pytest.mark.parametrize("pagination", PAGINATIONS, ids=str)
def test_the_cursor_is_found_as_by_every_reader(answers: Any, pagination: Any, rows: list[Any]) -> None:
    reply = answers.ok({"data": rows} | ({} if pagination is ... else {"pagination": pagination}))
    assert outcome(fast, reply) == outcome(whole, reply)


@pytest.mark.parametrize("cursor", [0, False, [], {}, 7])
def test_a_cursor_that_is_not_text_is_an_error_and_not_the_end(answers: Any, cursor: Any) -> None:
    with pytest.raises(TwitchResponseError, match="the cursor must be text"):
        fast(answers.ok({"data": [row()], "pagination": {"cursor": cursor}}))


def test_errors_are_those_of_every_reader(answers: Any) -> None:
    for reply in (answers.error(429), answers.failure("it broke"), answers.ok({}, 302)):
        assert outcome(fast, reply) == outcome(whole, reply)


scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
)
values = st.recursive(
    scalars, lambda of: st.lists(of, max_size=2) | st.dictionaries(st.text(), of, max_size=2)
)
rows_of_any_kind = st.lists(
    values
    | st.fixed_dictionaries({}, optional={"user_id": values, "language": values, "viewer_count": values})
    | st.builds(row, st.text(min_size=1), st.integers(0, 100_000)),
    max_size=4,
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "data": rows_of_any_kind | values,
        "pagination": st.fixed_dictionaries({"cursor": values | st.text()}) | values,
        "status": st.integers(399, 600) | values,
        "total": values,
    },
)


@given(body=bodies, compact=st.booleans(), ascii_only=st.booleans())
@settings(derandomize=True, deadline=None, max_examples=300, database=None)
def test_any_body_is_read_as_by_every_reader(
    answers: Any, body: Any, compact: bool, ascii_only: bool
) -> None:
    text = json.dumps(body, indent=None if compact else 1, ensure_ascii=ascii_only)
    reply = answers.ok(text.encode(errors="surrogatepass"))
    assert outcome(fast, reply) == outcome(whole, reply)
