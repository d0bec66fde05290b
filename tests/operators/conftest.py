# SPDX-License-Identifier: Apache-2.0
"""An operator's context, and a lake in memory: the bucket ``lake``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.lake.conftest import MemoryStore

from twitch_provider.pipelines import run


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """What is in the bucket ``lake``."""
    store = MemoryStore()
    store.address = "s3://lake/"
    monkeypatch.setattr(run, "open_store", lambda _config: store)
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", "lake")
    return store


def rerun(context: Any, *, minutes: float = 0, **values: Any) -> Any:
    """The context of a run some minutes before or after; its run has some values changed.

    :param minutes: how much later it was due
    :param values: of the run, for example ``clear_number``
    """
    dag_run = SimpleNamespace(**{**vars(context["dag_run"]), **values})
    dag_run.run_after += timedelta(minutes=minutes)
    return {**context, "dag_run": dag_run}


@pytest.fixture
def context() -> Any:
    """What a run of a minute ago hands to ``execute``."""
    run_after = datetime.now(UTC).replace(second=0, microsecond=0)
    dag_run = SimpleNamespace(
        dag_id="mine", run_id="run-1", run_after=run_after, run_type="scheduled", clear_number=0
    )
    return {"dag_run": dag_run, "ti": SimpleNamespace(task_id="t", map_index=-1), "params": {}}
