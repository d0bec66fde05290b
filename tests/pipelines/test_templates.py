# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from jinja2.nativetypes import NativeEnvironment
from jinja2.sandbox import SandboxedEnvironment

from twitch_provider.pipelines.templates import native


@pytest.mark.parametrize(
    ("value", "kinds", "meant"),
    [
        ("en", (list,), "en"),
        ("['en', 'de']", (list, tuple), ["en", "de"]),
        ('["en", "de"]', (list,), ["en", "de"]),
        ("('en', 'de')", (list, tuple), ("en", "de")),
        (["en"], (list,), ["en"]),
        ("[REDACTED]", (list,), "[REDACTED]"),
        ("['en'", (list,), "['en'"),
        ("(1)", (list, tuple), "(1)"),
        ("['en']", (), "['en']"),
        ("1_000", (list,), "1_000"),
        (12, (list,), 12),
        ("20", (int,), 20),
        (20, (int,), 20),
        ("many", (int,), "many"),
        ("-1", (int,), "-1"),
        ("", (int,), ""),
        ("20", (), "20"),
        ("True", (bool,), True),
        ("false", (bool,), False),
        ("yes", (bool,), "yes"),
        ("True", (), "True"),
        ("{'id': ['1']}", (dict,), {"id": ["1"]}),
        ("{id}", (dict,), "{id}"),
        ("None", (), None),
        ("None", (list,), None),
        (None, (int,), None),
        ("none", (), "none"),
        ("null", (), None),
        ("null", (list, str), "null"),
        ("None", (list, str), None),
        ('["en", null]', (list,), ["en", None]),
        ('{"live_only": true, "first": null}', (dict,), {"live_only": True, "first": None}),
        ('{"live_only": True}', (dict,), {"live_only": True}),
        ('{"live_only": yes}', (dict,), '{"live_only": yes}'),
        (' ["en"]\n', (list,), ["en"]),
        ('"en"', (list,), "en"),
        ('"20"', (int,), 20),
        ('"en', (list,), '"en'),
        ('"en" and "de"', (list,), '"en" and "de"'),
        ('"a phrase"', (str,), '"a phrase"'),
        ("20\n", (int,), 20),
    ],
)
def test_text_means_what_it_is_a_literal_of(value: Any, kinds: tuple[type, ...], meant: Any) -> None:
    found = native(value, *kinds)
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize("environment", [SandboxedEnvironment, NativeEnvironment])
@pytest.mark.parametrize("value", [["en", "de"], None, [], "en"])
def test_both_ways_of_rendering_mean_the_same(environment: Any, value: Any) -> None:
    rendered = environment().from_string("{{ it }}").render(it=value)
    assert native(rendered, list, tuple) == value


@pytest.mark.parametrize("text", ["[" * 10_000, "[1" + "0" * 5_000 + "]", "9" * 5_000, "{[]: 1}"])
def test_a_text_that_python_cannot_read_stays_as_it_is(text: str) -> None:
    assert native(text, list, dict, int) == text
