# SPDX-License-Identifier: Apache-2.0
"""How complete a crawl was, and what it says of itself."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from twitch_provider.crawl.report import ENOUGH, FEW_ROWS, CrawlReport, Reconciled

WHOLE = Reconciled(known_seen=900, recovered=90, ended=110, new_broadcasters=100)

REPORT = CrawlReport(
    strategy="languages",
    requests=1_050,
    pages=1_040,
    seconds=66.25,
    points_left=120,
    rate_limited=2,
    retries={"rate limit": 2, "transient": 1},
    rows=100_400,
    broadcasters=100_000,
    languages={"en": 45_000, "de": 3_000},
    new_languages=["tlh"],
    reconciled=WHOLE,
    cut={},
    language_walks=[("en", 450, 45_100, "end"), ("de", 30, 3_000, "wrapped")],
    checkpoints={"en": ["c25", "c50"]},
)


def test_one_pass_is_the_part_of_those_known_who_came_by_themselves() -> None:
    assert WHOLE.one_pass == 900 / 990


def test_of_the_new_as_many_are_missed_as_of_the_known() -> None:
    # 10 of 11 who were known came by themselves: with 100 new ones seen there are 110.
    found = 900 + 90 + 100
    assert WHOLE.completeness == pytest.approx(float(Fraction(found, found + 10)))


def test_of_those_who_could_not_be_asked_for_as_many_are_live_as_of_those_who_could() -> None:
    some = Reconciled(known_seen=900, recovered=90, ended=10, unresolved=10)
    assert some.completeness == pytest.approx(990 / (990 + 10 * 91 / 101))


def test_where_nobody_could_be_asked_for_all_of_them_may_be_live() -> None:
    assert Reconciled(known_seen=900, unresolved=100).completeness == pytest.approx(0.9)


def test_all_who_are_live_is_all() -> None:
    assert Reconciled(known_seen=900, ended=100, new_broadcasters=77).completeness == 1.0


@pytest.mark.parametrize(
    ("reconciled", "completeness"),
    [
        (Reconciled(), None),
        (Reconciled(new_broadcasters=500), None),
        (Reconciled(ended=FEW_ROWS), None),
        (Reconciled(ended=FEW_ROWS + 1), 0.0),
        (Reconciled(unresolved=1), 0.0),
        (Reconciled(recovered=1), 0.0),
        (Reconciled(recovered=5_000, new_broadcasters=500), 0.0),
    ],
)
def test_where_nobody_who_was_known_came(reconciled: Reconciled, completeness: float | None) -> None:
    assert reconciled.completeness == completeness
    assert replace(REPORT, reconciled=reconciled).complete is (completeness is None)


def test_is_complete_with_no_chain_cut_and_enough_found() -> None:
    assert REPORT.complete
    assert not replace(REPORT, cut={"de": "gone"}).complete
    most = round(ENOUGH * 10_000)
    assert replace(REPORT, reconciled=Reconciled(known_seen=most, unresolved=10_000 - most)).complete
    assert not replace(REPORT, reconciled=Reconciled(known_seen=most - 1, unresolved=10_001 - most)).complete


def test_says_all_of_it_in_json() -> None:
    said: dict[str, Any] = json.loads(json.dumps(REPORT.as_dict(), allow_nan=False))
    assert said == {
        "complete": True,
        "completeness": 0.990909,
        "completeness_one_pass": 0.909091,
        "strategy": "languages",
        "requests": 1_050,
        "pages": 1_040,
        "seconds": 66.25,
        "points_left": 120,
        "rate_limited": 2,
        "retries": {"rate limit": 2, "transient": 1},
        "rows": 100_400,
        "broadcasters": 100_000,
        "duplicates": 400,
        "languages": {"en": 45_000, "de": 3_000},
        "new_languages": ["tlh"],
        "recovered": 90,
        "ended": 110,
        "unresolved": 0,
        "new_broadcasters": 100,
        "cut": {},
        "language_walks": {
            "en": {"pages": 450, "rows": 45_100, "ended": "end"},
            "de": {"pages": 30, "rows": 3_000, "ended": "wrapped"},
        },
        "checkpoints": {"en": ["c25", "c50"]},
    }


def test_says_that_nothing_tells_how_complete_it_is() -> None:
    unknown = replace(REPORT, reconciled=Reconciled())
    assert unknown.as_dict()["completeness"] is None
    assert unknown.as_dict()["completeness_one_pass"] is None
    assert "(completeness unknown)" in unknown.sentence()


def test_says_the_gist_in_a_line() -> None:
    assert replace(REPORT, cut={"de": "gone"}).sentence() == (
        "100,000 streams (an estimated 99.09% of all) in 66.2 s: 1,050 requests, 2 of them answered with "
        "429, 90 reconciled, 110 ended, 1 of 2 walks cut short"
    )
