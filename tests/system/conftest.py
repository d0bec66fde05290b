# SPDX-License-Identifier: Apache-2.0
"""A real Airflow, an S3 in memory, and a Twitch in which the channels of the examples are live."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from twitch_provider.testing import CapturedWorld, Simulator
from twitch_provider.testing.generated import GeneratedWorld

EXAMPLES = Path(__file__).parent
BUCKET = "my-twitch-lake"
CHANNELS = ("monstercat", "nasa")


@pytest.fixture
def twitch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A made-up Twitch whose first streams are those that the examples name."""
    now = datetime.now(UTC)
    # At a fixed instant: who is live, and so whether a trigger waits, depends on the time.
    noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
    rows = [dict(stream.row) for stream in GeneratedWorld(streams=600, short_pages=False).at(noon).streams]
    for row, login in zip(rows, CHANNELS, strict=False):
        row |= {"user_login": login, "user_name": login.title()}
    with Simulator(CapturedWorld(rows, taken_at=now)) as simulator:
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", simulator.connection_json())
        yield simulator


@pytest.fixture
def run_example(
    twitch: Simulator, new_bucket: Callable[[str], None], dags_in: Callable[[Path], None]
) -> Callable[[str, str], Any]:
    """Run the DAG of an example here and now; gives the run."""
    new_bucket(BUCKET)
    dags_in(EXAMPLES)

    def run(file: str, dag_id: str) -> Any:
        found = runpy.run_path(str(EXAMPLES / file))[dag_id]
        dag = found() if callable(found) else found  # one of @dag is a function
        return dag.test()

    return run
