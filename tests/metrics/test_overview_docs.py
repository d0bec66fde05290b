# SPDX-License-Identifier: Apache-2.0
"""The page on the overview, and the schema beside it, say what the code does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from twitch_provider.metrics.definitions import DEFINITIONS
from twitch_provider.metrics.overview import schema

DOCS = Path(__file__).parents[2] / "docs"


def table_of(name: str) -> str:
    """Return the table of the page for a table of the document."""
    rows = [
        f"| `{column.name}` | {column.kind} | {'yes' if column.nullable else ''} | {column.description} |"
        for column in schema.TABLES[name]
    ]
    return "\n".join(["| column | type | may be null | what it is |", "|---|---|---|---|", *rows])


def keys_of(part: dict[str, Any]) -> set[str]:
    """Return the keys of all objects of a schema."""
    found = set(part.get("properties", ()))
    for each in part.values():
        for below in each if isinstance(each, list) else [each]:
            if isinstance(below, dict):
                found |= keys_of(below)
    return found


@pytest.mark.parametrize("name", schema.TABLES)
def test_the_page_has_the_columns_of_each_table(name: str) -> None:
    table = table_of(name)
    assert table in (DOCS / "overview.md").read_text(), f"paste this into docs/overview.md:\n{table}"


def test_the_page_names_every_key() -> None:
    page = (DOCS / "overview.md").read_text()
    keys = keys_of(schema.json_schema()) - DEFINITIONS.keys() - {"columns", "rows"}
    assert {key for key in keys if f"`{key}`" not in page} == set()
    assert f"version {schema.VERSION}" in page


def test_the_schema_ships_as_a_file() -> None:
    text = json.dumps(schema.json_schema(), indent=1, ensure_ascii=False) + "\n"
    path = DOCS / "reference" / "overview.schema.json"
    assert path.read_text() == text, "write json_schema() there: see this test"
