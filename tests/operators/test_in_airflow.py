# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
import runpy
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from twitch_provider.testing import Simulator

DAGS = Path(__file__).parent / "dags"

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


def test_every_operator_plain_mapped_and_templated(
    dags_in: Callable[[Path], None],
    new_bucket: Callable[[str], None],
    s3: Any,
    twitch_connection: Simulator,
) -> None:
    dags_in(DAGS)
    new_bucket("lake")
    dag = runpy.run_path(str(DAGS / "every_operator.py"))["every_operator"]
    run = dag.test()
    instances = run.get_task_instances()
    assert {str(instance.state) for instance in instances} == {"success"}
    assert twitch_connection.counters.tokens_minted == 1

    pushed = {
        (each.task_id, each.map_index): each.xcom_pull(task_ids=each.task_id, map_indexes=each.map_index)
        for each in instances
    }
    streams, users = pushed["streams", -1], pushed["users", -1]
    assert len(streams) == 7
    assert {stream["language"] for stream in streams} <= {"en", "de"}
    assert {user["login"] for user in users} == {stream["user_login"] for stream in streams}

    written = {entry["Key"] for entry in s3.list_objects_v2(Bucket="lake")["Contents"]}
    english, german = pushed["by_language", 0], pushed["by_language", 1]
    games, by_game = pushed["games", -1], pushed["games", -1]["streams"]
    files = [pushed["to_s3", 0], pushed["to_s3", 1]]
    assert len({english["manifest"], german["manifest"], games["manifest"]}) == 3
    assert (english["rows"], german["rows"], games["rows"]) == (5, 5, 2)
    assert "/every_operator/dt=" in games["uri"]
    for reference in (english, german, games, by_game, *files):
        assert reference["uri"].removeprefix("s3://lake/") in written

    assert [file["uri"] for file in files] == [f"s3://lake/{run.run_id}/{name}.gz" for name in ("en", "de")]
    body = s3.get_object(Bucket="lake", Key=f"{run.run_id}/de.gz")["Body"].read()
    rows = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    assert {row["language"] for row in rows} == {"de"}
    assert len(rows) == files[1]["rows"] > 0

    links = {(each.task_id, each.map_index): links_of(dag, each) for each in instances}
    console = "https://console.aws.amazon.com/s3/object/lake?prefix="
    assert links["streams", -1][:2] == ["", ""]
    for task, found in ((("by_language", 1), german), (("games", -1), games)):
        keys = [quote(found[name].removeprefix("s3://lake/")) for name in ("manifest", "uri")]
        assert links[task][:2] == [f"{console}{key}" for key in keys]
    assert links["to_s3", 0] == [f"{console}{quote(run.run_id)}/en.gz"]
    assert links["users", -1] == []


def links_of(dag: Any, instance: Any) -> list[str]:
    """Return the links of a task, as its worker stores them for Airflow's UI, or Airflow 2 makes them."""
    task = dag.get_task(instance.task_id)
    links = task.operator_extra_links
    if version("apache-airflow").startswith("2."):
        return [link.get_link(task, ti_key=instance.key) for link in links]
    where = {"task_ids": instance.task_id, "map_indexes": instance.map_index}
    return [instance.xcom_pull(**where, key=link.xcom_key) for link in links]
