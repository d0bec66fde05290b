# SPDX-License-Identifier: Apache-2.0
"""``docs/faults.md`` says what the table says."""

from __future__ import annotations

from pathlib import Path

from tests.faults.cases import CASES, Case

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


def table() -> str:
    """Return the table of the page."""
    head = [
        "| Twitch, or a proxy in front of it | the hook | ends in | more requests | waits |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *map(row, CASES)])


def row(case: Case) -> str:
    outcome = f"`{case.outcome.__name__}`" if case.outcome else "every row"
    waits = f"{case.waits:g} s" if case.waits else ""
    return f"| {case.name} | {case.does} | {outcome} | {case.more or ''} | {waits} |"


def test_the_page_has_the_table() -> None:
    assert table() in PAGE.read_text(), f"paste this into docs/faults.md:\n{table()}"


def test_no_case_is_listed_twice() -> None:
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)


def test_temporary_faults_are_handled_and_the_others_are_errors() -> None:
    loops = {"the cursor of the request comes again", "the last page leads back to page one"}
    final = {"wrong client secret", "wrong client id", "new cursors with old rows", *loops}
    errors = {case.name for case in CASES if case.outcome is not None}
    assert errors == {case.name for case in CASES if case.name.endswith("every time") or case.name in final}
