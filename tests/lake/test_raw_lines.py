# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchDataError, TwitchOwnerError
from twitch_provider.lake.raw_header import Owner, RawHeader
from twitch_provider.lake.raw_lines import RawObject, RawWriter, iter_bodies, load_pages
from twitch_provider.lake.raw_pages import RawBody, RawPage

Make = Callable[..., Any]

REPORT = {"complete": True, "requests": 7, "checkpoints": {"en": ["abc"]}, "languages": {"\ud83d": 1}}


@pytest.fixture
def first(header: Make) -> RawHeader:
    """What the raw objects of these tests begin with."""
    made: RawHeader = header()
    return made


@pytest.fixture
def pages(page: Make, stream: Make) -> list[RawPage]:
    asked = (("game_id", "1"), ("game_id", "2"), ("first", "100"))
    return [
        page("streams", [stream(title="line one\nline two\u2028 three")], params=asked, cursor="abc"),
        page("streams", []),
    ]


def lines(raw: RawObject) -> list[Any]:
    # Not splitlines(): JSON leaves U+2028 as it is.
    return [json.loads(line) for line in gzip.decompress(raw.body).split(b"\n")[:-1]]


def test_pages_come_back_as_they_were(pages: list[RawPage], first: RawHeader) -> None:
    assert load_pages(RawObject.of(pages, first).body) == pages


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"owner": Owner("d", "r", "t", 3), "adhoc": True, "interval_seconds": None, "loopback": True},
        {"report": REPORT, "scope": {"asks": {"strategy": "languages"}, "writes": {}}, "points_left": None},
    ],
    ids=["plain", "mapped and ad hoc", "crawl"],
)
def test_the_header_is_the_first_line_and_comes_back(
    pages: list[RawPage], header: Make, values: dict[str, Any]
) -> None:
    raw = RawObject.of(pages, header(**values))
    assert lines(raw)[0] == raw.header.as_dict()
    assert lines(raw)[0]["raw"] == 2
    assert RawObject.read(raw.body) == raw
    assert len(list(raw.bodies())) == len(pages)


def test_what_a_newer_version_adds_to_the_header_is_ignored(first: RawHeader) -> None:
    assert RawHeader.from_dict(first.as_dict() | {"colour": "red"}) == first


@pytest.mark.parametrize(
    "change",
    [
        {"raw": 1},
        {"raw": 3},
        {"owner": {"dag_id": "d"}},
        {"owner": None},
        {"scope": {"asks": {}}},
        {"scope": {"asks": {}, "writes": []}},
        {"adhoc": 0},
        {"report": True},
    ],
    ids=str,
)
def test_a_header_of_another_format_is_refused(
    pages: list[RawPage], first: RawHeader, change: dict[str, Any]
) -> None:
    text = b"".join(
        json.dumps(line).encode() + b"\n"
        for line in [first.as_dict() | change, *lines(RawObject.of(pages, first))[1:]]
    )
    with pytest.raises(TwitchDataError, match="has no header of this version's, or is damaged"):
        RawObject.read(gzip.compress(text))


@pytest.mark.parametrize("begin", [1, 2])
def test_pages_without_their_header_are_refused(pages: list[RawPage], first: RawHeader, begin: int) -> None:
    """As the last version wrote them, and as somebody cut them."""
    text = gzip.decompress(RawObject.of(pages, first).body).split(b"\n", begin)[-1]
    with pytest.raises(TwitchDataError, match="has no header"):
        RawObject.read(gzip.compress(text))


@pytest.mark.parametrize(
    ("other", "named", "remedy"),
    [
        (Owner("d", "r2", "t"), "task t of run 'r2' of DAG d", "two runs of this DAG have the same second"),
        (Owner("copy", "r2", "t"), "of DAG copy", "give one of the DAGs another prefix or dataset"),
        (
            Owner("d", "r", "u"),
            "task u of run 'r'",
            "give each task, and each mapped one, a dataset of its own",
        ),
        (Owner("d", "r", "t", 1), "task t[1] of run 'r'", "give each task, and each mapped one, a dataset"),
    ],
    ids=["another run", "another DAG", "another task", "another map index"],
)
def test_another_owner_is_named_with_what_to_change(other: Owner, named: str, remedy: str) -> None:
    ours = Owner("d", "r", "t")
    ours.require(ours, "s3://lake/x")
    with pytest.raises(TwitchOwnerError) as refused:
        ours.require(other, "s3://lake/x")
    assert str(refused.value).startswith("s3://lake/x belongs to ")
    assert "not to task t of run 'r' of DAG d" in str(refused.value)
    assert named in str(refused.value)
    assert remedy in str(refused.value)
    assert refused.value.fatal


@pytest.mark.parametrize(
    ("report", "cut_short"),
    [(None, False), (REPORT, False), ({"complete": False}, True), ({}, True)],
    ids=str,
)
def test_a_crawl_that_does_not_say_that_it_is_complete_was_cut_short(
    header: Make, report: dict[str, Any] | None, cut_short: bool
) -> None:
    assert header(report=report).cut_short is cut_short


