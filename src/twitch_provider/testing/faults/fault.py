# SPDX-License-Identifier: Apache-2.0
"""A fault that is switched on: for which endpoint, how often, and from which request on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.testing.answers import Answer
from twitch_provider.testing.endpoints import ENDPOINTS
from twitch_provider.testing.faults.registry import BEHAVIOURS, ELSEWHERE, FAULTS, Context

_AUTH = ("token", "validate", "revoke")
_TARGETS = (*ENDPOINTS, *_AUTH)


@dataclass
class Fault:
    """A fault that is switched on.

    :param name: one of :data:`FAULTS`
    :param endpoint: such as ``streams``, ``games/top`` or ``token``; None means every Helix endpoint, or
        ``token`` for the faults whose name begins with ``token_``
    :param times: how many responses it changes; None for all
    :param start: the first matching request, counted from 1, that it may change
    :param location: where ``redirect`` leads
    :raises TwitchParameterError: an unknown fault or endpoint, or a number below 1
    """

    name: str
    endpoint: str | None = None
    times: int | None = 1
    start: int = 1
    location: str = ELSEWHERE
    applied: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False)
    _memory: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise TwitchParameterError(
                f"Unknown fault {self.name!r}: it must be one of {', '.join(FAULTS)}.", parameter="name"
            )
        if self.endpoint is not None and self.endpoint not in _TARGETS:
            raise TwitchParameterError(
                f"Unknown endpoint {self.endpoint!r}: it must be one of {', '.join(_TARGETS)}.",
                parameter="endpoint",
            )
        for parameter, value in (("times", self.times), ("start", self.start)):
            if value is not None and value < 1:
                raise TwitchParameterError(
                    f"{parameter} must be 1 or more, not {value}.", parameter=parameter
                )

    def apply(self, answer: Answer, *, endpoint: str, context: Callable[..., Context]) -> Answer:
        """Return the response as this fault changes it; the same object where it does not."""
        is_over = self.times is not None and self.applied >= self.times
        if is_over or not self._matches(endpoint):
            return answer
        self._seen += 1
        if self._seen < self.start:
            return answer
        changed = BEHAVIOURS[self.name](
            answer, context(number=self.applied, location=self.location, memory=self._memory)
        )
        if changed is None:
            return answer
        self.applied += 1
        return changed

    def _matches(self, endpoint: str) -> bool:
        if self.endpoint is not None:
            return endpoint == self.endpoint
        if self.name.startswith("token_"):
            return endpoint == "token"
        return endpoint not in _AUTH
