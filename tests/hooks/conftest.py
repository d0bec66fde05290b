# SPDX-License-Identifier: Apache-2.0
"""A hook on a simulated Twitch, without real waits."""

from __future__ import annotations

import pytest

from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.testing import Simulator


@pytest.fixture
def hook(twitch_connection: Simulator, naps: list[float]) -> TwitchHook:
    """A hook that has not sent a request yet."""
    return TwitchHook()
