# SPDX-License-Identifier: Apache-2.0
"""The documentation says what the code does."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml  # type: ignore[import-untyped]
from tests.test_walls import MAY_IMPORT

from twitch_provider import __version__, exceptions
from twitch_provider.crawl.reconciliation import Reconciliation
from twitch_provider.crawl.report import CrawlReport
from twitch_provider.get_provider_info import get_provider_info
from twitch_provider.helix.endpoints import ENDPOINTS
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.lake.manifest import Manifest
from twitch_provider.lake.schema import (
    BOOLEAN,
    FRACTION,
    INSTANT,
    INTEGER,
    SCHEMAS,
    STREAMS,
    TEXT,
    TEXT_LIST,
    Schema,
)

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
LAKE = (DOCS / "lake.md").read_text()
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")] + sorted(
    DOCS.rglob("*.md")
)
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
#: What the pages cut their code from: files that the tests run.
EXECUTED = sorted((ROOT / "tests" / "system").glob("*.py")) + sorted((ROOT / "dags").glob("*.py"))
SNIPPETS = runpy.run_path(str(DOCS / "snippets.py"))

#: The hook's, for Airflow and not for users.
_FORM = {"get_connection_form_widgets", "get_ui_field_behaviour"}

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


def test_lake_page_has_the_manifests_fields() -> None:
    table = LAKE.split("\n## Manifest\n")[1].split("\n### ")[0]
    assert fields_of(table) == {field.name for field in dataclasses.fields(Manifest)}


def test_lake_page_has_the_fields_of_a_crawls_report() -> None:
    empty: dict[Any, Any] = {"str": "", "int": 0, "float": 0.0, "Reconciliation": Reconciliation()}
    report = CrawlReport(
        **{field.name: empty.get(field.type, {}) for field in dataclasses.fields(CrawlReport)}
    )
    table = LAKE.split("\n### Crawl report\n")[1].split("\n## ")[0]
    assert fields_of(table) == report.as_dict().keys()


def fields_of(table: str) -> set[str]:
    """Return what the first cells of a table name."""
    return {
        name
        for cell in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", cell)
    }


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
def test_every_option_is_in_the_table(name: str) -> None:
    page = (DOCS / "configuration.md").read_text()
    default = get_provider_info()["config"]["twitch"]["options"][name]["default"]
    (row,) = re.findall(rf"^\| `{name}` \| `AIRFLOW__TWITCH__{name.upper()}` \|.*$", page, re.MULTILINE)
    assert not default or f"`{default}`" in row


@pytest.mark.parametrize("name", get_provider_info()["connection-types"][0]["conn-fields"])
def test_every_connection_extra_is_in_the_table(name: str) -> None:
    field = get_provider_info()["connection-types"][0]["conn-fields"][name]
    page = (DOCS / "connection.md").read_text()
    (row,) = re.findall(rf"^\| `{name}` \|.*$", page, re.MULTILINE)
    for choice in field["schema"].get("enum", ()):
        assert f"`{choice}`" in row
        assert re.search(rf"^\| `{choice}` \|", page, re.MULTILINE)


def test_every_dag_param_is_in_the_table() -> None:
    page = (DOCS / "dags.md").read_text()
    source = (ROOT / "dags" / "twitch_top_games.py").read_text()
    params = re.findall(r'^        "(\w+)": Param\(', source, re.MULTILINE)
    assert params
    assert [name for name in params if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("dag", sorted((ROOT / "dags").glob("*.py")), ids=lambda dag: dag.stem)
def test_every_dag_has_a_section(dag: Path) -> None:
    assert f"\n## {dag.stem}\n" in (DOCS / "dags.md").read_text()


def test_every_reader_of_the_hook_is_in_the_table() -> None:
    readers = [name for name in dir(TwitchHook) if re.match(r"search_|get_", name)]
    ours = [
        name
        for name in readers
        if inspect.getmodule(getattr(TwitchHook, name)).__name__.startswith("twitch_provider")  # type: ignore[union-attr]
    ]
    ours = [name for name in ours if name not in {"get_conn", *_FORM}]
    assert len(ours) == 11
    page = (DOCS / "hooks.md").read_text()
    assert [name for name in [*ours, "pages", "paginate"] if f"`{name}" not in page] == []


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_is_named(endpoint: str) -> None:
    assert f"`{endpoint}`" in (DOCS / "operators.md").read_text()


# --- the architecture ------------------------------------------------------------------------------------

PACKAGE = ROOT / "src" / "twitch_provider"
ARCHITECTURE = (DOCS / "architecture.md").read_text()


def test_every_file_that_the_architecture_names_exists() -> None:
    named = re.findall(r"`([\w/]+(?:/|\.py))`", ARCHITECTURE)
    assert len(named) > 40
    assert [name for name in named if not (PACKAGE / name).exists() and not (ROOT / name).exists()] == []


def test_the_architecture_has_every_package_and_module() -> None:
    table = ARCHITECTURE.split("\n## Subpackages\n")[1].split("\n## ")[0]
    rooms = {f"{path.name}/" for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in PACKAGE.glob("[a-z]*.py")}
    first = "".join(re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE))
    assert set(re.findall(r"`([\w/]+)`", first)) == rooms | modules


def test_the_arrows_of_the_architecture_are_those_that_the_walls_allow() -> None:
    def row(package: str) -> str:
        allowed = ", ".join(f"`{name}`" for name in sorted(MAY_IMPORT[package]) if name)
        return f"| `{package}` | {allowed or 'nothing of the package'} |"

    table = "\n".join(map(row, MAY_IMPORT))
    assert table in ARCHITECTURE, f"paste this into docs/architecture.md:\n{table}"


# --- the classes, and code that runs ---------------------------------------------------------------------


def classes() -> Iterator[tuple[str, str]]:
    """Every class that a user imports, with its module: of the modules that the provider info names."""
    info = get_provider_info()
    modules = [
        module
        for room in ("hooks", "operators", "sensors", "triggers")
        for each in info[room]
        for module in each["python-modules"]
    ]
    for name in [*modules, *(each["python-module"] for each in info["transfers"])]:
        module = importlib.import_module(name)
        public = getattr(module, "__all__", None) or [
            each for each, value in vars(module).items() if getattr(value, "__module__", "") == name
        ]
        yield from ((name, each) for each in public if inspect.isclass(getattr(module, each)))


CLASSES = sorted(classes())


def test_there_are_as_many_classes_as_we_know_of() -> None:
    assert len(CLASSES) == 10, CLASSES


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_every_class_is_in_the_readme_a_page_a_snippet_and_the_reference(module: str, name: str) -> None:
    assert f"`{module}`" in README
    assert f"`{name}`" in README
    assert any(f"\n## {name}\n" in page.read_text() for page in DOCS.glob("*.md"))
    assert any(
        re.search(rf"\b{name}\(", SNIPPETS["cut"](path, snippet)) for path, snippet in used().values()
    ), "no snippet of a page uses it"
    reference = "".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    assert re.search(rf"^::: {module}\.{name}$", reference, re.MULTILINE)


def used() -> dict[tuple[str, int], tuple[Path, str]]:
    """Where each snippet of a page comes from, by page and place."""
    return {
        (str(page.relative_to(DOCS)), link.start()): ((page.parent / link[3]).resolve(), link[2])
        for page in DOCS.rglob("*.md")
        for link in SNIPPETS["LINK"].finditer(page.read_text())
    }


def test_every_snippet_of_a_page_is_in_a_file_that_the_tests_run() -> None:
    found = used()
    assert found
    for path, name in found.values():
        assert path in [*EXECUTED, ROOT / "README.md", ROOT / "SECURITY.md"]
        assert SNIPPETS["cut"](path, name)


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.name)
def test_every_marker_has_its_end_and_a_reader(path: Path) -> None:
    marks = re.findall(r"^ *# \[(START|END) (\w+)\]$", path.read_text(), re.MULTILINE)
    starts, ends = ([name for kind, name in marks if kind == which] for which in ("START", "END"))
    assert starts == ends == list(dict.fromkeys(starts))
    assert len(marks) == len(re.findall(r"\[(?:START|END)\b", path.read_text()))
    assert {(path, name) for name in starts} <= set(used().values())


def test_a_snippet_loses_its_indentation(tmp_path: Path) -> None:
    path = tmp_path / "dag.py"
    path.write_text("a\n  # [START one]\n  b\n\n    c\n  # [END one]\nd\n")
    assert SNIPPETS["cut"](path, "one") == "```python\nb\n\n  c\n```"
    with pytest.raises(ValueError, match="0 parts"):
        SNIPPETS["cut"](path, "two")


def test_the_readme_shows_what_the_tests_run() -> None:
    (path,) = {path for path, name in used().values() if name == "quickstart"}
    code = SNIPPETS["cut"](path, "quickstart").removeprefix("```python\n").removesuffix("\n```")
    assert f"{code}\n```" in README, f"paste this into README.md:\n{code}"


# --- the site --------------------------------------------------------------------------------------------


def pages_of(nav: Any) -> Iterator[str]:
    """Every page that the navigation names."""
    if isinstance(nav, str):
        yield nav
    else:
        for each in nav.values() if isinstance(nav, dict) else nav:
            yield from pages_of(each)


def test_the_navigation_has_every_page_once() -> None:
    named = list(pages_of(SITE["nav"]))
    assert sorted(named) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_every_page_is_linked_from_the_readme() -> None:
    # The site's page of SECURITY.md is that file.
    assert "(SECURITY.md)" in README
    inside = {page.name for page in DOCS.glob("*.md") if page.name not in {"index.md", "security.md"}} | {
        f"{folder}/{page.name}" for folder in ("howto", "deploy") for page in (DOCS / folder).glob("*.md")
    }
    assert {name for name in inside if f"(docs/{name}" not in README} == set()


def test_every_picture_is_shown_and_described() -> None:
    shown = {
        (page.parent / path).resolve(): text
        for page in DOCS.rglob("*.md")
        for text, path in re.findall(r"!\[([^\]]*)\]\((\S+)\)", page.read_text())
    }
    assert all(len(text) > 40 for text in shown.values())
    assert set(shown) == set((DOCS / "images").glob("*.png"))


def test_the_site_needs_nothing_from_elsewhere() -> None:
    assert SITE["strict"] is True
    assert SITE["theme"]["font"] is False
    assert not {key for key in SITE if key.startswith("extra_") and "://" in str(SITE[key])}
    plugins = [each if isinstance(each, str) else next(iter(each)) for each in SITE["plugins"]]
    assert plugins == ["search", "mkdocstrings"]


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks_compile(page: Path) -> None:
    for example in blocks(page.read_text(), "python"):
        ast.parse(example)


def test_the_changelog_knows_this_version() -> None:
    assert f"\n## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_place_of_somebodys_machine(page: Path) -> None:
    assert re.findall(r"/(?:tmp|home|root|Users|work)/\w+", page.read_text()) == []


@pytest.mark.parametrize("name", ["powerbi", "tableau"])
def test_a_dashboard_names_columns_of_the_table_that_it_reads(name: str) -> None:
    page = (DOCS / "howto" / f"{name}.md").read_text().partition("## A dashboard of one snapshot")[2]
    named = set(re.findall(r"\[([a-z_]+)\]|`([a-z]+_[a-z_]+)`|\{\"(\w+)\"", page))
    columns = {each for found in named for each in found if each} - {
        "top_streams", "twitch_top_games", "hours_watched",
    }  # fmt: skip
    assert {"viewer_count", "language", "is_mature"} <= columns
    assert columns <= {column.name for column in STREAMS.columns}
