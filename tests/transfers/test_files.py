# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import gzip
import io
import json
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchParameterError, TwitchResponseError
from twitch_provider.helix.endpoints import ENDPOINTS
from twitch_provider.helix.messages import Page
from twitch_provider.transfers.files import content_type, write

STREAMS = ENDPOINTS["streams"]


def page(*rows: Any) -> Page:
    return Page("streams", (), datetime(2026, 1, 1, tzinfo=UTC), b"", list(rows), list(rows), None)


def written(
    *pages: Page, file_format: str = "jsonl", compression: str | None = None, formulas: bool = True
) -> bytes:
    file = io.BytesIO()
    rows = write(
        pages,
        file,
        endpoint=STREAMS,
        file_format=file_format,
        compression=compression,
        formulas=formulas,
    )
    assert rows == sum(len(each.new_rows) for each in pages)
    return file.read()


def read_csv(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


AWKWARD = {
    "id": "1",
    "title": 'Größer, "schneller"\r\nweiter\u2028☕\x00',
    "half": "\ud83d",
    "count": 2**70,
    "share": 0.1,
    "flag": True,
    "none": None,
    "tags": ["a", "ä"],
    "nested": {"b": [1, None]},
}


def test_json_lines_hold_each_row_as_it_was() -> None:
    body = written(page(AWKWARD, {"id": "2"}), page(), page({"id": "3"}))
    assert [json.loads(line) for line in body.decode().split("\n")[:-1]] == [
        AWKWARD,
        {"id": "2"},
        {"id": "3"},
    ]
    assert "Größer".encode() in body


def test_csv_has_a_column_for_each_field_that_some_row_has() -> None:
    body = written(page({"id": "1", "a": "x"}), page({"id": "2", "b": "y"}), file_format="csv")
    assert body == b'id,a,b\n"1","x",\n"2",,"y"\n'


def test_csv_keeps_numbers_and_mixed_kinds() -> None:
    body = written(page({"id": "1", "n": 1, "x": 1.5}, {"id": "2", "n": None, "x": "a"}), file_format="csv")
    assert body == b'id,n,x\n"1",1,"1.5"\n"2",,"a"\n'


def test_csv_has_no_formulas_where_they_are_not_wanted() -> None:
    rows = page({"id": "1", "title": "=1+1", "n": -1}, {"id": "2", "title": "'a", "n": None})
    assert written(rows, file_format="csv", formulas=False) == b'id,title,n\n"1","\'=1+1",-1\n"2","\'\'a",\n'
    assert b'"=1+1"' in written(rows, file_format="csv")


def test_csv_is_flat() -> None:
    (row,) = read_csv(written(page(AWKWARD), file_format="csv"))
    assert row == {
        "id": "1",
        "title": 'Größer, "schneller" weiter ☕\ufffd',
        "half": "\ufffd",
        "count": str(2**70),
        "share": "0.1",
        "flag": "true",
        "none": "",
        "tags": '["a", "ä"]',
        "nested": '{"b": [1, null]}',
    }


def test_a_record_is_a_line_for_unicode_too() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "1", "title": "a\u2028b\r\nc\x1cd", "tags": ["e\x85f\u2029g"]},
        {"id": "2", "h\ni": "j"},
    ]
    for file_format, lines in [("jsonl", 2), ("csv", 3)]:
        assert len(written(page(*rows), file_format=file_format).decode().splitlines()) == lines
    first, second = read_csv(written(page(*rows), file_format="csv"))
    assert (first["title"], json.loads(first["tags"])) == ("a b c d", rows[0]["tags"])
    assert second["h i"] == "j"


def test_a_field_whose_name_cannot_be_stored_has_its_column() -> None:
    body = written(page({"id": "1", "a\ud83d": "x", "a\x00": "y"}), file_format="csv")
    assert body.decode() == 'id,a\ufffd,a\ufffd\n"1","x","y"\n'


def test_no_row_is_an_empty_file_of_json_lines() -> None:
    assert written(page()) == written() == b""


def test_no_row_is_a_header_of_csv() -> None:
    header = ",".join(STREAMS.fields).encode() + b"\n"
    assert written(page(), file_format="csv") == written(file_format="csv") == header
    assert b"user_id" in header


def test_rows_without_a_field_are_rows_of_csv() -> None:
    assert len(read_csv(written(page({}, {}), file_format="csv"))) == 2


@pytest.mark.parametrize("file_format", ["jsonl", "csv"])
def test_compressed_it_is_the_same_and_the_bytes_do_not_tell_when(
    file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = written(page(AWKWARD), file_format=file_format)
    first = written(page(AWKWARD), file_format=file_format, compression="gzip")
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    assert written(page(AWKWARD), file_format=file_format, compression="gzip") == first
    assert gzip.decompress(first) == plain


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_json_lines_hold_no_page_in_memory_that_is_written(compression: str | None) -> None:
    alive: list[weakref.ref[Page]] = []

    def pages() -> Iterator[Page]:
        for number in range(10):
            made = page({"id": str(number)})
            alive.append(weakref.ref(made))
            yield made
            del made
            assert sum(ref() is not None for ref in alive) <= 1

    into = io.BytesIO()
    assert write(pages(), into, endpoint=STREAMS, file_format="jsonl", compression=compression) == 10


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("file_format", ["jsonl", "csv"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(float("inf"), id="inf"),
        pytest.param(float("-inf"), id="-inf"),
        pytest.param(float("nan"), id="nan"),
        pytest.param([1, {"n": float("nan")}], id="nan in a list"),
        pytest.param(nested(100_000), id="nested"),
    ],
)
@pytest.mark.parametrize("others", [[], [0.5], ["text"]], ids=["alone", "numbers", "texts"])
def test_a_value_that_json_cannot_hold_is_an_error(file_format: str, value: Any, others: list[Any]) -> None:
    rows = [{"id": "1", "n": each} for each in (*others, value)]
    with pytest.raises(
        TwitchResponseError, match=r"^streams: a row has an infinite number, or is nested too"
    ):
        written(page(*rows), page({"id": "2"}), file_format=file_format)


@pytest.mark.parametrize("file_format", ["jsonl", "csv"])
def test_a_row_that_is_no_object_is_an_error(file_format: str) -> None:
    with pytest.raises(TwitchResponseError, match="a row must be an object, not list"):
        written(page([]), file_format=file_format)


def test_csv_quotes_a_field_whose_name_has_a_comma() -> None:
    body = written(page({"id": "1", "a,b": "x"}), file_format="csv")
    assert body == b'id,"a,b"\n"1","x"\n'


@pytest.mark.parametrize(
    ("file_format", "compression", "expected"),
    [
        ("jsonl", None, "application/x-ndjson"),
        ("csv", None, "text/csv; charset=utf-8"),
        ("jsonl", "gzip", "application/gzip"),
        ("csv", "gzip", "application/gzip"),
    ],
)
def test_content_type(file_format: str, compression: str | None, expected: str) -> None:
    assert content_type(file_format, compression) == expected


@pytest.mark.parametrize(
    ("file_format", "compression", "sentence"),
    [
        ("parquet", None, "file_format must be jsonl or csv, not 'parquet'"),
        (None, None, "file_format must be jsonl or csv, not None"),
        ("csv", "zip", "compression must be gzip or None, not 'zip'"),
        ("csv", True, "compression must be gzip or None, not True"),
    ],
)
def test_other_kinds_of_file_are_refused(file_format: Any, compression: Any, sentence: str) -> None:
    with pytest.raises(TwitchParameterError, match=sentence):
        content_type(file_format, compression)
