# SPDX-License-Identifier: Apache-2.0
"""Operators for Twitch: import them from here."""

from __future__ import annotations

from twitch_provider.operators.all_streams import TwitchAllStreamsOperator
from twitch_provider.operators.endpoint import TwitchHelixOperator
from twitch_provider.operators.streams import TwitchStreamsOperator
from twitch_provider.operators.top_games import TwitchTopGamesOperator

__all__ = [
    "TwitchAllStreamsOperator",
    "TwitchHelixOperator",
    "TwitchStreamsOperator",
    "TwitchTopGamesOperator",
]
