# SPDX-License-Identifier: Apache-2.0
"""What the trigger form of the DAGs takes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.dags.conftest import read_dag

pytestmark = pytest.mark.filterwarnings("default")  # Airflow's own, while it parses a DAG


@pytest.fixture(scope="module", params=["twitch_top_games", "twitch_all_streams"])
def params(airflow_database: None, request: pytest.FixtureRequest) -> Any:
    return read_dag(request.param).params


@pytest.mark.parametrize(
    ("name", "value"), [("bucket", "s3://lake"), ("bucket", "Lake"), ("prefix", "a//b"), ("prefix", "dt=1")]
)
def test_a_bucket_or_prefix_that_breaks_keys_starts_no_run(params: Any, name: str, value: str) -> None:
    with pytest.raises(Exception, match="does not match"):
        params.get_param(name).resolve(value)


@pytest.mark.parametrize("value", [None, "", "team/twitch"])
def test_a_prefix_may_be_left_to_the_option(params: Any, value: str | None) -> None:
    assert params.get_param("prefix").resolve(value) == value
