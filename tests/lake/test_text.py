# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twitch_provider.lake.text import clean_text, filled, json_line, one_line
from twitch_provider.storable import storable_text


def cleaned(text: str) -> str:
    result: str = clean_text(pa.array([text]))[0].as_py()
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first\nsecond", "first second"),
        ("tab\t\ttab\r\nnext\u0085line", "tab tab next line"),
        ("a\u2028b\u2029\u2028c", "a b c"),
        ("a\x0bb\x0cc\x1cd\x1d\x1ee", "a b c d e"),
        ("a\n\x00\nb\x1fc", "a bc"),
        ("be\x07ll\x00\x7f\x9f", "bell"),
        ("e\u0301", "é"),
        ("e\x00\u0301", "é"),
        ("  two  spaces  ", "  two  spaces  "),
        ("Tom &amp; Jerry &lt;3", "Tom &amp; Jerry &lt;3"),
        ("=1+1", "=1+1"),
    ],
)
def test_normalises_text(text: str, expected: str) -> None:
    assert cleaned(text) == expected


@pytest.mark.parametrize("text", ["👩‍👩‍👧", "می‌خواهم", "\u200fשלם", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "ﷺ", "\ufeffx"])
def test_keeps_joiners_and_marks(text: str) -> None:
    assert cleaned(text) == text


#: Every character at which Python ends a line.
BREAKS = "".join(each for each in map(chr, range(0x110000)) if len(f"a{each}b".splitlines()) > 1)
ANY_TEXT = st.text(st.characters() | st.sampled_from(f"{BREAKS}\x00\ud83d\ude00"))


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(f"{BREAKS}\x00")))
def test_cleaning_text_leaves_one_storable_line_and_is_done_once(text: str) -> None:
    once = cleaned(text)
    assert not any(unicodedata.category(character) == "Cc" for character in once)
    assert len(f"{once}.".splitlines()) == 1
    assert storable_text(once) == once
    assert cleaned(once) == once


@given(ANY_TEXT)
def test_a_text_on_one_line(text: str) -> None:
    once = one_line(text)
    assert len(f"{once}.".splitlines()) == 1
    assert storable_text(once) == once


def test_line_breaks_become_one_space_and_what_cannot_be_stored_a_mark() -> None:
    assert one_line("a\r\n\tb\u2028\x1cc\x00\ud83dd\x07") == "a b c\ufffd\ufffdd\x07"


@given(ANY_TEXT)
def test_json_is_one_line_without_loss(text: str) -> None:
    line = json_line({text: [text]})
    assert len(line.splitlines()) == 1
    # Escapes that stand side by side make a pair, as they do in the JSON of Helix.
    assert json.loads(line) == json.loads(json.dumps({text: [text]}))


def test_json_escapes_half_a_pair_as_it_was() -> None:
    text = '{"title": "é \\ud83d 🎮"}'
    assert json_line(json.loads(text)) == text


def test_cleans_text_among_clean_and_missing_text() -> None:
    texts = ["plain", None, "e\u0301", "", "é", "a\nb", "e\u0301", None]
    expected = ["plain", None, "é", "", "é", "a b", "é", None]
    assert clean_text(pa.array(texts)).to_pylist() == expected
    assert clean_text(pa.array([None, *texts, "x"]).slice(1, len(texts))).to_pylist() == expected


@pytest.mark.parametrize("texts", [[], [None], ["plain", None], ["日本語", "é", None]])
def test_leaves_clean_text_alone(texts: list[str | None]) -> None:
    text = pa.array(texts, pa.string())
    assert clean_text(text) is text


def test_blank_text_is_missing() -> None:
    assert filled(pa.array(["", "a", None, " ", "\u2003", " a "])).to_pylist() == [
        None,
        "a",
        None,
        None,
        None,
        " a ",
    ]
    assert filled(pa.array([None, ""])).to_pylist() == [None, None]
