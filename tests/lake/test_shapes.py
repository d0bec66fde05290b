# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from twitch_provider.lake.shapes import from_gzip, require_plain, require_shape, unzipped

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Counted:
    name: str
    counts: Mapping[str, int | None]


GOOD: list[tuple[Any, Any]] = [
    (5, int),
    (-(2**63), int),
    (2.5, float),
    (2, float),
    (True, bool),
    (None, int | None),
    (NOON, datetime),
    (["a"], list[str]),
    ((1, "a"), tuple[int, str]),
    ([], tuple[int, ...]),
    ({"a": {"b": [1]}}, Mapping[str, Any]),
    (Counted("a", {"b": 1, "c": None}), Counted),
]
BAD: list[tuple[Any, Any]] = [
    (True, int),
    (2**63, int),
    (2.5, int),
    ("5", int),
    (float("nan"), float),
    (float("inf"), float),
    (10**400, float),
    (1, bool),
    (None, str),
    (NOON.replace(tzinfo=None), datetime),
    (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23))), datetime),
    (["a", 1], list[str]),
    ("ab", list[str]),
    ((1,), tuple[int, str]),
    ([1, None], tuple[int, ...]),
    ({1: "a"}, Mapping[str, Any]),
    ({"a": "b"}, Mapping[str, int]),
    (Counted("a", {"b": "1"}), Counted),  # type: ignore[dict-item]
    ({"name": "a", "counts": {}}, Counted),
]


@pytest.mark.parametrize(("value", "kind"), GOOD, ids=str)
def test_accepts_a_value_of_its_type(value: Any, kind: Any) -> None:
    require_shape(value, kind)


@pytest.mark.parametrize(("value", "kind"), BAD, ids=lambda each: f"{each!s:.40}")
def test_refuses_every_other_value(value: Any, kind: Any) -> None:
    with pytest.raises(TypeError):
        require_shape(value, kind)


def test_refuses_a_name_that_would_break_a_line() -> None:
    require_plain("twitch_top_games", "ночь", "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}")
    with pytest.raises(ValueError, match="line break"):
        require_plain("twitch_top_games", "a\nb")


def test_a_document_that_is_damaged_counts_as_missing() -> None:
    whole = gzip.compress(json.dumps({"a": list(range(100))}).encode(), mtime=0)
    assert from_gzip(whole, dict[str, list[int]]) == {"a": list(range(100))}
    broken = bytearray(whole)
    broken[15] ^= 0xFF  # of the deflated data: the standard library raises zlib.error
    for body in (bytes(broken), whole[:-9], whole + whole, b"", gzip.compress(b"[" * 100_000)):
        assert from_gzip(body, dict[str, list[int]]) is None
    assert from_gzip(whole, dict[str, list[str]]) is None


def test_a_document_is_decompressed_to_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twitch_provider.lake.shapes._MOST_BYTES", 1000)
    assert len(unzipped(gzip.compress(b" " * 999))) == 999
    with pytest.raises(ValueError, match="too large"):
        unzipped(gzip.compress(b" " * 100_000))
