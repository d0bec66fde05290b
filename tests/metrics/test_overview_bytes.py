# SPDX-License-Identifier: Apache-2.0
"""The bytes of an overview: its schema, its size, and text that must stay text."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.metrics.month import EVIL, month_overview

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.metrics.overview.encode import encode
from twitch_provider.metrics.overview.schema import MAX_BYTES, json_schema


def decoded(body: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(body)
    Draft202012Validator(json_schema()).validate(document)
    return document


def test_a_month_of_two_scopes_fits_at_full_size() -> None:
    body = encode(month_overview())
    document = decoded(body)
    assert len(body) <= MAX_BYTES == 300_000
    assert len(gzip.compress(body, 6)) < 125_000
    assert document["limits"] == {"games": 100, "channels": 200, "title": 80}
    for scope in document["scopes"]:
        sizes = {
            name: len(scope[name]["rows"]) for name in ("games", "channels", "hours", "days", "heat_map")
        }
        assert sizes == {"games": 100, "channels": 200, "hours": 720, "days": 30, "heat_map": 168}


def test_the_schema_is_valid_and_forbids_what_it_does_not_name() -> None:
    Draft202012Validator.check_schema(json_schema())
    document = json.loads(encode(month_overview()))
    document["scopes"][0]["games"]["rows"][0].append(1)
    assert not Draft202012Validator(json_schema()).is_valid(document)


@pytest.mark.parametrize("scopes", [1, 3, 10])
def test_whatever_the_text_and_the_scopes_it_fits_and_says_what_is_left_out(scopes: int) -> None:
    document = month_overview(evil=True)
    document["scopes"] = (document["scopes"] * 5)[:scopes]
    for scope in document["scopes"]:
        place = scope["channels"]["columns"].index("title")
        scope["channels"]["rows"] = [
            [*row[:place], "👩" * 140, *row[place + 1 :]] for row in scope["channels"]["rows"]
        ]
    body = encode(document)
    made = decoded(body)
    assert len(body) <= MAX_BYTES
    assert len(made["scopes"][0]["games"]["rows"]) == made["limits"]["games"]
    left = scopes - len(made["scopes"])
    assert (left > 0) == (scopes == 10)
    assert bool(left) == any(
        f"{left} scopes with fewer viewers are left out" in note for note in made["notes"]
    )


def test_hostile_text_is_valid_utf8_that_may_stand_in_html_and_reads_as_it_was() -> None:
    document = month_overview()
    scope = document["scopes"][0]
    place = scope["games"]["columns"].index("game_name")
    for row, text in zip(scope["games"]["rows"], [*EVIL, "\ud83d", "nul\0"], strict=False):
        row[place] = text
    scope["asks"] = {"\udc00": "\udfff"}
    body = encode(document)
    assert not any(each in body.decode() for each in "<>&\u2028\u2029\0")
    assert b"\\ud8" not in body
    assert b"\\u0000" not in body
    made = decoded(body)["scopes"][0]
    read = [row[place] for row in made["games"]["rows"]]
    assert read[: len(EVIL)] == list(EVIL)
    assert read[len(EVIL) : len(EVIL) + 2] == ["\ufffd", "nul\ufffd"]
    assert made["asks"] == {"\ufffd": "\ufffd"}


def test_titles_are_cut_with_an_ellipsis() -> None:
    document = month_overview()
    place = document["scopes"][0]["channels"]["columns"].index("title")
    for number, length in enumerate((80, 81, 140)):
        document["scopes"][0]["channels"]["rows"][number][place] = "x" * length
    rows = decoded(encode(document))["scopes"][0]["channels"]["rows"]
    assert [rows[number][place] for number in range(3)] == ["x" * 80, *["x" * 79 + "…"] * 2]


def test_a_scope_that_does_not_fit_at_all_is_an_error() -> None:
    document = month_overview()
    document["scopes"][0]["asks"] = {"x": "y" * MAX_BYTES}
    with pytest.raises(TwitchDataError, match=r"An overview of one scope has more than 300,000 bytes\."):
        encode(document)
