# SPDX-License-Identifier: Apache-2.0
"""The benchmarks on a small scale: counts and invariants, never times."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _airflow(airflow_of_the_dags: None) -> None:
    """No test of this folder runs on an Airflow that is too old for the DAGs."""
