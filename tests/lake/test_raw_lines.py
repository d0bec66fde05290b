# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.raw_lines import (
    RawBody,
    RawPage,
    Report,
    dump_body,
    dump_pages,
    dump_report,
    iter_bodies,
    iter_lines,
    load_pages,
)


@pytest.fixture
def pages(page: Callable[..., RawPage], stream: Callable[..., Any]) -> list[RawPage]:
    asked = (("game_id", "1"), ("game_id", "2"), ("first", "100"))
    return [
        page("streams", [stream(title="line one\nline two\u2028 three")], params=asked, cursor="abc"),
        page("streams", []),
    ]


def test_pages_come_back_as_they_were(pages: list[RawPage]) -> None:
    assert load_pages(dump_pages(pages)) == pages


def test_body_is_kept_to_the_byte(pages: list[RawPage]) -> None:
    odd = (
        b'{ "data" : [ ],\r\n "pagination":\t{}, "half": "\\ud83d", "raw": "\xe2\x80\xa8\xf0\x9f\x8e\xae" }\n'
    )
    (back,) = load_pages(dump_pages([replace(pages[0], body=odd)]))
    assert back.body == odd


def test_a_line_is_a_page_for_other_programs(pages: list[RawPage]) -> None:
    first = json.loads(gzip.decompress(dump_pages(pages)).split(b"\n")[0])
    assert first["endpoint"] == "streams"
    assert first["params"] == [["game_id", "1"], ["game_id", "2"], ["first", "100"]]
    assert first["answered_at"] == "2026-11-23T16:35:02+00:00"
    assert json.loads(first["body"])["pagination"] == {"cursor": "abc"}


def test_same_pages_give_same_bytes(pages: list[RawPage], monkeypatch: pytest.MonkeyPatch) -> None:
    before = dump_pages(pages)
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert dump_pages(pages) == before


def test_refuses_to_keep_what_is_no_text(pages: list[RawPage]) -> None:
    with pytest.raises(TwitchDataError, match="not UTF-8"):
        dump_pages([replace(pages[0], body=b"\xff")])


def test_damaged_object_says_what_to_do(pages: list[RawPage]) -> None:
    whole = dump_pages(pages)
    flipped = whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:]
    for damaged in (b"", b"no gzip", whole[:-1], whole[: len(whole) // 2], flipped, gzip.compress(b"\xff\n")):
        with pytest.raises(TwitchDataError, match=r"empty or damaged\. Delete it"):
            load_pages(damaged)


def _line(**values: object) -> str:
    sound = {
        "endpoint": "streams",
        "params": [],
        "answered_at": "2026-11-23T16:35:02Z",
        "body": '{"data":[]}',
    }
    return json.dumps(sound | values)


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        "no json",
        _line(body="<html>"),
        _line(body='{"data":null}'),
        _line(body="[]"),
        _line(body='{"data":[],"pagination":7}'),
        _line(body="[" * 100_000),
        _line(body=None),
        _line(answered_at="2026-11-23T16:35:02"),
        _line(answered_at="yesterday"),
        _line(answered_at=None),
        _line(params=[["one"]]),
    ],
)
def test_foreign_object_says_which_line(line: str) -> None:
    with pytest.raises(TwitchDataError, match=r"Line 2 of the raw object is not a page of Helix\. Delete it"):
        load_pages(gzip.compress(f"{_line()}\n{line}\n".encode()))


@pytest.mark.parametrize("end", ["", ',"pagination":{}', ',"pagination":null', ',"pagination":{"cursor":""}'])
def test_every_way_to_end_a_list_is_no_cursor(end: str) -> None:
    (page,) = load_pages(gzip.compress((_line(body=f'{{"data":[]{end}}}') + "\n").encode()))
    assert page.cursor is None


REPORT = {"complete": True, "requests": 7, "checkpoints": {"en": ["abc"]}, "languages": {"\ud83d": 1}}


def crawled(*lines: bytes) -> BytesIO:
    return BytesIO(gzip.compress(b"".join(lines)))


def test_pages_stay_closed_when_read_one_at_a_time(pages: list[RawPage]) -> None:
    bodies = list(iter_bodies(BytesIO(dump_pages(pages))))
    assert bodies == [RawBody(page.endpoint, page.params, page.answered_at, page.body) for page in pages]


def test_the_report_comes_last_and_is_no_page(pages: list[RawPage]) -> None:
    file = crawled(*map(dump_body, pages), dump_report(REPORT))
    assert [line for line in iter_lines(file) if isinstance(line, Report)] == [Report(REPORT)]
    file.seek(0)
    assert len(list(iter_bodies(file))) == len(pages)


def test_nothing_comes_after_the_report(pages: list[RawPage]) -> None:
    file = crawled(dump_body(pages[0]), dump_report(REPORT), dump_body(pages[1]))
    with pytest.raises(TwitchDataError, match=r"Line 3 of the raw object comes after the report\. Delete it"):
        list(iter_bodies(file))


def test_a_body_that_is_no_json_is_still_a_body() -> None:
    """Whoever makes columns of it says what is wrong with it, and with which row."""
    (page,) = iter_bodies(crawled(_line(body="<html>").encode(), b"\n"))
    assert page.body == b"<html>"


def test_damage_is_found_wherever_it_is(pages: list[RawPage]) -> None:
    whole = dump_pages(pages)
    flipped = whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:]
    damaged = [b"", b"no gzip", flipped, whole + b"more", gzip.compress(b""), gzip.compress(b"{}")]
    for data in (*damaged, *(whole[:length] for length in range(1, len(whole)))):
        with pytest.raises(TwitchDataError, match=r"empty or damaged\. Delete it"):
            list(iter_bodies(BytesIO(data)))


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        "5",
        "no json",
        '{"report": 5}',
        '{"report": null}',
        _line(body=None),
        _line(body="\ud83d"),
        _line(answered_at="2026-11-23T16:35:02"),
        _line(answered_at=None),
        _line(params=[["one"]]),
        "[" * 100_000,
    ],
)
def test_a_line_of_somebody_else_says_which_it_is(line: str) -> None:
    bodies = iter_bodies(crawled(f"{_line()}\n{line}\n".encode()))
    assert next(bodies).endpoint == "streams"
    with pytest.raises(TwitchDataError, match=r"Line 2 of the raw object is not a page of Helix\. Delete it"):
        next(bodies)
