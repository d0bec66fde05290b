# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os

import pytest

from twitch_provider.testing import Simulator
from twitch_provider.testing.fixtures import twitch_connection, twitch_simulator

__all__ = ["twitch_connection", "twitch_simulator"]


@pytest.fixture(autouse=True)
def _no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_TWITCH_DEFAULT", raising=False)


def test_the_simulator_listens_and_sets_nothing(twitch_simulator: Simulator) -> None:
    assert twitch_simulator.url.startswith("http://127.0.0.1:")
    assert "AIRFLOW_CONN_TWITCH_DEFAULT" not in os.environ


def test_airflows_connection_leads_to_it(twitch_connection: Simulator) -> None:
    connection = json.loads(os.environ["AIRFLOW_CONN_TWITCH_DEFAULT"])
    assert connection["host"] == twitch_connection.api_url
