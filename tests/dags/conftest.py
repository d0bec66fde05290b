# SPDX-License-Identifier: Apache-2.0
"""A real Airflow, a real S3 protocol, a Twitch on loopback."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from packaging.version import Version
from tests.metrics.lake import Lake

from twitch_provider.aws.store import S3Store
from twitch_provider.compat import AirflowSkipException
from twitch_provider.hooks.sessions import forget_shared
from twitch_provider.testing import Simulator

DAGS = Path(__file__).parents[2] / "dags"
BUCKET = "lake"


@pytest.fixture(scope="session", autouse=True)
def _airflow(airflow_3: None) -> None:
    """No test of this folder runs on an Airflow that is too old for the DAGs."""


class Triggering:
    """What a run is told of the events that started it: a mapping by assets, which 3.0 cannot hash.

    :param asset: of all of them
    :param extras: of each
    """

    def __init__(self, asset: Any, *extras: dict[str, Any]) -> None:
        self._name = asset.name
        self._events = [SimpleNamespace(extra=extra) for extra in extras]

    def __getitem__(self, asset: Any) -> list[SimpleNamespace]:
        assert asset.name == self._name
        return self._events


def read_dag(dag_id: str) -> Any:
    """Return the DAG of the file of its name."""
    dagbag: Any
    try:
        from airflow.dag_processing import dagbag
    except ImportError:  # before Airflow 3.2
        from airflow.models import dagbag
    bag = dagbag.DagBag(DAGS / f"{dag_id}.py")
    assert bag.import_errors == {}
    return bag.get_dag(dag_id)


class Bucket:
    """What lies in the bucket."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="testing-key",
            aws_secret_access_key="testing-secret",
        )
        self.client.create_bucket(Bucket=BUCKET)

    def find(self, containing: str = "") -> list[str]:
        listed = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [entry["Key"] for entry in listed if containing in entry["Key"]]

    def read(self, key: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def objects(self) -> dict[str, bytes]:
        return {key: self.read(key) for key in self.find()}


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an S3 server."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket, and the connection and options that lead to it."""
    connection = {
        "conn_type": "aws",
        "login": "testing-key",
        "password": "testing-secret",
        "extra": {"endpoint_url": s3, "region_name": "us-east-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", BUCKET)
    monkeypatch.setenv("AIRFLOW__TWITCH__AWS_CONN_ID", "aws_default")
    bucket = Bucket(s3)
    yield bucket
    for key in bucket.find():
        bucket.client.delete_object(Bucket=BUCKET, Key=key)
    bucket.client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """A migrated metadata database: ``dag.test`` needs one."""
    from airflow.models.asset import AssetActive, AssetModel
    from airflow.utils import db
    from airflow.utils.session import create_session

    db.initdb()
    if Version(version("apache-airflow")) >= Version("3.1"):
        return
    # As a scheduler does before the first run: dag.test of Airflow 3.0 does not.
    dags = [read_dag(path.stem) for path in DAGS.glob("*.py")]
    with create_session() as session:
        for name in {asset.name for dag in dags for task in dag.tasks for asset in task.outlets}:
            asset = AssetModel(name=name, uri=name, group="asset")
            session.add(asset)
            session.flush()
            session.add(AssetActive.for_asset(asset))


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[Simulator], None]:
    """Lead the connection ``twitch_default`` to a simulator."""

    def connect(simulator: Simulator) -> None:
        forget_shared()
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", simulator.connection_json())

    return connect


@pytest.fixture
def run_dag(airflow_database: None, bucket: Bucket) -> Callable[..., dict[str, str]]:
    """Run ``twitch_top_games`` for a tick, in this process; gives the state of each task."""
    return _runner("twitch_top_games")


@pytest.fixture
def run_all_streams(airflow_database: None, bucket: Bucket) -> Callable[..., dict[str, str]]:
    """Run ``twitch_all_streams`` for a tick, in this process; gives the state of its task."""
    return _runner("twitch_all_streams")


@pytest.fixture
def run_metrics(
    airflow_database: None, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, str]]:
    """Run ``twitch_metrics`` for a tick, where the disk has room; gives the state of its tasks."""
    room = SimpleNamespace(
        f_blocks=9, f_bfree=8, f_bavail=8, f_frsize=1, f_files=9, f_ffree=8, f_favail=8, f_fsid=1
    )
    monkeypatch.setattr("twitch_provider.metrics.disk.os", SimpleNamespace(statvfs=lambda _: room))
    return _runner("twitch_metrics")


@pytest.fixture
def run_daily(airflow_database: None, bucket: Bucket) -> Callable[..., dict[str, str]]:
    """Run ``twitch_daily`` for a tick, in this process; gives the state of each task and mapped task."""
    return _runner("twitch_daily")


@pytest.fixture
def run_rebuild(airflow_database: None, bucket: Bucket) -> Callable[..., dict[str, str]]:
    """Run ``twitch_rebuild`` in this process; gives the state of each task and mapped task."""
    return _runner("twitch_rebuild")


@pytest.fixture
def lake(bucket: Bucket) -> Lake:
    """A lake in the bucket."""
    lake = Lake()
    lake.store = S3Store(BUCKET, "aws_default")  # type: ignore[assignment]
    return lake


def events_of(name: str) -> list[Any]:
    """What the events of an asset carry, in order."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session

    with create_session() as session:
        events = session.query(AssetEvent).join(AssetModel, AssetEvent.asset_id == AssetModel.id)
        return [event.extra for event in events.filter(AssetModel.name == name).order_by(AssetEvent.id)]


#: What tasks of the last run failed with. Airflow 3.0 prints it to what was stdout at its first run, and
#: Airflow 3.2 does not hand it to the failure callback of :meth:`DAG.test`.
ERRORS: list[str] = []


def _recorded(python_callable: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(python_callable)
    def recorded(*args: Any, **values: Any) -> Any:
        try:
            return python_callable(*args, **values)
        except AirflowSkipException:
            raise
        except Exception as error:
            ERRORS.append(str(error))
            raise

    return recorded


def _runner(dag_id: str) -> Callable[..., dict[str, str]]:
    dag = read_dag(dag_id)
    for task in dag.tasks:
        task.retries = 0
        if hasattr(task, "python_callable"):
            task.python_callable = _recorded(task.python_callable)

    def run(run_after: datetime, **params: Any) -> dict[str, str]:
        ERRORS.clear()
        dag_run = dag.test(run_after=run_after, logical_date=run_after, run_conf=params or None)
        return {
            instance.task_id + (f"[{instance.map_index}]" if instance.map_index >= 0 else ""): str(
                instance.state
            )
            for instance in dag_run.get_task_instances()
        }

    return run


def _name(instance: Any) -> str:
    return instance.task_id if instance.map_index < 0 else f"{instance.task_id}[{instance.map_index}]"
