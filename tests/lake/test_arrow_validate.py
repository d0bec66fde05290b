# SPDX-License-Identifier: Apache-2.0
"""The fast path against the slow one: whatever the pages, both give the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from twitch_provider.exceptions import TwitchDataError, TwitchParameterError
from twitch_provider.lake import arrow_validate
from twitch_provider.lake.arrow_validate import validate
from twitch_provider.lake.clean import validate_streams
from twitch_provider.lake.formats import Format
from twitch_provider.lake.raw_pages import RawBody, RawPage
from twitch_provider.lake.schema import REJECTS, STREAMS, Schema

Make = Callable[..., Any]
Account = tuple[bytes, bytes, int, dict[str, int]]

AT = datetime(2026, 11, 23, 16, 35, 2, tzinfo=UTC)
RUN_AFTER = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


def pages_of(*bodies: bytes) -> list[RawBody]:
    """Pages that were answered a second apart."""
    instants = [AT + timedelta(seconds=n) for n in range(len(bodies))]
    return [RawBody("streams", (), at, at, body) for at, body in zip(instants, bodies, strict=True)]


def csv(table: pa.Table, schema: Schema) -> bytes:
    return Format().encode(table, schema)


def account(table: pa.Table, rejects: pa.Table, rows_in: int, filtered: Mapping[str, int]) -> Account:
    return csv(table, STREAMS), csv(rejects, REJECTS), rows_in, dict(filtered)


def by_arrow(pages: Sequence[RawBody]) -> Account:
    """What the fast path makes of it, in order of arrival."""
    parts = list(validate(pages, run_after=RUN_AFTER))
    table = pa.concat_tables([STREAMS.arrow.empty_table(), *(part.table for part in parts)])
    arrivals = [number for part in parts for number in part.arrivals]
    assert len(set(arrivals)) == len(arrivals) == len(table)
    rejects = pa.concat_tables([REJECTS.arrow.empty_table(), *(part.rejects for part in parts)])
    filtered = sum((Counter(part.filtered) for part in parts), Counter[str]())
    return account(table.take(np.argsort(arrivals)), rejects, sum(part.rows_in for part in parts), filtered)


def by_pandas(pages: Sequence[RawBody]) -> Account:
    opened = [RawPage(**vars(page), rows=json.loads(page.body)["data"], cursor=None) for page in pages]
    cleaned = validate_streams(opened, run_after=RUN_AFTER, ranks={}).to_table(STREAMS)
    return account(cleaned.table, cleaned.rejects, cleaned.rows_in, cleaned.filtered)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The rows that took the slow path, a list for each call of it."""
    calls: list[Any] = []
    slow = arrow_validate._slow

    def recorded(odd: Any, run_after: datetime) -> Any:
        calls.append([each.row for each in odd])
        return slow(odd, run_after)

    monkeypatch.setattr(arrow_validate, "_slow", recorded)
    return calls


def body(*rows: Any, **envelope: Any) -> bytes:
    return json.dumps({"data": rows, "pagination": {}} | envelope, ensure_ascii=False).encode()


GOOD = [
    {},
    {"title": "2 часа стрима 👩‍👩‍👧 ﷺ a\u2028b"},
    {
        "title": "e\u0301\r\n\ttab\x07 \x85 \x7f\x9f",
        "tags": ["e\u0301", "a\nb", ""],
        "user_name": "\u200fשלם",
    },
    {"title": "", "game_id": "", "game_name": None, "tags": None, "tag_ids": ["x"], "is_mature": None},
    {"title": "\x07", "language": "\x00"},
    {"started_at": ""},
    {"started_at": None},
    {"started_at": "2026-11-23T16:40:02.999999999Z"},
    {"started_at": "1900-01-01T00:00:00Z"},
    {"started_at": "2199-12-31T23:59:59Z", "type": ""},
    {"viewer_count": 2**63 - 1},
    {"viewer_count": 0, "type": "rerun"},
    {"type": None},
    {"surprise": {"x": [1.5, None, {"y": "\x00"}]}, "id": "00"},
]


