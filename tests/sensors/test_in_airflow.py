# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.triggers.stage import Script, Stage

DAGS = Path(__file__).parent / "dags"

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


def test_defers_resumes_and_hands_the_streams_on(
    stage: Stage, script: Script, dags_in: Callable[[Path], None]
) -> None:
    dags_in(DAGS)
    script.will(None, lambda: stage.start("bob"))
    run = runpy.run_path(str(DAGS / "waits_for_a_channel.py"))["waits_for_a_channel"].test()
    instances = {instance.task_id: instance for instance in run.get_task_instances()}
    assert {name: str(instance.state) for name, instance in instances.items()} == {
        "live": "success",
        "users": "success",
    }
    assert script.naps == [60.0, 60.0]
    assert instances["live"].xcom_pull(task_ids="live") == [stage.on_air["bob"].row]
    assert [user["login"] for user in instances["users"].xcom_pull(task_ids="users")] == ["bob"]
