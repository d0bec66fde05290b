# SPDX-License-Identifier: Apache-2.0
"""The page of metrics has every table, definition and view, as the code has them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from twitch_provider.metrics.definitions import DEFINITIONS, Definition
from twitch_provider.metrics.tables import TABLES, MetricsTable
from twitch_provider.metrics.views import VIEWS

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()

_KINDS = {pa.string(): "text", pa.int64(): "integer", pa.float64(): "fraction", pa.bool_(): "boolean"}
_KINDS |= {pa.date32(): "day"}
TYPES = {field.name: _KINDS.get(field.type, "instant") for table in TABLES.values() for field in table.schema}


def tables() -> str:
    """Return the page's list of tables."""

    def row(table: MetricsTable) -> str:
        names = " ".join(f"**`{name}`**" if name in table.key else f"`{name}`" for name in table.names)
        return f"| `{table.name}` | {table.grain} | {table.period} | {names} |"

    rows = map(row, TABLES.values())
    return "\n".join(["| table | a row | an object | columns, its key in bold |", "|---|---|---|---|", *rows])


def definitions(*, views: bool) -> str:
    """Return the page's table of the columns of tables, or of those that only views have."""

    def row(each: Definition) -> str:
        kind = each.unit or TYPES.get(each.name, "")
        return f"| `{each.name}` | {kind} | {each.formula} | {each.source} | {each.is_not} |"

    rows = [row(each) for each in DEFINITIONS.values() if (each.source == "views") is views]
    return "\n".join(["| column | unit or type | what it is | from | not |", "|---|---|---|---|---|", *rows])


@pytest.mark.parametrize(
    "table",
    [tables(), definitions(views=False), definitions(views=True)],
    ids=["tables", "columns", "views"],
)
def test_the_page_has_what_the_code_has(table: str) -> None:
    assert table in PAGE, f"paste this into docs/metrics.md:\n{table}"


def test_every_column_is_in_a_table_or_a_view() -> None:
    assert {name for name, each in DEFINITIONS.items() if each.source != "views"} == TYPES.keys()
    viewed = "\n".join(VIEWS.values())
    named = [name for name, each in DEFINITIONS.items() if each.source == "views"]
    assert [name for name in named if f" AS {name}" not in viewed] == []


def test_the_page_names_every_view() -> None:
    assert [name for name in VIEWS if f"`{name}`" not in PAGE] == []


def test_the_page_of_terms_has_every_table_about_people() -> None:
    terms = (Path(__file__).parents[2] / "docs" / "terms.md").read_text()
    personal = [name for name, table in TABLES.items() if "user_id" in table.names]
    assert personal
    assert [name for name in personal if f"`metrics/{name}/`" not in terms] == []
