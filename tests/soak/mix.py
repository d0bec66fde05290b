# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in a soak, how often and when: everything that is drawn is drawn from one seed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from random import Random
from typing import Any

from tests.soak.kernel import Fate

from twitch_provider.testing.faults import FAULTS

#: What Twitch's rows, clocks and lists do beyond the faults of the simulator, and what a network does.
MORE_KINDS = {
    "odd_rows": "rows of a page have values that Helix does not have",
    "wrong_date": "the Date of an answer is two hours off",
    "early_end": "a list ends in its middle, and looks like a regular end",
    "unresolved": "the host name is not resolved",
}
#: All kinds by which one of Twitch's answers fails or is odd.
KINDS = (*FAULTS, *MORE_KINDS)
#: How each request fails while Twitch is away.
AWAY = ("error_503", "html_502", "hang", "dropped_connection", "unresolved")

INTERVAL = 300.0


@dataclass(frozen=True)
class Mix:
    """How much of what goes wrong.

    :param twitch: the share of Twitch's answers that fail
    :param s3: the share of S3's answers that fail
    :param killed: the share of tries whose worker is killed
    :param frozen: the share of tries whose worker is frozen, for a minute up to forty
    :param away: minutes for which Twitch is away
    :param refusing: minutes for which S3 refuses all requests
    :param expiries: how often all tokens expire
    :param jump: minutes by which the clock of the machines jumps, and back again ``jumped`` minutes later
    :param jumped: minutes until the clock is right again
    :param limit: points of the rate limit
    :param kinds: which of :data:`KINDS` fail, with weights; empty: all, equally often
    """

    twitch: float = 0.05
    s3: float = 0.01
    killed: float = 0.05
    frozen: float = 0.03
    away: float = 20.0
    refusing: float = 8.0
    expiries: int = 2
    jump: float = 60.0
    jumped: float = 9.0
    limit: int = 800
    kinds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Mix:
        """Read a mix as it is given on the command line: ``twitch=0.1 jump=-60 kinds=hang:3,half_body``.

        :raises ValueError: a name or a value is not valid
        """
        given: dict[str, Any] = {}
        kinds = {each.name: each.default for each in fields(cls)}
        for word in shlex.split(text):
            name, _, value = word.partition("=")
            if name == "kinds":
                pairs = (each.partition(":") for each in value.split(",") if each)
                given[name] = {kind: float(weight or 1) for kind, _, weight in pairs}
                if unknown := given[name].keys() - set(KINDS):
                    raise ValueError(f"unknown kinds {', '.join(sorted(unknown))}: use {', '.join(KINDS)}")
            elif name in kinds:
                given[name] = int(value) if name in {"expiries", "limit"} else float(value)
            else:
                raise ValueError(f"unknown {name!r}: use {', '.join(kinds)}")
        return replace(cls(), **given)

    def __str__(self) -> str:
        default = Mix()
        said = [
            f"{each.name}={getattr(self, each.name):g}"
            for each in fields(self)
            if each.name != "kinds" and getattr(self, each.name) != getattr(default, each.name)
        ]
        said += [f"kinds={','.join(f'{kind}:{weight:g}' for kind, weight in self.kinds.items())}"] * bool(
            self.kinds
        )
        return " ".join(said) or "the default"


@dataclass(frozen=True)
class Window:
    """A time in which something is the case, in seconds since the beginning."""

    begin: float
    end: float

    def __contains__(self, now: float) -> bool:
        return self.begin <= now < self.end

    def told(self, begins_at: Any) -> str:
        begin, end = (begins_at + timedelta(seconds=each) for each in (self.begin, self.end))
        return f"{begin:%H:%M} to {end:%H:%M}"


@dataclass(frozen=True)
class Plan:
    """When the events of a soak take place.

    :param seconds: how long it takes
    :param away: Twitch is away
    :param refusing: S3 refuses
    :param jumped: the clock is wrong
    :param expiries: all tokens expire
    """

    seconds: float
    away: Window
    refusing: Window
    jumped: Window
    expiries: Sequence[float]

    @classmethod
    def draw(cls, mix: Mix, runs: int, random: Random) -> Plan:
        """Draw the order of the events, and when in its part of the time each of them begins."""
        seconds = runs * INTERVAL
        lengths = [60 * mix.away, 60 * mix.refusing, 60 * mix.jumped]
        order = random.sample(range(len(lengths)), len(lengths))
        part = seconds / len(order)
        windows: dict[int, Window] = {}
        for place, event in enumerate(order):
            begin = part * (place + random.uniform(0.1, 0.6))
            windows[event] = Window(begin, begin + lengths[event])
        expiries = [
            seconds * (number + random.uniform(0.6, 1.2)) / (mix.expiries + 1)
            for number in range(mix.expiries)
        ]
        return cls(seconds, windows[0], windows[1], windows[2], expiries)


@dataclass
class Fates:
    """Draws what befalls each try.

    :param mix: how often
    :param random: of what is drawn
    """

    mix: Mix
    random: Random
    #: How many requests a task takes, by its name.
    usual: dict[str, int] = field(default_factory=dict)

    def draw(self, name: str) -> Fate:
        """Draw for a try of a task."""
        draw, most = self.random, self.usual.get(name, 20)
        befalls, moment = draw.random(), 1 + draw.randrange(most)
        if befalls < self.mix.killed:
            return Fate(killed=moment)
        if befalls < self.mix.killed + self.mix.frozen:
            minutes = draw.choice([1, 3, 8, 15, 40])
            return Fate(
                # Now and then, one that wakes is killed soon after.
                killed=moment + draw.randrange(1, 5) if draw.random() < 0.2 else 0,
                frozen=moment,
                seconds=60 * minutes * draw.uniform(0.7, 1.3),
                suspended=draw.random() < 0.5,
            )
        return Fate()

    def learn(self, name: str, requests: int) -> None:
        """Remember how many requests a try took that nothing befell."""
        self.usual[name] = max(1, requests)
