# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from twitch_provider.testing import Simulator

Run = Callable[..., Any]
pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


def tick(minutes_ago: int = 0) -> datetime:
    """A tick that is recent enough to ask Twitch."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)


def rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode())))


def states(run: Any) -> dict[str, str]:
    return {instance.task_id: str(instance.state) for instance in run.get_task_instances()}


def test_debug(run_dag: Run, bucket: Any, connect: Any) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        run = run_dag(tick())
    print(states(run), bucket.keys())
    raise AssertionError
