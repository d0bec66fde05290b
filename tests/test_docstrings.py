# SPDX-License-Identifier: Apache-2.0
"""What ``make lint`` cannot check of docstrings: the fields of dataclasses, and which errors there are."""

from __future__ import annotations

import ast
import builtins
import re
from pathlib import Path

import pytest

from twitch_provider import exceptions
from twitch_provider.hooks.twitch import TwitchAsyncHook, TwitchHook

PACKAGE = Path(__file__).parents[1] / "src" / "twitch_provider"
MODULES = {
    str(path.relative_to(PACKAGE)): ast.parse(path.read_text())
    for path in PACKAGE.rglob("*.py")
    # Of the simulator only these modules are for users.
    if "testing" not in path.parts or path.stem in {"__init__", "captured", "fixtures", "simulator"}
}


def fields(node: ast.ClassDef) -> set[str]:
    """The public fields that the constructor of a dataclass takes."""
    return {
        each.target.id
        for each in node.body
        if isinstance(each, ast.AnnAssign)
        and isinstance(each.target, ast.Name)
        and not each.target.id.startswith("_")
        and "init=False" not in ast.unparse(each)
        and "ClassVar" not in ast.unparse(each.annotation)
    }


def test_every_field_of_a_dataclass_is_documented_and_no_other() -> None:
    checked, wrong = 0, {}
    for name, module in MODULES.items():
        for node in module.body:
            if (
                isinstance(node, ast.ClassDef)
                and not node.name.startswith("_")
                and any("dataclass" in ast.unparse(each) for each in node.decorator_list)
            ):
                documented = set(re.findall(r"^:param (\w+):", ast.get_docstring(node) or "", re.MULTILINE))
                checked += 1
                if differing := documented ^ fields(node):
                    wrong[f"{name}: {node.name}"] = differing
    assert wrong == {}
    assert checked > 30


def test_every_error_that_is_documented_exists() -> None:
    sources = [path.read_text() for path in PACKAGE.rglob("*.py")]
    known = {*vars(exceptions), *vars(builtins)}
    known |= {name for text in sources for name in re.findall(r"^class (\w+)", text, re.MULTILINE)}
    named = {name for text in sources for name in re.findall(r"^ *:raises (\w+):", text, re.MULTILINE)}
    assert len(named) > 10
    assert {name for name in named - known if not name.startswith("Airflow")} == set()


#: What they raise for a malformed argument is one of what they raise while they ask.
ASKS_AT_ONCE = {"walk", "get_follower_count", "get_game_ids", "require_games"}


@pytest.mark.parametrize("hook", [TwitchHook, TwitchAsyncHook])
def test_every_reader_says_what_goes_wrong(hook: type) -> None:
    name = re.compile(r"get_(?!conn|ui|hook|sync)|search_|pages$|paginate$|walk$|require_")
    readers = {
        each: getattr(hook, each).__doc__
        for each in dir(hook)
        if name.match(each) and getattr(hook, each).__module__.startswith("twitch_provider")
    }
    assert readers.keys() >= {"walk", "pages", "paginate", "get_streams", "search_channels", *ASKS_AT_ONCE}
    for reader, text in readers.items():
        assert ":raises TwitchError:" in text, reader
        assert reader in ASKS_AT_ONCE or ":raises TwitchParameterError:" in text, reader
