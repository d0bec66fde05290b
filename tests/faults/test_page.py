# SPDX-License-Identifier: Apache-2.0
"""``docs/faults.md`` says what the table says."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.cases import CASES, Case

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


def table() -> str:
    """Return the table of the page."""
    head = [
        "| Twitch, or what stands before it | the hook | ends in | more requests | waits |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *map(row, CASES)])


def row(case: Case) -> str:
    outcome = f"`{case.outcome.__name__}`" if case.outcome else "every row"
    waits = f"{case.waits:g} s" if case.waits else ""
    return f"| {case.name} | {case.does} | {outcome} | {case.more or ''} | {waits} |"


def test_the_page_has_the_table() -> None:
    assert table() in PAGE.read_text(), f"paste this into docs/faults.md:\n{table()}"


def test_no_case_stands_there_twice() -> None:
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_passes_by_itself_is_survived_and_the_rest_is_loud(case: Case) -> None:
    circles = {"the cursor of the request comes again", "the last page leads back to page one"}
    for_good = {"wrong client secret", "wrong client id", "ever new cursors with old rows", *circles}
    assert (case.outcome is not None) == (case.name.endswith("for ever") or case.name in for_good)
