# SPDX-License-Identifier: Apache-2.0
"""Fixtures for pytest: ``pytest_plugins = ["twitch_provider.testing.fixtures"]`` in your ``conftest.py``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from twitch_provider.testing.simulator import Simulator

_STREAMS = 300


@pytest.fixture
def twitch_simulator() -> Iterator[Simulator]:
    """A running simulator on a small made-up world; a new one for every test."""
    with Simulator(streams=_STREAMS) as simulator:
        yield simulator


@pytest.fixture
def twitch_connection(twitch_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The simulator, with Airflow's connection ``twitch_default`` leading to it."""
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", twitch_simulator.connection_json())
    return twitch_simulator
