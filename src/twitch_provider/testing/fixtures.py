# SPDX-License-Identifier: Apache-2.0
"""Fixtures for pytest: ``pytest_plugins = ["twitch_provider.testing.fixtures"]`` in your ``conftest.py``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from twitch_provider.testing.simulator import Simulator

_STREAMS = 300
#: A generated world changes every minute; at this instant it is the same in every run of a test.
_AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


@pytest.fixture
def twitch_simulator() -> Iterator[Simulator]:
    """A running simulator, new for every test: a small generated world at 16:35 UTC on 23 November 2026."""
    with Simulator(streams=_STREAMS, at=_AT) as simulator:
        yield simulator


@pytest.fixture
def twitch_connection(twitch_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The simulator, with Airflow's connection ``twitch_default`` pointing to it.

    :param twitch_simulator: the fixture
    :param monkeypatch: of pytest
    """
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", twitch_simulator.connection_json())
    return twitch_simulator