def test_body_is_kept_to_the_byte(pages: list[RawPage], first: RawHeader) -> None:
    odd = (
        b'{ "data" : [ ],\r\n "pagination":\t{}, "half": "\\ud83d", "raw": "\xe2\x80\xa8\xf0\x9f\x8e\xae" }\n'
    )
    (back,) = load_pages(RawObject.of([replace(pages[0], body=odd)], first).body)
    assert back.body == odd


def test_a_line_is_a_page_for_other_programs(page: Make, pages: list[RawPage], first: RawHeader) -> None:
    later = pages[0].answered_at + timedelta(seconds=1)
    _, line, _ = lines(RawObject.of([replace(pages[0], received_at=later), pages[1]], first))
    assert line["endpoint"] == "streams"
    assert line["params"] == [["game_id", "1"], ["game_id", "2"], ["first", "100"]]
    assert line["answered_at"] == "2026-11-23T16:35:02Z"
    assert line["received_at"] == "2026-11-23T16:35:03Z"
    assert json.loads(line["body"])["pagination"] == {"cursor": "abc"}


def test_a_page_is_one_line_for_a_program_that_splits_at_unicodes_line_breaks(
    page: Make, stream: Make, first: RawHeader
) -> None:
    title = "a\u2028b\u2029c\x85d"
    body = json.dumps({"data": [stream(title=title)]}, ensure_ascii=False).encode()
    written = replace(page("streams", []), body=body)
    raw = RawObject.of([written], first)
    assert len(gzip.decompress(raw.body).decode().splitlines()) == 2
    (read,) = load_pages(raw.body)
    assert (read.body, read.rows[0]["title"]) == (body, title)


def test_same_pages_give_same_bytes(
    pages: list[RawPage], first: RawHeader, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = RawObject.of(pages, first)
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert RawObject.of(pages, first) == before
    assert RawObject.of(pages[::-1], first) != before
    assert RawObject.of(pages, replace(first, try_id="89ef4567")) != before


def test_knows_its_pages_and_when_twitch_answered(pages: list[RawPage], first: RawHeader) -> None:
    at = pages[0].answered_at
    moved = [replace(pages[0], answered_at=at + timedelta(seconds=n)) for n in (5, 1, 9)]
    raw = RawObject.of(moved, first)
    assert RawObject.read(raw.body) == raw
    assert raw.pages == 3
    assert (raw.first_answer_at, raw.last_answer_at) == (at + timedelta(seconds=1), at + timedelta(seconds=9))


def _dated(page: RawPage, *seconds: float) -> list[RawPage]:
    """Pages whose ``Date`` differs by that from the receipt."""
    at = page.received_at
    return [replace(page, answered_at=at + timedelta(seconds=n)) for n in seconds]


def test_knows_where_date_and_receipt_differ_most(pages: list[RawPage], first: RawHeader) -> None:
    raw = RawObject.of(_dated(pages[0], 2, -400, 30), first)
    assert raw.clock_difference == timedelta(seconds=400)
    assert RawObject.read(raw.body).clock_difference == timedelta(seconds=400)
    raw.check_clocks()


def test_a_date_that_is_more_than_an_hour_off_is_not_believed(pages: list[RawPage], first: RawHeader) -> None:
    RawObject.of(_dated(pages[0], 3600), first).check_clocks()
    far = datetime.fromisoformat("2031-01-01T00:00:00Z")
    for wrong in (_dated(pages[0], 0, -3601), [replace(pages[0], answered_at=far)]):
        with pytest.raises(TwitchDataError) as refused:
            RawObject.of(wrong, first).check_clocks()
        assert not refused.value.fatal
        assert "arrived at 2026-11-23T16:35:02Z" in str(refused.value)
    assert "is dated 2031-01-01T00:00:00Z" in str(refused.value)


def test_a_simulator_on_this_machine_may_live_in_any_year(pages: list[RawPage], header: Make) -> None:
    RawObject.of(_dated(pages[0], -1e9), header(loopback=True)).check_clocks()


def test_pages_are_not_decoded_when_read_one_at_a_time(pages: list[RawPage], first: RawHeader) -> None:
    raw = RawObject.of(pages, first)
    bodies = [
        RawBody(page.endpoint, page.params, page.answered_at, page.received_at, page.body) for page in pages
    ]
    assert list(raw.bodies()) == list(raw.bodies()) == bodies


def test_pages_are_compressed_as_they_come(pages: list[RawPage], first: RawHeader) -> None:
    """30 MB of bodies pass, of which only one is in memory at a time."""
    writer = RawWriter()
    tracemalloc.start()
    for _ in range(30):
        writer.add(replace(pages[0], body=b'{"data":[]}' + b" " * 1_000_000))
    for body in writer.finish(first).bodies():
        assert len(body.body) > 1_000_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("hold", [0, 1, 10**6])
def test_pages_that_are_held_are_the_same_and_are_released_once(
    pages: list[RawPage], first: RawHeader, hold: int
) -> None:
    writer = RawWriter(hold=hold)
    for page in pages:
        writer.add(page)
    raw = writer.finish(first)
    assert raw == RawObject.of(pages, first)
    bodies = raw.bodies()
    before = next(bodies)
    assert (before.body is pages[0].body) is (hold == 10**6)
    assert [before, *bodies] == list(raw.bodies()) == list(RawObject.of(pages, first).bodies())


def test_refuses_to_keep_what_is_not_utf_8_and_keeps_the_rest(pages: list[RawPage], first: RawHeader) -> None:
    writer = RawWriter()
    writer.add(pages[0])
    with pytest.raises(TwitchDataError, match="streams: the answer is not UTF-8"):
        writer.add(replace(pages[0], body=b"\xff"))
    assert writer.pages == 1
    assert writer.finish(first) == RawObject.of(pages[:1], first)


def test_there_is_no_raw_object_without_a_page(first: RawHeader) -> None:
    with pytest.raises(TwitchDataError, match="holds no page"):
        RawObject.of([], first)
    with pytest.raises(TwitchDataError, match="holds no page"):
        RawObject.read(_zipped(first))


@pytest.mark.parametrize("read", [load_pages, RawObject.read, lambda data: list(iter_bodies(data))])
def test_damage_is_found_wherever_it_is(
    pages: list[RawPage], first: RawHeader, read: Callable[[bytes], object]
) -> None:
    whole = RawObject.of(pages, first).body
    flipped = whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:]
    damaged = [b"", b"no gzip", flipped, whole + b"more", gzip.compress(b""), gzip.compress(b"{}")]
    # The header is a gzip member of its own, after which the object may end: it then holds no page.
    header_alone = _header_alone(whole)
    cut = [whole[:length] for length in range(1, len(whole)) if length != header_alone]
    for data in (*damaged, *cut):
        with pytest.raises(TwitchDataError, match="damaged"):
            read(data)
    with pytest.raises(TwitchDataError, match="holds no page"):
        RawObject.read(whole[:header_alone])