@pytest.mark.parametrize("changed", [row for row in GOOD if "2199" not in str(row)], ids=str)
def test_good_rows_stay_on_the_fast_path(changed: dict[str, Any], stream: Make, opened: list[Any]) -> None:
    pages = pages_of(body(stream(**changed), stream(id="2")), body(stream(id="3")))
    assert by_arrow(pages) == by_pandas(pages)
    assert not opened


BAD_ROWS: list[Any] = [
    None,
    7,
    "x",
    [],
    {"viewer_count": -1},
    {"viewer_count": True},
    {"viewer_count": 12.0},
    {"viewer_count": "12"},
    {"viewer_count": 2**63},
    {"viewer_count": None},
    {"is_mature": 0},
    {"id": 5},
    {"id": ""},
    {"user_id": "\x00"},
    {"title": {"a": 1}},
    {"tags": ["a", None]},
    {"tags": ["a", 1]},
    {"tags": "English"},
    {"started_at": 5},
    {"started_at": "2026-02-30T16:00:00Z"},
    {"started_at": "2026-11-23T24:00:00Z"},
    {"started_at": "2026-11-23T16:34:60Z"},
    {"started_at": "2026-11-23 16:00:00Z"},
    {"started_at": "2026-11-23T16:00:00+02:00"},
    {"started_at": "2026-11-23T16:00:00Z\n2026-11-23T16:00:00Z"},
    {"started_at": "٢٠٢٦-11-23T16:00:00Z"},
    {"started_at": "2026-11-23T16:50:00Z"},
]


HALVES = [{"title": "a\ud83d"}, {"tags": ["\udc00b"]}]


@pytest.mark.parametrize("row", BAD_ROWS, ids=ascii)
def test_only_a_bad_row_takes_the_slow_path(row: Any, stream: Make, opened: list[Any]) -> None:
    bad = stream(**row) if isinstance(row, dict) else row
    odd = json.dumps({"data": [stream(id="6"), bad, stream(id="7")]}).encode()
    pages = pages_of(*(body(stream(id=str(n))) for n in range(5)), odd, body(stream(id="8")))
    assert by_arrow(pages) == by_pandas(pages)
    assert opened == [[bad]]


@pytest.mark.parametrize("half", ["a\ud83d", "\udc00\ud83d", "\\\ud83d\ude00\ud83d"], ids=ascii)
def test_half_a_surrogate_pair_is_no_reason_for_it(half: str, stream: Make, opened: list[Any]) -> None:
    row = json.dumps(stream(title=half, tags=[half], surprise=half))
    pages = pages_of(f'{{"data": [{row}, {row}]}}'.encode(), body(stream(id="2")))
    assert by_arrow(pages) == by_pandas(pages)
    assert not opened


def test_a_refused_row_keeps_its_half_pair(stream: Make, opened: list[Any]) -> None:
    """Rows that differ in that only: each is found where it stands."""
    halves = ["\ud83d", "\udc00", "\ud83d\ud83d\ude00"] * 2
    text = json.dumps({"data": [stream(title=half, viewer_count=-1) for half in halves] + [stream()]})
    pages = pages_of(text.encode())
    assert by_arrow(pages) == by_pandas(pages)
    assert opened == [json.loads(text)["data"][:-1]]


def test_bad_rows_of_all_pages_take_the_slow_path_together(
    stream: Make, opened: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow_validate, "_BATCH", 1)
    good, bad = [stream(id=str(n)) for n in range(9)], stream(viewer_count="1")
    pages = pages_of(body(*good[:3], bad), body(bad), body(), body(bad, *good[3:], bad))
    assert by_arrow(pages) == by_pandas(pages)
    assert opened == [[bad] * 4]


def test_no_more_bad_rows_are_held_than_some_thousand(
    stream: Make, opened: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow_validate, "_BATCH", 1)
    monkeypatch.setattr(arrow_validate, "_MOST_ODD", 3)
    pages = pages_of(*[body(stream(id=1), stream(), stream(id="2", viewer_count=-1))] * 5)
    assert by_arrow(pages) == by_pandas(pages)
    assert [len(rows) for rows in opened] == [4, 4, 2]


