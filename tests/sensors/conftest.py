# SPDX-License-Identifier: Apache-2.0
"""The stage and the script of the triggers' tests, and a task's context."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from tests.triggers.conftest import script, stage

from twitch_provider.compat import BaseSensorOperator

__all__ = ["script", "stage"]


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a sensor looks at when it begins: it never was rescheduled, which Airflow 2 asks its database."""
    base = sys.modules[BaseSensorOperator.__module__]
    monkeypatch.setattr(base, "_orig_start_date", lambda **_: None, raising=False)
    place = {"dag_id": "d", "task_id": "wait", "run_id": "r", "map_index": -1, "max_tries": 0}
    return {"ti": SimpleNamespace(get_first_reschedule_date=lambda _context: None, **place)}
