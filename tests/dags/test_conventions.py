# SPDX-License-Identifier: Apache-2.0
"""What holds for every DAG that travels in the package."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.dags.conftest import DAGS, read_dag

pytestmark = pytest.mark.filterwarnings("default")  # Airflow's own, while it parses a DAG

IDS = sorted(path.stem for path in DAGS.glob("*.py"))


@pytest.fixture(params=IDS)
def dag(airflow_database: None, request: pytest.FixtureRequest) -> Any:
    return read_dag(request.param)


def test_no_task_prints_what_it_returns(dag: Any) -> None:
    for task in dag.tasks:
        arguments = getattr(task, "partial_kwargs", vars(task))  # of a mapped one
        if "python_callable" in arguments or hasattr(task, "python_callable"):
            assert arguments["show_return_value_in_logs"] is False, task.task_id


def test_retries_outlast_the_restart_of_an_api_server(dag: Any) -> None:
    # 40 s were measured on a busy machine, in the cluster test; two retries after 20 s each fell into it.
    for task in dag.tasks:
        waits = [
            task.retry_delay * (2**number if task.retry_exponential_backoff else 1)
            for number in range(task.retries)
        ]
        assert sum(waits, timedelta()) >= timedelta(seconds=100), task.task_id


@pytest.mark.parametrize("name", ["twitch_top_games.load", "twitch_metrics.hours", "twitch_metrics.overview"])
def test_tasks_that_publish_have_links(airflow_of_the_dags: None, name: str) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    dag_id, task_id = name.split(".")
    dag = DagSerialization.from_dict(DagSerialization.to_dict(read_dag(dag_id)))
    assert dag.get_task(task_id).extra_links == ["Manifest in S3", "Twitch page"]
