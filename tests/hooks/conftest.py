# SPDX-License-Identifier: Apache-2.0
"""A hook on a simulated Twitch whose waiting takes no time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from twitch_provider.hooks import twitch
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.testing import Simulator


@pytest.fixture
def hook(twitch_connection: Simulator, naps: list[float]) -> Iterator[TwitchHook]:
    """A hook whose tokens and bucket are its own."""
    twitch.shared.cache_clear()
    yield TwitchHook()
    twitch.shared.cache_clear()
