# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
