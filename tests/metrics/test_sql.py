# SPDX-License-Identifier: Apache-2.0
"""The statements are not DuckDB's own."""

from __future__ import annotations

from collections import defaultdict
from importlib.resources import files

import pytest

from twitch_provider.metrics.tables import READ, STEPS, TABLES, MetricsTable, statement

sqlglot = pytest.importorskip("sqlglot", reason="sqlglot is not installed: it is in the extra dev")

NAMES = sorted(
    path.name.removesuffix(".sql") for path in (files("twitch_provider.metrics") / "sql").iterdir()
)
#: By the statement: those by hour and by day have one.
OF_TABLES: dict[str, list[MetricsTable]] = defaultdict(list)
for each in TABLES.values():
    if each.name not in {"clock", "clock_parts", "completeness"}:
        OF_TABLES[each.statement].append(each)
GIVEN = {"streams", "games", "clock", "clock_parts", "before", "clock_before", "streams_before", "tagged"}


def test_every_statement_is_a_table_or_a_step_before_one() -> None:
    assert set(NAMES) == set(OF_TABLES) | {step for steps in STEPS.values() for step in steps}


@pytest.mark.parametrize("dialect", ["athena", "trino", "spark", "duckdb"])
@pytest.mark.parametrize("name", NAMES)
def test_every_statement_parses(name: str, dialect: str) -> None:
    from sqlglot import exp

    (parsed,) = sqlglot.parse(statement(name), dialect=dialect)
    assert isinstance(parsed, exp.Select)
    assert not list(parsed.find_all(exp.Command, exp.Anonymous))
    for table in OF_TABLES.get(name, ()):
        assert parsed.named_selects == [
            "period" if column == table.period else column for column in table.names
        ]
    # It reads what exists by then.
    inside = {common.alias for common in parsed.find_all(exp.CTE)}
    made = {step for steps in STEPS.values() for step in steps}
    read = {table.name for table in parsed.find_all(exp.Table)} - inside
    assert read <= GIVEN | made | {each for tables in READ.values() for each in tables}