def _header_alone(body: bytes) -> int:
    member = zlib.decompressobj(31)
    member.decompress(body)
    return len(body) - len(member.unused_data)


def _zipped(first: RawHeader, *lines: str) -> bytes:
    """A raw object with these lines."""
    text = "".join(f"{line}\n" for line in [json.dumps(first.as_dict()), *lines])
    return gzip.compress(text.encode("latin-1"))


def _line(**values: object) -> str:
    sound = {
        "endpoint": "streams",
        "params": [],
        "answered_at": "2026-11-23T16:35:02Z",
        "received_at": "2026-11-23T16:35:03Z",
        "body": '{"data":[]}',
    }
    return json.dumps(sound | values)


NOT_LINES = [
    "{}",
    "[]",
    "5",
    "no json",
    "\xff",
    _line(body=None),
    _line(body="\ud83d"),
    _line(answered_at="2026-11-23T16:35:02"),
    _line(answered_at="yesterday"),
    _line(answered_at=None),
    _line(received_at="2026-11-23T16:35:02"),
    _line(received_at=None),
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
def test_an_error_names_the_foreign_line(first: RawHeader, line: str) -> None:
    with pytest.raises(TwitchDataError, match="line 3 of the raw object is not a page of Helix"):
        load_pages(_zipped(first, _line(), line))


@pytest.mark.parametrize("line", NOT_LINES)
def test_a_foreign_line_is_found_without_decoding_bodies(first: RawHeader, line: str) -> None:
    bodies = iter_bodies(_zipped(first, _line(), line))
    assert next(bodies).endpoint == "streams"
    with pytest.raises(TwitchDataError, match="line 3 of the raw object is not a page of Helix"):
        next(bodies)


@pytest.mark.parametrize("line", NOT_BODIES)
def test_bodies_are_not_checked_before_they_are_decoded(first: RawHeader, line: str) -> None:
    (page,) = iter_bodies(_zipped(first, line))
    assert page.body.decode() == json.loads(line)["body"]


@pytest.mark.parametrize("end", ["", ',"pagination":{}', ',"pagination":null', ',"pagination":{"cursor":""}'])
def test_there_is_no_cursor_at_the_end_of_a_list(first: RawHeader, end: str) -> None:
    (page,) = load_pages(_zipped(first, _line(body=f'{{"data":[]{end}}}')))
    assert page.cursor is None


def test_a_line_that_is_longer_than_any_page_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twitch_provider.lake.raw_lines._MOST_LINE", 100_000)
    with pytest.raises(TwitchDataError, match="empty or damaged"):
        RawObject.read(gzip.compress(b" " * 10_000_000))
