# SPDX-License-Identifier: Apache-2.0
"""The statements are not DuckDB's own."""

from __future__ import annotations

from importlib.resources import files

import pytest

from twitch_provider.metrics.tables import READ, STEPS, TABLES, relation, statement

sqlglot = pytest.importorskip("sqlglot", reason="sqlglot is not installed: it is in the extra dev")

NAMES = sorted(
    path.name.removesuffix(".sql") for path in (files("twitch_provider.metrics") / "sql").iterdir()
)
GIVEN = {"streams", "games", "clock", "clock_parts", "before", "clock_before", "streams_before", "tagged"}


def test_every_statement_is_a_table_or_a_step_before_one() -> None:
    tables = set(TABLES) - {"clock", "clock_parts", "completeness"}
    assert set(NAMES) == tables | {step for steps in STEPS.values() for step in steps}


@pytest.mark.parametrize("dialect", ["athena", "trino", "spark", "duckdb"])
@pytest.mark.parametrize("name", NAMES)
def test_every_statement_parses(name: str, dialect: str) -> None:
    from sqlglot import exp

    (parsed,) = sqlglot.parse(statement(name), dialect=dialect)
    assert isinstance(parsed, exp.Select)
    assert not list(parsed.find_all(exp.Command, exp.Anonymous))
    if name in TABLES:
        assert parsed.named_selects == list(TABLES[name].names)
    # It reads what exists by then.
    inside = {common.alias for common in parsed.find_all(exp.CTE)}
    made = {relation(step) for steps in STEPS.values() for step in steps}
    read = {table.name for table in parsed.find_all(exp.Table)} - inside
    assert read <= GIVEN | made | {each for tables in READ.values() for each in tables}
