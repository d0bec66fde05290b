# SPDX-License-Identifier: Apache-2.0
"""The report of a crawl: when it is complete, and what a manifest and the log get of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from twitch_provider.crawl.reconciliation import Reconciliation
from twitch_provider.crawl.report import ENOUGH, CrawlReport, WalkSummary

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
    reconciliation=Reconciliation(known_seen=900, recovered=90, ended=110, new_broadcasters=100),
    second_look=None,
    cut={},
    language_walks={"en": WalkSummary(450, 45_100, "end"), "de": WalkSummary(30, 3_000, "wrapped")},
    checkpoints={"en": ["c25", "c50"]},
)


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        (Reconciliation(new_broadcasters=500), "its completeness is unknown"),
        (Reconciliation(unresolved=1), "an estimated 0.00% of all streams arrived"),
    ],
    ids=["unknown", "nothing found"],
)
def test_says_why_it_is_incomplete(counts: Reconciliation, why: str) -> None:
    report = replace(REPORT, reconciliation=counts)
    assert not report.complete
    assert report.why_incomplete == why


def test_a_walk_that_was_cut_short_is_the_reason() -> None:
    assert replace(REPORT, cut={"de": "gone"}).why_incomplete == "language walk de: gone"
    both = {"de": "gone", "fr": "gone too"}
    assert replace(REPORT, cut=both).why_incomplete == "language walk de: gone (and 1 more)"


def test_nothing_at_all_is_incomplete() -> None:
    assert replace(REPORT, broadcasters=0).why_incomplete == "not one live stream arrived"


def test_is_complete_with_no_walk_cut_and_enough_found() -> None:
    assert REPORT.complete
    assert not replace(REPORT, cut={"de": "gone"}).complete
    most = round(ENOUGH * 10_000)
    assert replace(REPORT, reconciliation=Reconciliation(known_seen=most, unresolved=10_000 - most)).complete
    assert not replace(
        REPORT, reconciliation=Reconciliation(known_seen=most - 1, unresolved=10_001 - most)
    ).complete


def test_is_values_of_json() -> None:
    found: dict[str, Any] = json.loads(json.dumps(REPORT.as_dict(), allow_nan=False))
    assert found == {
        "complete": True,
        "why_incomplete": None,
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
        "second_look": None,
        "cut": {},
        "language_walks": {
            "en": {"pages": 450, "rows": 45_100, "ended": "end"},
            "de": {"pages": 30, "rows": 3_000, "ended": "wrapped"},
        },
        "checkpoints": {"en": ["c25", "c50"]},
    }


def test_completeness_may_be_unknown() -> None:
    unknown = replace(REPORT, reconciliation=Reconciliation())
    assert unknown.as_dict()["completeness"] is None
    assert unknown.as_dict()["completeness_one_pass"] is None
    assert "(completeness unknown)" in unknown.sentence()


def test_has_its_main_figures_in_a_line() -> None:
    assert replace(REPORT, cut={"de": "gone"}).sentence() == (
        "100,000 streams (an estimated 99.09% of all) in 66.2 s: 1,050 requests, 2 of them answered with "
        "429; 90 streams recovered, 110 ended; 1 of 2 language walks cut short"
    )