def test_a_page_without_rows(opened: list[Any], stream: Make) -> None:
    pages = pages_of(body(), body(stream()), body())
    assert by_arrow(pages) == by_pandas(pages)
    assert by_arrow(pages_of(body())) == by_pandas(pages_of(body()))
    assert not opened


def test_absent_fields_are_missing(stream: Make, opened: list[Any]) -> None:
    row = stream()
    del row["tags"], row["tag_ids"], row["is_mature"], row["started_at"], row["game_id"]
    pages = pages_of(body(row))
    assert by_arrow(pages) == by_pandas(pages)
    assert not opened


def test_bodies_of_several_lines(stream: Make, opened: list[Any]) -> None:
    pretty = b"\r\n " + json.dumps({"data": [stream(), stream(id="2")]}, indent=2).encode() + b"\n\t"
    pages = pages_of(pretty, body(stream(id="3")), pretty)
    assert by_arrow(pages) == by_pandas(pages)
    assert not opened


@pytest.mark.parametrize("text", [r'"title": "a", "title": "b"', r'"\u0069d": "9"'])
def test_a_field_that_comes_twice(text: str, stream: Make) -> None:
    row = json.dumps(stream()).rstrip("}") + f", {text}}}"
    pages = pages_of(f'{{"data": [{row}]}}'.encode(), body(stream(id="2")))
    assert by_arrow(pages) == by_pandas(pages)


def test_an_envelope_that_names_its_rows_twice(stream: Make) -> None:
    row = json.dumps(stream())
    pages = pages_of(f'{{"data": [{row}], "data": [{row}, {row}]}}'.encode())
    assert by_arrow(pages) == by_pandas(pages)
    assert by_arrow(pages)[2] == 2


def test_escaped_text(stream: Make, opened: list[Any]) -> None:
    pages = pages_of(json.dumps({"data": [stream(title="é 👩‍👩‍👧 \x00 \n")]}, ensure_ascii=True).encode())
    assert by_arrow(pages) == by_pandas(pages)
    assert not opened


def test_a_body_bigger_than_any_batch(stream: Make, opened: list[Any]) -> None:
    pages = pages_of(body(stream(id="1")), body(stream(title="x" * 10_000_000)), body(stream(id="3")))
    assert by_arrow(pages) == by_pandas(pages)
    assert not opened


NOT_PAGES = {
    "nothing": b"",
    "blank": b" \n",
    "HTML": b"<html></html>",
    "null": b"null",
    "a number": b"5",
    "an array": b"[]",
    "no data": b"{}",
    "data is null": b'{"data": null}',
    "data is an object": b'{"data": {}}',
    "half a body": b'{"data": [',
    "the other half": b"]}",
    "two documents": b'{"data": []}{"data": []}',
    "null between documents": b'{"data": []} null {"data": []}',
    "something after it": b'{"data": []} x',
    "a closing brace after NUL": b'{"data": []}\x00}',
    "two documents and NUL": b'{"data": []}{"data": []}\x00}',
    "not UTF-8": b'{"data": [], "x": "\xff"}',
    "not UTF-8 in a field": b'{"data": [{"title": "\xff"}]}',
    "UTF-16": '{"data": []}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"data": []}',
    "a control character": b'{"data": [{"title": "\n"}]}',
    "nested without end": b'{"data": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
}


