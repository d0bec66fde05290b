# SPDX-License-Identifier: Apache-2.0
"""Whatever Twitch accepts, our rules accept, except for a few things that are refused on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest
from tests.conformance.prose import MOCK
from tests.conformance.samples import as_sent, subsets
from tests.conformance.validator import Description

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix.endpoints import ENDPOINTS
from twitch_provider.helix.messages import Params
from twitch_provider.helix.queries import query

EVERYWHERE = pytest.mark.parametrize("path", ENDPOINTS)

#: What is tried as each type's value.
TEXTS = [
    "a",
    "0",
    "foo_Bar-9",
    "Ünï",
    "#&=?+%",
    "a b",
    "a,b",
    " ",
    "",
    "en",
    "DE",
    "other",
    "asl",
    "zh-hk",
    "english",
]
INSTANTS = [
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.123456789Z",
    "2024-02-29T23:59:59+05:30",
    "2026-01-01T00:00:00-00:00",
    "2026-12-31T23:59:60Z",
    "2026-01-01t00:00:00z",
    "2026-01-01T00:00:00z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+01:60",
    "2026-01-01T00:00:00",
    "2026-01-01 00:00:00Z",
    "2026-01-01",
    "1767225600",
    "٢٠٢٦-01-01T00:00:00Z",
]


@dataclass(frozen=True)
class Refusal:
    """What Twitch's documentation allows and we refuse.

    :param applies: to this value of this parameter
    :param path: with ``params``, a request that nothing else is wrong with
    """

    reason: str
    applies: Callable[[str, str], bool]
    path: str
    params: dict[str, Any]


ON_PURPOSE = [
    Refusal(
        "no id, login or language has a blank or a comma in it: it is a list that somebody joined",
        lambda name, value: (
            name not in {"name", "query", "after", "before"} and bool(re.search("[ ,]", value))
        ),
        "videos",
        {"user_id": "1 2"},
    ),
    Refusal(
        f"Twitch reads instants by Go's time.RFC3339: capital letters, no leap seconds; {MOCK}",
        lambda name, value: name.endswith("ed_at") and (":60Z" in value or value != value.upper()),
        "clips",
        {"game_id": "1", "started_at": "2026-01-01t00:00:00z"},
    ),
]


def accepts(path: str, params: dict[str, Any]) -> Params | None:
    """The one request that these arguments become, or None where they are refused."""
    try:
        (batch,) = query(path, params).batches
    except TwitchParameterError:
        return None
    return batch


@EVERYWHERE
def test_a_combination_of_parameters_is_accepted_exactly_where_twitch_accepts_it(
    description: Description, path: str
) -> None:
    for params in subsets(list(description.parameters(path))):
        pairs = as_sent(params)
        sent = accepts(path, params)
        assert (sent is not None) == (not description.breaches(path, pairs)), params
        if sent is not None:
            assert description.breaches(path, sent) == []
            assert set(pairs) <= set(sent)
            assert {name for name, _ in sent} <= params.keys() | {"first"}


def values_of(schema: dict[str, Any]) -> list[Any]:
    if schema["type"] == "integer":
        return [1, 100, 0, -1, 101]
    if schema["type"] == "boolean":
        return [True, False]
    if schema.get("format") == "date-time":
        return INSTANTS
    choices = schema.get("enum", [])
    return [*choices, *(choice.upper() for choice in choices), *TEXTS]


@EVERYWHERE
def test_a_value_is_accepted_exactly_where_twitch_accepts_it(description: Description, path: str) -> None:
    parameters = description.parameters(path)
    for name, parameter in parameters.items():
        # With the fewest others that make it a request at all.
        beside = next(
            params
            for params in subsets(list(parameters))
            if name in params and not description.breaches(path, as_sent(params))
        )
        schema = {"type": "integer"} if name == "first" else parameter["schema"]
        for value in values_of(schema.get("items", schema)):
            params = beside | {name: value}
            taken = not description.breaches(path, as_sent(params))
            accepted = accepts(path, params) is not None
            excused = any(each.applies(name, str(value)) for each in ON_PURPOSE)
            assert accepted == (taken and not excused), (params, description.breaches(path, as_sent(params)))


@pytest.mark.parametrize("refusal", ON_PURPOSE, ids=lambda refusal: refusal.reason[:40])
def test_every_exception_is_needed(description: Description, refusal: Refusal) -> None:
    assert any(refusal.applies(name, value) for name, value in refusal.params.items())
    assert description.breaches(refusal.path, as_sent(refusal.params)) == []
    assert accepts(refusal.path, refusal.params) is None


@pytest.mark.parametrize("counts", [(1, 0), (99, 0), (100, 0), (101, 0), (60, 40), (60, 41), (100, 100)])
def test_a_hundred_values_are_accepted_and_not_one_more(
    description: Description, counts: tuple[int, int]
) -> None:
    pool = [a + b for a in "abcdefghijk" for b in "abcdefghijk"]
    for path, endpoint in ENDPOINTS.items():
        for names in permutations([*endpoint.lists, None], 2):
            # With one list only, the second name is None.
            values = {name: pool[:count] for name, count in zip(names, counts, strict=True) if name and count}
            pairs = [(name, value) for name, each in values.items() for value in each]
            assert (accepts(path, values) is not None) == (not description.breaches(path, pairs)), (
                path,
                names,
            )
