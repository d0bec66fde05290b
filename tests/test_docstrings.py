# SPDX-License-Identifier: Apache-2.0
"""Everything public is documented: what it is, its parameters, and what it raises. Read off the source."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from twitch_provider import exceptions, testing

PACKAGE = Path(__file__).parents[1] / "src" / "twitch_provider"
#: Of the simulator only this is for users; the rest is its own business.
TESTING = {"__init__", "captured", "fixtures", "simulator"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: Called with what pytest knows by the parameters' names, or with nothing.
PARAMETERLESS = {"fixture", "property", "cached_property", "overload"}


def is_public(name: str) -> bool:
    return not name.startswith("_")


def name_of(node: ast.expr) -> str:
    """The last part of a dotted name, called or not."""
    match node:
        case ast.Call():
            return name_of(node.func)
        case ast.Attribute():
            return node.attr
        case ast.Name():
            return node.id
    return ""


@dataclass(frozen=True)
class Documented:
    """Something public, with what is said of it.

    :param where: for people: ``hooks/twitch.py: TwitchHook.walk``
    :param node: of the source
    :param module: all of its module
    :param owner: the class that it is in
    """

    where: str
    node: ast.Module | ast.ClassDef | Function
    module: ast.Module
    owner: ast.ClassDef | None = None

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "")

    @cached_property
    def text(self) -> str:
        return ast.get_docstring(self.node) or ""

    @cached_property
    def said(self) -> set[str]:
        """The parameters that the docstring names."""
        return set(re.findall(r"^:param (\w+):", self.text, re.MULTILINE))

    @cached_property
    def raises(self) -> set[str]:
        """The errors that the docstring names."""
        return set(re.findall(r"^:raises (\w+):", self.text, re.MULTILINE))

    @cached_property
    def body(self) -> Function | None:
        """What runs: the function itself, or a class's constructor."""
        if isinstance(self.node, FUNCTIONS):
            return self.node
        if isinstance(self.node, ast.ClassDef):
            functions = {each.name: each for each in self.node.body if isinstance(each, FUNCTIONS)}
            return functions.get("__init__") or functions.get("__post_init__")
        return None

    @cached_property
    def parameters(self) -> list[str]:
        """The parameters that a caller may give, but for ``**kwargs``."""
        if isinstance(self.node, ast.ClassDef) and is_dataclass(self.node):
            return list(fields(self.node))
        if self.body is None or PARAMETERLESS & {name_of(each) for each in self.body.decorator_list}:
            return []
        given = self.body.args
        names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        if isinstance(self.node, ast.ClassDef) or (self.owner and not is_static(self.body)):
            names = names[1:]
        return [name for name in names if is_public(name)]


def is_dataclass(node: ast.ClassDef) -> bool:
    return any(name_of(each) == "dataclass" for each in node.decorator_list)


def is_static(node: Function) -> bool:
    return any(name_of(each) == "staticmethod" for each in node.decorator_list)


def fields(node: ast.ClassDef) -> Iterator[str]:
    """The fields of a dataclass that its constructor takes."""
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            made_inside = isinstance(each.value, ast.Call) and any(
                keyword.arg == "init" and getattr(keyword.value, "value", True) is False
                for keyword in each.value.keywords
            )
            if (
                is_public(each.target.id)
                and not made_inside
                and "ClassVar" not in ast.unparse(each.annotation)
            ):
                yield each.target.id


def everything() -> Iterator[Documented]:
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        if inside.parts[0] == "testing" and path.stem not in TESTING:
            continue
        module = ast.parse(path.read_text())
        yield Documented(str(inside), module, module)
        for node in module.body:
            if isinstance(node, (ast.ClassDef, *FUNCTIONS)) and is_public(node.name):
                yield Documented(f"{inside}: {node.name}", node, module)
                if isinstance(node, ast.ClassDef):
                    for each in node.body:
                        if isinstance(each, FUNCTIONS) and is_public(each.name):
                            yield Documented(f"{inside}: {node.name}.{each.name}", each, module, node)


EVERYTHING = list(everything())
each_one = pytest.mark.parametrize("each", EVERYTHING, ids=lambda each: each.where)
CODE = [each for each in EVERYTHING if not isinstance(each.node, ast.Module)]
each_of_code = pytest.mark.parametrize("each", CODE, ids=lambda each: each.where)


