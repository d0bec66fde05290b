# SPDX-License-Identifier: Apache-2.0
"""Faults: each changes one response in a way that Twitch, or a proxy in front of it, has been seen to.

A behaviour takes the response that would have been sent and returns another one, or None where there is
nothing to change (only the last page has an end to change). Only changed responses are counted.
"""

from __future__ import annotations

from twitch_provider.testing.faults import bodies, errors, pages
from twitch_provider.testing.faults.fault import Fault
from twitch_provider.testing.faults.registry import ELSEWHERE, FAULTS, Context

__all__ = ["ELSEWHERE", "FAULTS", "Context", "Fault", "bodies", "errors", "pages"]
