# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from benchmarks.detector import SPIKES, WEEKS, measure
from benchmarks.report import Facts, Ratio


def test_measures_the_promise_and_what_is_found() -> None:
    *ratios, facts = measure(seeds=[21], series=8, days=7)
    assert len(ratios) == 2 * len(WEEKS)
    assert all(isinstance(entry, Ratio) and entry.goal == 2.0 for entry in ratios)
    assert isinstance(facts, Facts)
    assert [row[0] for row in facts.rows] == [f"{weeks} weeks" for weeks in WEEKS]
    assert {len(row) for row in facts.rows} == {len(facts.columns)} == {2 + 2 * len(SPIKES)}