def raised(each: Documented) -> set[str]:
    """The classes that a body raises, itself or in the private functions of its module that it calls."""
    private = {
        (owner, node.name): node
        for owner, nodes in [("", each.module.body)]
        + [(node.name, node.body) for node in each.module.body if isinstance(node, ast.ClassDef)]
        for node in nodes
        if isinstance(node, FUNCTIONS) and not is_public(node.name)
    }
    owner = each.node.name if isinstance(each.node, ast.ClassDef) else each.owner.name if each.owner else ""
    found: set[str] = set()
    waiting, seen = [each.body], set()
    while waiting:
        body = waiting.pop()
        if body is None or body in seen:
            continue
        seen.add(body)
        for node in statements(body):
            if isinstance(node, ast.Raise) and node.exc is not None:
                found.add(name_of(node.exc))
            elif isinstance(node, ast.Call):
                inside = "" if isinstance(node.func, ast.Name) else owner
                waiting.append(private.get((inside, name_of(node.func))))
    return {name for name in found if name[:1].isupper()}


def statements(body: Function) -> Iterator[ast.AST]:
    """All nodes of a body whose errors leave it: not those of a ``try`` that catches."""
    waiting: list[ast.AST] = list(body.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.Try) and node.handlers:
            waiting += [
                *node.orelse,
                *node.finalbody,
                *(line for each in node.handlers for line in each.body),
            ]
        else:
            waiting += ast.iter_child_nodes(node)


def covers(said: set[str], name: str) -> bool:
    """Whether the docstring names an error, or in our own tree one above it."""
    error = getattr(exceptions, name, None)
    return name in said or (error is not None and any(above.__name__ in said for above in error.__mro__))


def test_much_is_looked_at() -> None:
    assert len(CODE) > 150
    assert sum(len(each.parameters) for each in CODE) > 300
    assert sum(len(raised(each)) for each in CODE) > 30


@each_one
def test_it_is_documented_in_a_sentence(each: Documented) -> None:
    if isinstance(each.node, FUNCTIONS) and {"setter", "overload"} & {
        name_of(decorator) for decorator in each.node.decorator_list
    }:
        return
    assert each.text, each.where
    first = each.text.split("\n\n")[0].strip()
    assert first[0].isupper() or not first[0].isalpha(), first
    assert first.endswith((".", ":", "?", "*/"))


@each_of_code
def test_every_parameter_is_documented(each: Documented) -> None:
    assert [name for name in each.parameters if name not in each.said] == []


@each_of_code
def test_no_parameter_is_documented_that_is_not_there(each: Documented) -> None:
    rest = {each.body.args.kwarg.arg} if each.body is not None and each.body.args.kwarg else set()
    assert each.said - set(each.parameters) - rest == set()


@each_of_code
def test_every_error_is_documented(each: Documented) -> None:
    assert {name for name in raised(each) if not covers(each.raises, name)} == set()


@each_of_code
def test_every_error_that_is_documented_is_one(each: Documented) -> None:
    known = {*vars(exceptions), *vars(builtins)}
    assert {name for name in each.raises if name not in known and not name.startswith("Airflow")} == set()


#: What they raise for a malformed argument is one of what they raise while they ask.
ASKS_AT_ONCE = {"walk", "get_follower_count", "require_games"}
READERS = [
    each
    for each in CODE
    if each.owner
    and each.owner.name in {"Readers", "TwitchHook", "TwitchAsyncHook"}
    and re.match(r"(get_(?!conn|ui)|search_|pages|paginate|walk|require_)", each.name)
]


@pytest.mark.parametrize("each", READERS, ids=lambda each: each.where)
def test_every_reader_says_what_goes_wrong(each: Documented) -> None:
    assert "TwitchError" in each.raises
    assert each.name in ASKS_AT_ONCE or "TwitchParameterError" in each.raises


def test_all_readers_are_looked_at() -> None:
    assert {each.name for each in READERS if each.owner and each.owner.name == "Readers"} >= {
        "walk",
        "pages",
        "paginate",
        "get_streams",
        "search_channels",
    }


def test_all_that_testing_exports_is_looked_at() -> None:
    exported = {name for name in testing.__all__ if isinstance(getattr(testing, name), type)}
    assert exported <= {each.name for each in CODE}
