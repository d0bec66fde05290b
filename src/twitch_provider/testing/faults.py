# SPDX-License-Identifier: Apache-2.0
"""Faults that are switched on: by name, for one endpoint or for all, so many times, from some request on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing.answers import Answer
from twitch_provider.testing.endpoints import ENDPOINTS
from twitch_provider.testing.plays import ELSEWHERE, FAULTS, PLAYS, Scene

_AUTH = ("token", "validate", "revoke")
_AIMS = (*ENDPOINTS, *_AUTH)


@dataclass
class Fault:
    """A fault that is switched on.

    :param name: one of :data:`FAULTS`
    :param endpoint: the one it aims at, such as ``streams``, ``games/top`` or ``token``; None aims at every
        Helix endpoint, or at ``token`` where the name begins so
    :param times: how many answers it spoils; None for ever
    :param start: the first matching request that it may spoil, counted from 1
    :param location: where ``redirect`` leads
    :raises TwitchParameterError: there is no such fault or endpoint, or a number is out of range
    """

    name: str
    endpoint: str | None = None
    times: int | None = 1
    start: int = 1
    location: str = ELSEWHERE
    played: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False)
    _memory: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise TwitchParameterError(
                f"There is no fault {self.name!r}; there are {', '.join(FAULTS)}.", parameter="name"
            )
        if self.endpoint is not None and self.endpoint not in _AIMS:
            raise TwitchParameterError(
                f"There is no endpoint {self.endpoint!r}; there are {', '.join(_AIMS)}.", parameter="endpoint"
            )
        for parameter, value in (("times", self.times), ("start", self.start)):
            if value is not None and value < 1:
                raise TwitchParameterError(f"{parameter} is 1 or more, not {value}.", parameter=parameter)

    def spoil(self, answer: Answer, *, endpoint: str, scene: Callable[..., Scene]) -> Answer:
        """The answer as this fault leaves it; unchanged where it is not its turn."""
        if not self._aims_at(endpoint) or self._is_over:
            return answer
        self._seen += 1
        if self._seen < self.start:
            return answer
        spoilt = PLAYS[self.name](
            answer, scene(number=self.played, location=self.location, memory=self._memory)
        )
        if spoilt is None:
            return answer
        self.played += 1
        return spoilt

    @property
    def _is_over(self) -> bool:
        return self.times is not None and self.played >= self.times

    def _aims_at(self, endpoint: str) -> bool:
        if self.endpoint is not None:
            return endpoint == self.endpoint
        if self.name.startswith("token_"):
            return endpoint == "token"
        return endpoint not in _AUTH
