# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import io
import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.dags.conftest import Triggering, read_dag

from twitch_provider.testing import Simulator

pytestmark = pytest.mark.filterwarnings("default")  # Airflow's own, while it parses and runs a DAG


@pytest.fixture(scope="module")
def dag(airflow_database: None) -> Any:
    return read_dag("twitch_viewers_by_language")


def last_event(name: str) -> Any:
    """The last event of an asset."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session

    with create_session() as session:
        events = session.query(AssetEvent).join(AssetModel, AssetEvent.asset_id == AssetModel.id)
        return events.filter(AssetModel.name == name).order_by(AssetEvent.id.desc()).limit(1).one().extra


def test_reads_the_file_that_the_event_of_a_snapshot_names(
    dag: Any,
    run_dag: Callable[..., dict[str, str]],
    bucket: Any,
    connect: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        run_dag(datetime.now(UTC).replace(second=0, microsecond=0))
    (asset,) = dag.timetable.asset_condition.objects
    assert asset.name == "twitch_top_streams"
    told = last_event(asset.name)
    events = [{}, told | {"adhoc": True, "uri": "s3://nowhere/x.csv"}, told]
    with caplog.at_level(logging.INFO):
        dag.get_task("read").python_callable(Triggering(asset, *events))

    (key,) = bucket.find("/top_streams/dt=")
    rows = list(csv.DictReader(io.StringIO(bucket.read(key).decode(), newline="")))
    viewers = Counter[str]()
    for row in rows:
        viewers[row["language"]] += int(row["viewer_count"])
    (most, count) = viewers.most_common(1)[0]
    expected = f"s3://lake/{key}: {len(rows):,} streams with {viewers.total():,} viewers; {most} {count:,}, "
    assert expected in caplog.text


def test_a_run_that_a_person_starts_reads_nothing(dag: Any) -> None:
    run = dag.test()
    assert {instance.task_id: str(instance.state) for instance in run.get_task_instances()} == {
        "read": "success"
    }
