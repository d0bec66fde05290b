# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import io
import json
from itertools import pairwise
from typing import Any

import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from twitch_provider.lake.csv import csv_bytes, flat_csv
from twitch_provider.lake.schema import REJECTS, STREAMS

SPECIAL = [
    "=1+1",
    "a,b",
    'say "hi"',
    "two\nlines",
    "cr\r\nlf",
    " padded ",
    "👩‍👩‍👧",
    "'",
    '"',
    ",",
    "NULL",
    "null",
    "0012",
    "é",
]


def streams(**columns: list[Any]) -> pa.Table:
    """Streams with these columns; the others are missing."""
    rows = max(len(values) for values in columns.values())
    arrays = [pa.array(columns.get(field.name, [None] * rows), field.type) for field in STREAMS.arrow]
    return pa.Table.from_arrays(arrays, schema=STREAMS.arrow)


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def test_writes_each_kind_as_the_contract_says() -> None:
    data = csv_bytes(
        streams(
            id=["0042", None],
            viewer_count=[7, None],
            started_at=["2026-11-23T14:35:02Z", None],
            tags=[["Español", 'say "hi"', ""], None],
            tag_ids=[[], None],
            is_mature=[True, None],
            game_rank=[1, None],
        ),
        STREAMS,
    )
    header, first, second, end = data.decode().split("\n")
    assert header.split(",") == STREAMS.names
    assert end == ""
    assert first == (
        '"0042",,,,,,,,7,"2026-11-23T14:35:02Z",,,"[]","[""Español"",""say \\""hi\\"""",""""]",true,,,1,'
    )
    assert second == "," * (len(STREAMS.names) - 1)


def test_ends_lines_with_newline_only() -> None:
    assert b"\r" not in csv_bytes(streams(id=["1"], title=["x"]), STREAMS)


def test_empty_table_is_a_header() -> None:
    data = csv_bytes(streams(id=[]), STREAMS)
    assert data.decode() == ",".join(STREAMS.names) + "\n"


def test_a_name_is_quoted_where_it_must_be() -> None:
    data = flat_csv(pa.table({"plain name": ["1"], **{name: ["2"] for name in SPECIAL}}))
    assert data.startswith(b'plain name,=1+1,"a,b","say ""hi""","two\nlines","cr\r\nlf", padded ,')
    assert read(data) == [{"plain name": "1", **dict.fromkeys(SPECIAL, "2")}]


def test_special_characters_survive() -> None:
    data = csv_bytes(streams(title=SPECIAL), STREAMS)
    assert [row["title"] for row in read(data)] == SPECIAL
    back = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    assert list(back["title"]) == SPECIAL


def test_part_of_a_table_keeps_its_lists() -> None:
    whole = streams(id=["1", "2", "3"], tags=[["a"], ["b", "c"], None])
    assert [row["tags"] for row in read(csv_bytes(whole.slice(1), STREAMS))] == ['["b","c"]', ""]


def test_a_table_in_several_chunks_is_the_same_file() -> None:
    whole = streams(title=["a", "b", "c"], tags=[["x"], None, ["y", "z"]])
    for cuts in ([0], [1], [0, 0, 2, 2], [3]):
        places = [0, *cuts, 3]
        pieces = [whole.slice(start, end - start) for start, end in pairwise(places)]
        # pyarrow 26 writes NUL bytes where the first chunk is empty.
        assert csv_bytes(pa.concat_tables(pieces), STREAMS) == csv_bytes(whole, STREAMS)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.lists(st.tuples(TEXT, st.none() | st.lists(st.text(st.characters(exclude_categories=["Cs"]))))))
def test_round_trip(rows: list[tuple[str, list[str] | None]]) -> None:
    titles, tags = [title for title, _ in rows], [tag for _, tag in rows]
    back = read(csv_bytes(streams(title=titles, tags=tags), STREAMS))
    assert [row["title"] for row in back] == titles
    assert [json.loads(row["tags"]) if row["tags"] else None for row in back] == tags


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20a",
    "'=1",
]


def test_text_that_begins_like_a_formula_gets_an_apostrophe_where_that_is_asked_for() -> None:
    texts = [*FORMULAS, "a=1", " =1", "\N{EM DASH}"]
    back = read(csv_bytes(streams(title=texts, tags=[["=1"]] * len(texts)), STREAMS, formulas=False))
    assert [row["title"] for row in back] == [*(f"'{each}" for each in FORMULAS), "a=1", " =1", "\N{EM DASH}"]
    assert {row["tags"] for row in back} == {'["=1"]'}


def test_numbers_and_missing_values_are_no_formulas() -> None:
    table = pa.table({"growth": [-0.5, None], "name": ["-a", None]})
    assert flat_csv(table, formulas=False) == b'growth,name\n-0.5,"\'-a"\n,\n'


@given(st.lists(st.text(st.sampled_from("'=+-@\t\r\na\uff1d"), min_size=1) | TEXT))
def test_the_documented_rule_restores_every_text(titles: list[str]) -> None:
    back = [row["title"] for row in read(csv_bytes(streams(title=titles), STREAMS, formulas=False))]
    assert [title.removeprefix("'") for title in back] == titles
    assert not any(title[0] in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20" for title in back)


def test_rejects_are_a_table_too() -> None:
    rejects = pa.table(
        {"reason": ["r"], "row": ['{"a":"b"}'], "snapshot_at": ["s"], "run_after": ["t"]},
        schema=REJECTS.arrow,
    )
    assert csv_bytes(rejects, REJECTS) == b'reason,row,snapshot_at,run_after\n"r","{""a"":""b""}","s","t"\n'
