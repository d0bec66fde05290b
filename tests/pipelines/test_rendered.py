# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from jinja2.nativetypes import NativeEnvironment
from jinja2.sandbox import SandboxedEnvironment

from twitch_provider.pipelines.rendered import flag, given, listed, mapping, number


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("en", "en"),
        ("['en', 'de']", ["en", "de"]),
        ('["en", "de"]', ["en", "de"]),
        ("('en', 'de')", ("en", "de")),
        ("None", None),
        (None, None),
        (["en"], ["en"]),
        ("none", "none"),
        ("[REDACTED]", "[REDACTED]"),
        ("['en'", "['en'"),
        ("(1)", "(1)"),
        ("1_000", "1_000"),
        (12, 12),
    ],
)
def test_listed(value: Any, meant: Any) -> None:
    assert listed(value) == meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [("20", 20), (20, 20), ("None", None), (None, None), ("many", "many"), ("-1", "-1"), ("", "")],
)
def test_number(value: Any, meant: Any) -> None:
    assert number(value) == meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("True", True),
        ("true", True),
        ("false", False),
        (False, False),
        ("None", None),
        ("yes", "yes"),
        (1, 1),
    ],
)
def test_flag(value: Any, meant: Any) -> None:
    assert flag(value) is meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("{'id': ['1']}", {"id": ["1"]}),
        ({"id": "1"}, {"id": "1"}),
        ("None", None),
        ("{id}", "{id}"),
        ("id", "id"),
    ],
)
def test_mapping(value: Any, meant: Any) -> None:
    assert mapping(value) == meant


@pytest.mark.parametrize(("value", "meant"), [("None", None), ("x", "x"), (None, None), ("", "")])
def test_given(value: Any, meant: Any) -> None:
    assert given(value) == meant


@pytest.mark.parametrize("environment", [SandboxedEnvironment, NativeEnvironment])
@pytest.mark.parametrize("value", [["en", "de"], None, [], "en"])
def test_both_ways_of_rendering_mean_the_same(environment: Any, value: Any) -> None:
    assert listed(environment().from_string("{{ it }}").render(it=value)) == value


@pytest.mark.parametrize("text", ["[" * 10_000, "[1" + "0" * 5_000 + "]"])
def test_a_text_that_python_cannot_read_stays_as_it_is(text: str) -> None:
    assert listed(text) == text
