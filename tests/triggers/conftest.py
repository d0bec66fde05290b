# SPDX-License-Identifier: Apache-2.0
"""A stage, and a script for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.triggers.stage import Script, Stage

from twitch_provider.triggers.polling import LivePoll


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> Iterator[Stage]:
    """Three channels, none of them live; hooks wait for nothing, and polls neither."""
    stage = Stage("ann", "bob", "cid")
    with stage.simulator:
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", stage.simulator.connection_json())
        yield stage


@pytest.fixture
def script(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Script:
    """What happens while polls wait."""
    script = Script(stage)
    monkeypatch.setattr(LivePoll, "_sleep", script.sleep)
    monkeypatch.setattr(LivePoll, "_clock", script.clock)
    return script
