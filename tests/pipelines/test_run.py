# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from twitch_provider.pipelines.run import tick

TICK = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
BEGAN = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
ASKED = datetime(2026, 11, 23, 17, 40, tzinfo=UTC)


def airflow_2(run_type: str, *, end: datetime | None, logical_date: datetime) -> Any:
    return SimpleNamespace(run_type=run_type, data_interval_end=end, logical_date=logical_date)


def test_airflow_3_says_it() -> None:
    run = SimpleNamespace(
        run_after=TICK, logical_date=None, data_interval_end=None, run_type="asset_triggered"
    )
    assert tick(run) == TICK


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
def test_a_scheduled_run_of_airflow_2_is_due_at_the_end_of_its_interval(run_type: str) -> None:
    assert tick(airflow_2(run_type, end=TICK, logical_date=BEGAN)) == TICK


@pytest.mark.parametrize("run_type", ["manual", "dataset_triggered"])
def test_a_run_of_airflow_2_that_was_asked_for_is_due_then_and_not_an_interval_earlier(run_type: str) -> None:
    assert tick(airflow_2(run_type, end=TICK, logical_date=ASKED)) == ASKED


def test_a_run_without_an_interval_is_due_at_its_logical_date() -> None:
    assert tick(airflow_2("scheduled", end=None, logical_date=TICK)) == TICK
