# SPDX-License-Identifier: Apache-2.0
"""The simulated Twitch of the fault table, where nothing is masked: what shows, shows."""

from __future__ import annotations

from tests.faults.conftest import server, simulator

# Airflow 2 warns while it is imported; here, that does not fail a test yet.
from twitch_provider.operators import twitch as operators
from twitch_provider.triggers import twitch as triggers

__all__ = ["operators", "server", "simulator", "triggers"]
