# SPDX-License-Identifier: Apache-2.0
"""What a fault's behaviour is, and the register of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from twitch_provider.testing.answers import Answer

#: Default target of a redirect: a name that cannot exist, https://www.rfc-editor.org/rfc/rfc2606.
ELSEWHERE = "https://elsewhere.invalid/helix/streams"


@dataclass(frozen=True, slots=True)
class Context:
    """The request that is answered, for a behaviour.

    :param after: the cursor of the request, or ""
    :param list_key: the endpoint and its parameters without the cursor: the list that the request reads
    :param now: the world's time
    :param limit: points of the rate limit
    :param number: how often this fault was applied before
    :param location: where ``redirect`` leads
    :param memory: what the fault remembers of earlier requests, by ``list_key``
    """

    after: str
    list_key: str
    now: datetime
    limit: int
    number: int
    location: str
    memory: dict[str, Any]


Behaviour = Callable[[Answer, Context], Answer | None]

#: Name -> how it changes a response.
BEHAVIOURS: dict[str, Behaviour] = {}

#: Name -> what it does. Names that begin with ``token_`` are of the token endpoint, the others of Helix.
FAULTS: dict[str, str] = {}


def fault(name: str, description: str) -> Callable[[Behaviour], Behaviour]:
    """Register a behaviour under its name."""

    def register(behaviour: Behaviour) -> Behaviour:
        BEHAVIOURS[name], FAULTS[name] = behaviour, description
        return behaviour

    return register


def instead(answer: Answer, other: Answer, **headers: str) -> Answer:
    """Another response, with the headers of the one that would have been sent."""
    return replace(other, headers={**answer.headers, **headers})


def sends(other: Answer) -> Behaviour:
    """A behaviour that always sends another response."""
    return lambda answer, context: instead(answer, other)


def changes(**fields: Any) -> Behaviour:
    """A behaviour that sets fields of the response."""
    return lambda answer, context: replace(answer, **fields)


def without_rate_limit(answer: Answer) -> Answer:
    """The response without the headers of the rate limit."""
    kept = {name: value for name, value in answer.headers.items() if not name.startswith("Ratelimit-")}
    return replace(answer, headers=kept)


def rows_of(answer: Answer) -> list[Any] | None:
    """The rows of a successful response."""
    return answer.payload.get("data") if answer.status == 200 and isinstance(answer.payload, dict) else None
