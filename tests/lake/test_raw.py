# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.raw import RawPage, dump_pages, load_pages


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
