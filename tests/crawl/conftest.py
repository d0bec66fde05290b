# SPDX-License-Identifier: Apache-2.0
"""The crawl is stepped by hand like the conversations below it, and driven like the hooks above it."""

from __future__ import annotations

from tests.helix.conftest import answers, new_twitch, signed_in, twitch
from tests.hooks.conftest import hook

__all__ = ["answers", "hook", "new_twitch", "signed_in", "twitch"]
