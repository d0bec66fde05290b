# SPDX-License-Identifier: Apache-2.0
"""What Airflow stores for us: nothing that PostgreSQL's JSONB refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twitch_provider.storable import MAX_LEVELS, storable, storable_text


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
        ("\0\0", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"),
        ("\0 \N{PIG FACE}", "\N{REPLACEMENT CHARACTER} \N{PIG FACE}"),
        (json.loads(r'"\ud83d half of a pair"'), "\N{REPLACEMENT CHARACTER} half of a pair"),
        (json.loads(r'"the other \udc37 half"'), "the other \N{REPLACEMENT CHARACTER} half"),
    ],
)
def test_replaces_what_jsonb_refuses(text: str, stored: str) -> None:
    assert storable_text(text) == stored
    assert stored.encode()


@pytest.mark.parametrize("text", ["", "plain\x01\x7f\n", "\N{PIG FACE} \u2028\ufffe\U0010ffff"])
def test_keeps_what_it_holds(text: str) -> None:
    assert storable_text(text) is text


def test_goes_into_nested_values_and_their_keys() -> None:
    answer = json.loads(r'{"\u0000": [{"tags": ["\ud800", "fine"]}], "n": 1, "x": 1.5, "no": null}')
    replaced = "\N{REPLACEMENT CHARACTER}"
    assert storable(answer) == {
        replaced: [{"tags": [replaced, "fine"]}],
        "n": 1,
        "x": 1.5,
        "no": None,
    }


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "9223372036854775808", "-9223372036854775809"])
def test_a_number_that_cannot_be_passed_on_becomes_null(number: str) -> None:
    value: Any = json.loads(f'{{"viewer_count": {number}}}')
    assert json.dumps(storable(value), allow_nan=False) == '{"viewer_count": null}'


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 1.7e308, True])
def test_keeps_numbers_that_can_be_passed_on(number: float) -> None:
    assert storable([number]) == [number]


def test_what_is_nested_too_deeply_becomes_null() -> None:
    def depth(value: Any) -> int:
        return 1 + depth(value[0]) if value else 0

    assert depth(storable(json.loads("[" * 500 + "]" * 500))) == MAX_LEVELS
