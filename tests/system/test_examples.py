# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from twitch_provider.testing import Simulator

Run = Callable[[str, str], Any]

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


def pushed(run: Any) -> dict[str, Any]:
    """What each task returned."""
    from airflow.models import xcom
    from airflow.utils.session import create_session

    if not hasattr(xcom, "XComModel"):
        return {each.task_id: each.xcom_pull(task_ids=each.task_id) for each in run.get_task_instances()}
    # Airflow 3.1.8's own xcom_pull fails outside of a task.
    model = xcom.XComModel
    with create_session() as session:
        rows = session.query(model).filter_by(dag_id=run.dag_id, run_id=run.run_id, key="return_value")
        return {row.task_id: model.deserialize_value(row) for row in rows}


def states(run: Any) -> dict[str, str]:
    return {each.task_id: str(each.state) for each in run.get_task_instances()}


def keys(s3: Any) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="my-twitch-lake")["Contents"]]


def test_every_class_does_what_the_documentation_says(run_example: Run, s3: Any, twitch: Simulator) -> None:
    run = run_example("example_twitch.py", "example_twitch")
    assert set(states(run).values()) == {"success"}
    assert twitch.counters.tokens_minted == 1
    found = pushed(run)

    assert len(found["most_watched"]) == 3
    assert len(found["archive"]) == 2
    assert found["followers"].keys() == {"monstercat", "nasa"}
    assert all(isinstance(count, int) for count in found["followers"].values())

    assert len(found["greatest"]) == 100
    assert {row["language"] for row in found["greatest"]} == {"en", "de"}
    assert found["japanese"]["rows"] > 0
    assert found["top_ten"]["rows"] == 10
    for reference in (found["japanese"], found["top_ten"], found["top_ten"]["streams"]):
        assert reference["uri"].removeprefix("s3://my-twitch-lake/") in keys(s3)
        assert reference["manifest"].removeprefix("s3://my-twitch-lake/") in keys(s3)
    for language in ("de", "fr", "pl"):
        assert any(f"/streams_{language}/dt=" in key for key in keys(s3))

    assert [row["login"] for row in found["channel"]] == ["monstercat"]
    assert {row["user_login"] for row in found["videos"]} == {"monstercat"}
    (export,) = [key for key in keys(s3) if key.startswith("exports/")]
    body = gzip.decompress(s3.get_object(Bucket="my-twitch-lake", Key=export)["Body"].read())
    assert {json.loads(row)["language"] for row in body.splitlines()} == {"en", "de"}

    assert {stream["user_login"] for stream in found["wait"]} == {"monstercat", "nasa"}
    assert {stream["user_login"] for stream in found["wait_without_a_worker"]} == {"monstercat", "nasa"}
    assert found["greet"].startswith("Hello Monstercat: ")


def test_the_first_dag_of_the_documentation_runs(run_example: Run, s3: Any) -> None:
    pytest.importorskip("airflow.sdk", reason="it is written for Airflow 3")
    run = run_example("example_quickstart.py", "my_twitch")
    assert states(run) == {"most_watched": "success", "japanese": "success"}
    assert len(pushed(run)["most_watched"]) == 3
    assert any("/japanese_streams/dt=" in key for key in keys(s3))
