# SPDX-License-Identifier: Apache-2.0
"""The compose file is read as Compose reads it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.compose import interpolate, read_env, services, variables


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${A}", "1"),
        ("$A-${A}", "1-1"),
        ("$$A $${A}", "$A ${A}"),
        ("${A:?why}", "1"),
        ("${EMPTY}x", "x"),
        ("${NONE}x", "x"),
        ("${EMPTY:-default}", "default"),
        ("${EMPTY-default}", ""),
        ("${NONE-default}", "default"),
        ("${NONE:-}", ""),
        ("${EMPTY?why}", ""),
        # What was put in is not read again.
        ("${DOLLAR}", "$A ${A}"),
    ],
)
def test_variables_are_put_in(text: str, value: str) -> None:
    assert interpolate(text, {"A": "1", "EMPTY": "", "DOLLAR": "$A ${A}"}) == value


@pytest.mark.parametrize("text", ["${NONE?say why}", "${NONE:?say why}", "${EMPTY:?say why}"])
def test_what_is_required_is_an_error(text: str) -> None:
    with pytest.raises(KeyError, match="say why"):
        interpolate({"list": [text]}, {"EMPTY": ""})


def test_every_part_is_interpolated_and_numbers_stay() -> None:
    part: Any = {"a": ["$A", 1, None, {"b": "$A"}], "c": True}
    assert interpolate(part, {"A": "x"}) == {"a": ["x", 1, None, {"b": "x"}], "c": True}


def test_variables_are_listed_with_their_kind() -> None:
    part = {"a": ["${A:?why} $$B $C"], "d": "${D:-x}", "e": 1}
    assert list(variables(part)) == [("A", ":?"), ("C", ""), ("D", ":-")]


def test_env_is_taken_literally_between_quotes() -> None:
    text = "# a comment\n\nA='x'\nEMPTY=''\nJSON='{\"a\": \"$HOME \\\\ #\"}'\n"
    assert read_env(text) == {"A": "x", "EMPTY": "", "JSON": '{"a": "$HOME \\\\ #"}'}


@pytest.mark.parametrize(
    "line", ["A=x", "A='x", "A='x\\'", "A='x' B='y'", "a='x'", "export A='x'", "A='it's'"]
)
def test_another_line_is_refused_without_its_value(line: str) -> None:
    with pytest.raises(ValueError, match=r"^\w[\w ]*must be NAME='value'$"):
        read_env(line)


def test_services_of_a_profile_need_it() -> None:
    document = {
        "services": {
            "one": {"command": "run --fast 'two words'", "environment": {"N": 4, "A": "${A}"}},
            "many": {"profiles": ["more"], "command": ["x", "$$y"], "deploy": {"replicas": 2}},
        }
    }
    found = services(document, {"A": "1"})
    assert found.keys() == {"one"}
    assert (found["one"].command, found["one"].environment) == (
        ("run", "--fast", "two words"),
        {"N": "4", "A": "1"},
    )
    more = services(document, {"A": "1", "COMPOSE_PROFILES": "less,more"})["many"]
    assert (more.command, more.replicas) == (("x", "$y"), 2)
