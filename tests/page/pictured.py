# SPDX-License-Identifier: Apache-2.0
"""The month for pictures: with names that can be read, and channels that come later in the day."""

from __future__ import annotations

import math
from typing import Any

from tests.metrics.month import month_overview

_GAMES = """Just Chatting
Grand Theft Auto V
League of Legends
Counter-Strike
VALORANT
Dota 2
Minecraft
Fortnite
World of Warcraft
Apex Legends
Chess
Software and Game Development
Rust
Music"""
GAMES = _GAMES.splitlines()
_FIRST = ("Amber", "Basil", "Cedar", "Delta", "Ember", "Fjord", "Grove", "Hazel", "Indigo", "Juniper")
_SECOND = (
    "Plays",
    "Live",
    "Owl",
    "Runs",
    "Fox",
    "Speed",
    "Lab",
    "Bear",
    "Rook",
    "Codes",
    "TV",
    "Nova",
    "Oak",
)
_TITLES = ("ranked until diamond | !drops", "chill stream, all welcome", "first playthrough, no spoilers")


def game(number: int) -> str:
    """Return a name for a game."""
    return GAMES[number] if number < len(GAMES) else f"Indie game {number - len(GAMES) + 1}"


def channel(number: int) -> str:
    """Return a name for a channel."""
    return (
        f"{_FIRST[number % len(_FIRST)]}{_SECOND[number * 5 % len(_SECOND)]}{number if number > 129 else ''}"
    )


def later(seconds: float) -> float:
    """Return how many more channels are live at a time of the day than viewers would say."""
    return 1 + 0.18 * math.sin((seconds % 86400 / 3600 - 5) / 24 * 2 * math.pi)


def pictured() -> dict[str, Any]:
    """Return an overview that looks like a real one."""
    overview = month_overview()
    for scope in overview["scopes"]:
        _name(scope)
        for row in scope["heat_map"]["rows"]:
            row[3] = round(row[3] * later(row[1] * 3600))
            row[4] = round(row[2] / row[3], 2)
        for row in scope["snapshots"]["rows"]:
            row[2] = round(row[2] * later(row[0]))
            row[3] = row[2] + 3
        place = scope["days"]["columns"].index("top10_viewer_seconds")
        for number, row in enumerate(scope["days"]["rows"]):
            row[place] = round(row[place] * (1 + 0.16 * math.sin(number * 0.9)))
    return overview


def _name(scope: dict[str, Any]) -> None:
    channels = scope["channels"]["rows"]
    names = {row[1]: channel(number) for number, row in enumerate(channels)}
    place = scope["games"]["columns"].index("top_channels")
    for number, row in enumerate(scope["games"]["rows"]):
        row[1] = game(number)
        known = [(names.get(login, "Kite"), rest) for login, _, *rest in row[place]]
        row[place] = [[name.lower(), name, *rest] for name, rest in known]
    for number, row in enumerate(channels):
        row[1:3] = [channel(number).lower(), channel(number)]
        if row[3]:
            row[3], row[5] = game(number % 9), _TITLES[number // 2 % len(_TITLES)]
    for kind, name in (("games", game), ("channels", channel)):
        for side, first in (("gaining", 2), ("losing", 13)):
            for number, row in enumerate(scope["movers"][kind][side]["rows"]):
                row[1] = name(first + number)
