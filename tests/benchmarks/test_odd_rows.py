# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from benchmarks.local import answers
from benchmarks.odd_rows import KINDS, check, measure, odd_pages
from benchmarks.report import Facts, Ratio

from twitch_provider.lake import arrow_validate


@pytest.mark.parametrize("kind", KINDS)
def test_cleaning_gives_what_pandas_gives(kind: str) -> None:
    answered = answers(1_000)
    regular = check(odd_pages(answered, kind, len(answered) + 1))
    table = check(odd_pages(answered, kind, 3))
    assert table.counts["rows_in"] == regular.counts["rows_in"]


def test_the_check_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = arrow_validate._slow
    monkeypatch.setattr(arrow_validate, "_slow", lambda odd, run_after: slow(odd[1:], run_after))
    with pytest.raises(ValueError, match="and with pandas"):
        check(odd_pages(answers(1_000), "a negative number", 3))


def test_measures_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: dict[str, Any] = {kind: KINDS[kind] for kind in ("a missing field", "not live")}
    monkeypatch.setattr("benchmarks.odd_rows.KINDS", kinds)
    *ratios, facts = measure(rows=300, rounds=1)
    assert [entry.name for entry in ratios if isinstance(entry, Ratio)] == [
        f"cleaning with {kind} on every {page}" for kind in kinds for page in ("3rd page", "page")
    ]
    assert isinstance(facts, Facts)
    assert [row[:2] for row in facts.rows] == [["a missing field", 2], ["not live", 0]]
