# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.raw_lines import RawBody, RawObject, RawPage, RawWriter, iter_bodies, load_pages

REPORT = {"complete": True, "requests": 7, "checkpoints": {"en": ["abc"]}, "languages": {"\ud83d": 1}}


@pytest.fixture
def pages(page: Callable[..., RawPage], stream: Callable[..., Any]) -> list[RawPage]:
    asked = (("game_id", "1"), ("game_id", "2"), ("first", "100"))
    return [
        page("streams", [stream(title="line one\nline two\u2028 three")], params=asked, cursor="abc"),
        page("streams", []),
    ]


def lines(raw: RawObject) -> list[Any]:
    # Not splitlines(): JSON leaves U+2028 as it is.
    return [json.loads(line) for line in gzip.decompress(raw.body).split(b"\n")[:-1]]


def test_pages_come_back_as_they_were(pages: list[RawPage]) -> None:
    assert load_pages(RawObject.of(pages).body) == pages


def test_body_is_kept_to_the_byte(pages: list[RawPage]) -> None:
    odd = (
        b'{ "data" : [ ],\r\n "pagination":\t{}, "half": "\\ud83d", "raw": "\xe2\x80\xa8\xf0\x9f\x8e\xae" }\n'
    )
    (back,) = load_pages(RawObject.of([replace(pages[0], body=odd)]).body)
    assert back.body == odd


def test_a_line_is_a_page_for_other_programs(pages: list[RawPage]) -> None:
    first, _ = lines(RawObject.of(pages))
    assert first["endpoint"] == "streams"
    assert first["params"] == [["game_id", "1"], ["game_id", "2"], ["first", "100"]]
    assert first["answered_at"] == "2026-11-23T16:35:02+00:00"
    assert json.loads(first["body"])["pagination"] == {"cursor": "abc"}


def test_the_report_of_a_crawl_is_the_last_line(pages: list[RawPage]) -> None:
    raw = RawObject.of(pages, REPORT)
    assert lines(raw)[2:] == [{"report": REPORT}]
    assert RawObject.read(raw.body) == raw
    assert len(list(raw.bodies())) == 2
    assert RawObject.read(RawObject.of(pages, {}).body).report == {}


def test_same_pages_give_same_bytes(pages: list[RawPage], monkeypatch: pytest.MonkeyPatch) -> None:
    before = RawObject.of(pages)
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert RawObject.of(pages) == before
    assert RawObject.of(pages[::-1]) != before


def test_knows_its_pages_and_when_twitch_answered(pages: list[RawPage]) -> None:
    at = pages[0].answered_at
    moved = [replace(pages[0], answered_at=at + timedelta(seconds=n)) for n in (5, 1, 9)]
    raw = RawObject.of(moved)
    assert RawObject.read(raw.body) == raw
    assert (raw.pages, raw.report) == (3, None)
    assert (raw.first_answer_at, raw.last_answer_at) == (at + timedelta(seconds=1), at + timedelta(seconds=9))


def test_pages_are_not_decoded_when_read_one_at_a_time(pages: list[RawPage]) -> None:
    raw = RawObject.of(pages)
    bodies = [RawBody(page.endpoint, page.params, page.answered_at, page.body) for page in pages]
    assert list(raw.bodies()) == list(raw.bodies()) == bodies


def test_pages_are_compressed_as_they_come(pages: list[RawPage]) -> None:
    """30 MB of bodies pass, of which only one is in memory at a time."""
    writer = RawWriter()
    tracemalloc.start()
    for _ in range(30):
        writer.add(replace(pages[0], body=b'{"data":[]}' + b" " * 1_000_000))
    for body in writer.finish().bodies():
        assert len(body.body) > 1_000_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_refuses_to_keep_what_is_not_utf_8_and_keeps_the_rest(pages: list[RawPage]) -> None:
    writer = RawWriter()
    writer.add(pages[0])
    with pytest.raises(TwitchDataError, match="streams: the answer is not UTF-8"):
        writer.add(replace(pages[0], body=b"\xff"))
    assert writer.finish() == RawObject.of(pages[:1])


def test_there_is_no_raw_object_without_a_page() -> None:
    with pytest.raises(TwitchDataError, match="No page was read"):
        RawObject.of([], REPORT)
    with pytest.raises(TwitchDataError, match=r"holds no page\. Delete it"):
        RawObject.read(gzip.compress(b'{"report": {}}\n'))


@pytest.mark.parametrize("read", [load_pages, RawObject.read, lambda data: list(iter_bodies(data))])
def test_damage_is_found_wherever_it_is(pages: list[RawPage], read: Callable[[bytes], object]) -> None:
    whole = RawObject.of(pages).body
    flipped = whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:]
    damaged = [b"", b"no gzip", flipped, whole + b"more", gzip.compress(b""), gzip.compress(b"{}")]
    for data in (*damaged, *(whole[:length] for length in range(1, len(whole)))):
        with pytest.raises(TwitchDataError, match=r"empty or damaged\. Delete it"):
            read(data)


def test_nothing_comes_after_the_report(pages: list[RawPage]) -> None:
    text = gzip.decompress(RawObject.of(pages[:1], REPORT).body)
    with pytest.raises(TwitchDataError, match=r"Line 3 of the raw object comes after the report\. Delete it"):
        list(iter_bodies(gzip.compress(text * 2)))


def _line(**values: object) -> str:
    sound = {
        "endpoint": "streams",
        "params": [],
        "answered_at": "2026-11-23T16:35:02Z",
        "body": '{"data":[]}',
    }
    return json.dumps(sound | values)


NOT_LINES = [
    "{}",
    "[]",
    "5",
    "no json",
    "\xff",
    '{"report": 5}',
    '{"report": null}',
    _line(body=None),
    _line(body="\ud83d"),
    _line(answered_at="2026-11-23T16:35:02"),
    _line(answered_at="yesterday"),
    _line(answered_at=None),
    _line(params=[["one"]]),
    "[" * 100_000,
]
NOT_BODIES = [
    _line(body="<html>"),
    _line(body='{"data":null}'),
    _line(body="[]"),
    _line(body='{"data":[],"pagination":7}'),
    _line(body="[" * 100_000),
]


@pytest.mark.parametrize("line", NOT_LINES + NOT_BODIES)
def test_an_error_names_the_foreign_line(line: str) -> None:
    with pytest.raises(TwitchDataError, match=r"Line 2 of the raw object is not a page of Helix\. Delete it"):
        load_pages(gzip.compress(f"{_line()}\n{line}\n".encode("latin-1")))


@pytest.mark.parametrize("line", NOT_LINES)
def test_a_foreign_line_is_found_without_decoding_bodies(line: str) -> None:
    bodies = iter_bodies(gzip.compress(f"{_line()}\n{line}\n".encode("latin-1")))
    assert next(bodies).endpoint == "streams"
    with pytest.raises(TwitchDataError, match=r"Line 2 of the raw object is not a page of Helix\. Delete it"):
        next(bodies)


@pytest.mark.parametrize("line", NOT_BODIES)
def test_bodies_are_not_checked_before_they_are_decoded(line: str) -> None:
    (page,) = iter_bodies(gzip.compress(f"{line}\n".encode()))
    assert page.body.decode() == json.loads(line)["body"]


@pytest.mark.parametrize("end", ["", ',"pagination":{}', ',"pagination":null', ',"pagination":{"cursor":""}'])
def test_there_is_no_cursor_at_the_end_of_a_list(end: str) -> None:
    (page,) = load_pages(gzip.compress((_line(body=f'{{"data":[]{end}}}') + "\n").encode()))
    assert page.cursor is None
