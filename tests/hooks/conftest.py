# SPDX-License-Identifier: Apache-2.0
"""A hook on a simulated Twitch whose waiting takes no time."""

from __future__ import annotations

import pytest

from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.testing import Simulator


@pytest.fixture
def hook(twitch_connection: Simulator, naps: list[float]) -> TwitchHook:
    """A hook that has not asked yet."""
    return TwitchHook()
