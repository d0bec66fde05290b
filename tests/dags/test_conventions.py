# SPDX-License-Identifier: Apache-2.0
"""What holds for every DAG that travels in the package."""

from __future__ import annotations

import inspect
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
        function = getattr(task, "python_callable", None)
        if function is not None and inspect.signature(function).return_annotation not in {None, "None"}:
            assert task.show_return_value_in_logs is False, task.task_id
