# SPDX-License-Identifier: Apache-2.0
"""What a play is, and where every play is entered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from twitch_provider.testing.answers import Answer

#: Where a redirect leads unless it is told: a name that cannot exist, https://www.rfc-editor.org/rfc/rfc2606.
ELSEWHERE = "https://elsewhere.invalid/helix/streams"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a play may look at.

    :param after: the cursor of the request, or ""
    :param question: the endpoint and its parameters without the cursor: which walk the request belongs to
    :param number: how often this fault has played before
    :param memory: what earlier requests left behind, by question
    """

    after: str
    question: str
    now: datetime
    limit: int
    number: int
    location: str
    memory: dict[str, Any]


Play = Callable[[Answer, Scene], Answer | None]

#: Name -> how it spoils an answer.
PLAYS: dict[str, Play] = {}

#: Every fault: name -> what it does. Those of ``token`` aim at the token endpoint, the others at Helix.
FAULTS: dict[str, str] = {}


def fault(name: str, description: str) -> Callable[[Play], Play]:
    """Enter a play under its name."""

    def enter(play: Play) -> Play:
        PLAYS[name], FAULTS[name] = play, description
        return play

    return enter


def instead(answer: Answer, other: Answer, **headers: str) -> Answer:
    """Another answer, with the headers of the one that would have been sent."""
    return replace(other, headers={**answer.headers, **headers})


def unlimited(answer: Answer) -> Answer:
    """The answer without the headers of the rate limit."""
    kept = {name: value for name, value in answer.headers.items() if not name.startswith("Ratelimit-")}
    return replace(answer, headers=kept)


def rows_of(answer: Answer) -> list[Any] | None:
    """The rows of a good answer."""
    return answer.payload.get("data") if answer.status == 200 and isinstance(answer.payload, dict) else None
