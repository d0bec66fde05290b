# SPDX-License-Identifier: Apache-2.0
"""The documentation says what the code does."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pyarrow as pa
import pytest

from twitch_provider import __version__, exceptions
from twitch_provider.get_provider_info import get_provider_info
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.lake.schema import BOOLEAN, FRACTION, INSTANT, INTEGER, SCHEMAS, TEXT, TEXT_LIST, Schema

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
LAKE = (ROOT / "docs" / "lake.md").read_text()
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)

KINDS = {
    TEXT: "text",
    INTEGER: "integer",
    BOOLEAN: "boolean",
    FRACTION: "fraction",
    INSTANT: "instant",
    TEXT_LIST: "list of text",
}


def table_of(schema: Schema) -> str:
    """Return the table of ``docs/lake.md`` for a schema."""
    rows = [
        f"| `{column.name}` | {KINDS[column.kind]} | {'' if column.required else 'yes'} "
        f"| {column.description} |"
        for column in schema.columns
    ]
    return "\n".join(["| column | type | may be empty | meaning |", "|---|---|---|---|", *rows])


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def anchor_of(heading: str) -> str:
    """Return the anchor that a heading gets: lower case, no punctuation, hyphens for blanks."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", SCHEMAS)
def test_lake_page_has_the_schemas_columns(name: str) -> None:
    table = table_of(SCHEMAS[name])
    assert table in LAKE, f"paste this into docs/lake.md:\n{table}"


@pytest.mark.parametrize("name", ["streams", "games"])
def test_athena_tables_have_the_schemas_columns_in_order(name: str) -> None:
    sql = next(block for block in blocks(LAKE, "sql") if f"EXTERNAL TABLE twitch_top_{name}" in block)
    columns = re.findall(r"`(\w+)` string", sql.split("PARTITIONED BY")[0])
    assert columns == SCHEMAS[name].names


@pytest.mark.parametrize("name", ["streams", "games"])
def test_athena_views_cast_what_is_not_text(name: str) -> None:
    view = next(block for block in blocks(LAKE, "sql") if f"VIEW twitch_{name} " in block)
    typed = {
        column.name
        for column in SCHEMAS[name].columns
        if column.kind is INSTANT or column.kind.arrow != pa.string()
    }
    assert set(re.findall(r" AS (\w+),?$", view, re.MULTILINE)) == typed


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = re.compile(r"`make ([^`\n]+)`|^make ([^#\n]+)", re.MULTILINE)
    named = {
        word
        for page in PAGES
        for words in code.findall(page.read_text())
        for word in "".join(words).split()
        if re.fullmatch(r"[a-z-]+", word)
    }
    assert named >= {"demo", "airflow", "test"}
    assert named - targets == set()


@pytest.mark.parametrize("name", get_provider_info()["config"]["twitch"]["options"])
def test_every_option_is_in_the_readme(name: str) -> None:
    default = get_provider_info()["config"]["twitch"]["options"][name]["default"]
    (row,) = re.findall(rf"^\| `{name}` \| `AIRFLOW__TWITCH__{name.upper()}` \|.*$", README, re.MULTILINE)
    assert not default or f"`{default}`" in row


def test_every_connection_extra_is_in_the_tables() -> None:
    connection = (ROOT / "docs" / "connection.md").read_text()
    for name in get_provider_info()["connection-types"][0]["conn-fields"]:
        assert f"| `{name}` |" in README
        assert f"| `{name}` |" in connection


def test_every_dag_param_is_in_the_readme() -> None:
    source = (ROOT / "dags" / "twitch_top_games.py").read_text()
    params = re.findall(r'^        "(\w+)": Param\(', source, re.MULTILINE)
    assert params
    assert [name for name in params if f"| `{name}` |" not in README] == []


def test_every_reader_of_the_hook_is_in_the_readme() -> None:
    readers = [name for name in dir(TwitchHook) if re.match(r"search_|get_", name)]
    ours = [
        name
        for name in readers
        if inspect.getmodule(getattr(TwitchHook, name)).__name__.startswith("twitch_provider")  # type: ignore[union-attr]
    ]
    ours = [name for name in ours if name != "get_conn"]
    assert len(ours) == 10
    assert [
        name for name in [*ours, "pages", "paginate", "test_connection"] if f"`{name}" not in README
    ] == []


def test_every_error_is_in_the_table() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    errors = {
        name: error
        for name, error in vars(exceptions).items()
        if isinstance(error, type) and issubclass(error, exceptions.TwitchError)
    }
    rows = dict(re.findall(r"^\| `(Twitch\w*Error)` \|.*\| (\w*) ?\|$", page, re.MULTILINE))
    assert rows.keys() == errors.keys()
    assert {name for name, final in rows.items() if final == "yes"} == {
        name for name, error in errors.items() if error.fatal
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in map(anchor_of, headings), link


def test_python_blocks_compile() -> None:
    examples = blocks(README, "python")
    assert examples
    for example in examples:
        ast.parse(example)


def test_the_changelog_knows_this_version() -> None:
    assert f"\n## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_place_of_somebodys_machine(page: Path) -> None:
    assert re.findall(r"/(?:tmp|home|root|Users|work)/\w+", page.read_text()) == []
