# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twitch_provider.lake.validate import as_json, clean_text, filled


def cleaned(text: str) -> str:
    result: str = clean_text(pa.array([text]))[0].as_py()
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first\nsecond", "first second"),
        ("tab\t\ttab\r\nnext\u0085line", "tab tab next line"),
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


@pytest.mark.parametrize("text", ["👩‍👩‍👧", "می‌خواهم", "\u200fשלם", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "ﷺ", "a\u2028b", "\ufeffx"])
def test_keeps_joiners_and_marks(text: str) -> None:
    assert cleaned(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_cleaning_text_leaves_no_control_character_and_is_done_once(text: str) -> None:
    once = cleaned(text)
    assert not any(unicodedata.category(character) == "Cc" for character in once)
    assert cleaned(once) == once


def test_row_as_json_escapes_half_a_pair_as_it_was() -> None:
    text = '{"title": "é \\ud83d 🎮"}'
    assert as_json(json.loads(text)) == text


def test_cleans_text_among_clean_and_missing_text() -> None:
    texts = ["plain", None, "e\u0301", "", "é", "a\nb", "e\u0301", None]
    expected = ["plain", None, "é", "", "é", "a b", "é", None]
    assert clean_text(pa.array(texts)).to_pylist() == expected
    assert clean_text(pa.array([None, *texts, "x"]).slice(1, len(texts))).to_pylist() == expected


@pytest.mark.parametrize("texts", [[], [None], ["plain", None], ["日本語", "é", None]])
def test_leaves_clean_text_alone(texts: list[str | None]) -> None:
    text = pa.array(texts, pa.string())
    assert clean_text(text) is text


def test_empty_text_is_missing() -> None:
    assert filled(pa.array(["", "a", None, " "])).to_pylist() == [None, "a", None, " "]
    assert filled(pa.array([None, ""])).to_pylist() == [None, None]