@pytest.mark.parametrize("bad", NOT_PAGES.values(), ids=NOT_PAGES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_body_that_is_not_a_page_is_an_error(bad: bytes, place: int, stream: Make) -> None:
    bodies = [body(stream(id="1")), body(stream(id="2"))]
    bodies.insert(place, bad)
    with pytest.raises(TwitchDataError, match="streams: a body is not a page of Helix"):
        by_arrow(pages_of(*bodies))
    with pytest.raises(TwitchDataError):
        by_arrow(pages_of(bad))


@pytest.mark.parametrize("name", ["viewer_count", "surprise"])
def test_a_refused_row_that_python_cannot_decode_is_an_error(name: str, stream: Make) -> None:
    row = json.dumps(stream(viewer_count=-1)).replace("-1", f'-1, "{name}": {"1" * 5_000}')
    with pytest.raises(TwitchDataError, match="streams: a body is not a page of Helix"):
        by_arrow(pages_of(f'{{"data": [{row}]}}'.encode()))


def test_two_halves_of_a_page_are_an_error(stream: Make) -> None:
    whole = body(stream(), stream(id="2"))
    for cut in range(1, len(whole), 7):
        with pytest.raises(TwitchDataError):
            by_arrow(pages_of(whole[:cut], whole[cut:], b'{"data": []}{"data": []}'))


def test_an_answer_without_a_time_zone_is_refused(stream: Make) -> None:
    page = RawBody("streams", (), datetime(2026, 11, 23), AT, body(stream()))  # noqa: DTZ001
    with pytest.raises(TwitchParameterError, match="answered_at"):
        by_arrow([page])


def test_reads_no_further_ahead_than_some_batches(stream: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_validate, "_BATCH", 1)
    read = []

    def bodies() -> Any:
        for page in pages_of(*[body(stream())] * 50):
            read.append(page)
            yield page

    parts = validate(bodies(), run_after=RUN_AFTER)
    next(parts)
    assert len(read) <= 4
    assert sum(part.rows_in for part in parts) == 49


SCALARS = st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | st.text(max_size=5)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)
CHARACTERS = 'a\u0301é\x00\x07\n\x7f\x85\u2028\ufeff한\u1112\u1161\ud83d\ude00👩"\\'
TEXTS = st.text(st.sampled_from(CHARACTERS), max_size=6)
INSTANTS = st.builds(
    "{}-{:02}-{:02}{}{:02}:{:02}:{:02}{}".format,
    st.sampled_from([1899, 1900, 2024, 2026, 2199, 2200]), st.integers(0, 13), st.integers(0, 32),
    st.sampled_from("TTTt "), st.integers(0, 24), st.integers(0, 60), st.integers(0, 61),
    st.sampled_from(["Z", "Z", "z", "", ".5Z", ".1234567890Z", "+00:00", "Z\n"]),
)  # fmt: skip
FIELDS: dict[str, st.SearchStrategy[Any]] = {column.name: VALUES | TEXTS for column in STREAMS.sent} | {
    "started_at": VALUES | INSTANTS,
    "tags": VALUES | st.lists(TEXTS, max_size=3),
    "type": st.sampled_from(["live", "", "rerun", None, "live\x00"]),
    "surprise": VALUES,
}
ROWS = st.fixed_dictionaries({}, optional=FIELDS) | VALUES
CLEAN_ROWS = st.fixed_dictionaries({}, optional={"title": TEXTS, "tags": st.lists(TEXTS, max_size=3)})


Changes = tuple[list[Any], Any, bool, int | None]
#: The rows of a page as changes of a good one, its pagination, whether text is escaped, and its indent.
PAGES: st.SearchStrategy[Changes] = st.tuples(
    st.lists(CLEAN_ROWS, max_size=3) | st.lists(ROWS, max_size=3),
    VALUES,
    st.booleans(),
    st.sampled_from([None, None, 1]),
)


# Each example goes through pandas, for the slow path's own answer.
@settings(max_examples=40)
@given(st.lists(PAGES, max_size=4), st.sampled_from([1, 1_500, 10**6]))
@example([([row], None, False, None) for row in [*GOOD, *BAD_ROWS, *HALVES]], 10**6)
def test_both_paths_give_the_same(stream: Make, drawn: list[Changes], batch: int) -> None:
    bodies = []
    for rows, pagination, escaped, indent in drawn:
        changed = [stream() | row if isinstance(row, dict) else row for row in rows]
        text = json.dumps({"data": changed, "pagination": pagination}, ensure_ascii=escaped, indent=indent)
        # Half a surrogate pair can only be escaped.
        bodies.append(text.encode(errors="backslashreplace"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrow_validate, "_BATCH", batch)
        pages = pages_of(*bodies)
        assert by_arrow(pages) == by_pandas(pages)
