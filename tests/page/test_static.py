# SPDX-License-Identifier: Apache-2.0
"""What is shipped to browsers: complete, recorded, without inline code, fit to be written into one script."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import Any

import pytest
from tests.page import definitions

from twitch_provider import page
from twitch_provider.page import report

RECORD = json.loads((page.STATIC.parent / "libraries.json").read_text())
#: Modules that become one script.
BUNDLES = ((*page.MODULES, "app.js"), report.MODULES)
OUR_SCRIPTS = ("theme.js", "app.js", *page.MODULES, *page.REPORT_MODULES)

_IMPORT = re.compile(r'import \{\s+([\w,\s]+?),?\s\} from "\./([\w.]+)";')
_TOP_LEVEL = re.compile(
    r"^(?:export )?(?:async )?(?:function|const|let|class) (?:\{([^}]*)\}|(\w+))", re.MULTILINE
)


def source(name: str) -> str:
    return (page.STATIC / name).read_text(encoding="utf-8")


def test_every_file_of_the_folder_is_shipped_to_browsers_or_a_licence() -> None:
    licenses = {f"{library['file']}.LICENSE.txt" for library in RECORD}
    assert {path.name for path in page.STATIC.iterdir()} == {
        *page.FILES,
        *page.MODULES,
        *page.REPORT_MODULES,
        *licenses,
    }


@pytest.mark.parametrize("library", RECORD, ids=lambda library: str(library["file"]))
def test_libraries_are_those_of_the_record_and_have_their_licences(library: dict[str, Any]) -> None:
    script = (page.STATIC / library["file"]).read_bytes()
    assert hashlib.sha256(script).hexdigest() == library["sha256"]
    license_text = source(f"{library['file']}.LICENSE.txt")
    assert "Permission" in license_text
    for package in (*library["scripts"], *library["bundled"]):
        assert f"{package} " in license_text


def test_the_page_has_no_inline_code_and_only_relative_addresses() -> None:
    html = source("index.html")
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=", html)
    addresses = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert {address.removeprefix("static/") for address in addresses} <= {
        *page.FILES,
        "data:,",
        "overview.json",
    }


@pytest.mark.parametrize("name", OUR_SCRIPTS)
def test_scripts_make_no_markup_and_no_code_of_text(name: str) -> None:
    forbidden = (
        r"(inner|outer)HTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|\bstyle="
    )
    assert not re.search(forbidden, source(name))


@pytest.mark.parametrize(
    ("name", "modules"),
    [(name, modules) for modules in BUNDLES for name in modules],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_module_imports_only_from_modules_before_it(name: str, modules: tuple[str, ...]) -> None:
    before = modules[: modules.index(name)]
    statements = re.findall(r"^import [^;]*;", source(name), re.MULTILINE)
    for statement in statements:
        found = _IMPORT.fullmatch(statement)
        assert found, statement
        names, imported = re.split(r",\s+", found[1]), found[2]
        assert imported in before
        exported = re.findall(r"^export (?:async )?(?:function|const) (\w+)", source(imported), re.MULTILINE)
        assert set(names) <= set(exported)
        assert all(len(re.findall(rf"\b{each}\b", source(name))) > 1 for each in names), statement
    exports = [line for line in source(name).splitlines() if line.startswith("export")]
    assert all(re.match(r"export (async )?(function|const) \w", line) for line in exports)


@pytest.mark.parametrize("modules", BUNDLES, ids=["page", "report"])
def test_names_of_all_modules_are_unique(modules: tuple[str, ...]) -> None:
    names = Counter(name for module in modules for _, name in _TOP_LEVEL.findall(source(module)))
    assert [name for name, times in names.items() if times > 1] == []


def test_the_script_of_the_page_is_its_modules_in_their_order() -> None:
    script = page.content("app.js").decode()
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    places = [
        script.index(f"function {name}(")
        for name in ("count", "h", "render", "load", "refresh")
        if name != "count"
    ]
    assert places == sorted(places)
    assert page.content("style.css") == (page.STATIC / "style.css").read_bytes()
    with pytest.raises(KeyError):
        page.content("dom.js")


def test_the_policy_allows_no_inline_script_no_eval_and_no_other_origin() -> None:
    directives = dict(part.split(" ", 1) for part in page.CONTENT_SECURITY_POLICY.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'self'"
    assert "unsafe" not in page.CONTENT_SECURITY_POLICY
    assert "//" not in page.CONTENT_SECURITY_POLICY


def test_the_definitions_of_the_page_are_those_of_the_metrics() -> None:
    assert source("definitions.js") == definitions.module(), "Run python -m tests.page.definitions."
