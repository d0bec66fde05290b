# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from benchmarks.report import Facts, Ratio

from benchmarks import storage
from twitch_provider.testing import Simulator

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


@pytest.fixture
def counter(s3: Any) -> Iterator[storage.RequestCounter]:
    s3.create_bucket(Bucket=storage.BUCKET)
    counter = storage.RequestCounter()
    with counter.counting():
        yield counter


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("dag_id", "kinds"),
    [
        ("twitch_all_streams", {"all_streams", "manifests", "raw"}),
        ("twitch_top_games", {"latest", "manifests", "raw", "top_games", "top_streams"}),
    ],
)
def test_every_object_of_a_run_is_a_put_and_one_secret_is_read(
    dag_id: str,
    kinds: set[str],
    counter: storage.RequestCounter,
    s3: Any,
    dags_in: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import boto3

    secret = storage.SECRET
    for name, value in storage.deployment("").items():
        if not name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr("airflow.sdk.configuration._secrets_backend_cache", {}, raising=False)
    dags_in(storage.DAGS)
    with Simulator(streams=300) as twitch:
        text = twitch.connection_json()
        boto3.client("secretsmanager").create_secret(Name=secret, SecretString=text)
        counter.take()
        (run,) = storage.count(counter, s3, dag_id, 1, datetime.now(UTC))
    billed, left = storage.billed([run]), storage.left([run])
    assert set(left) == kinds
    assert billed["PUT"] == sum(number for number, _ in left.values())
    assert billed["GetSecretValue"] == 1
    # A folder of days and a day's manifests at the least, and names where a key is not there.
    assert billed["LIST"] >= 2
    assert all(size > 0 for _, size in left.values())


def test_a_large_object_takes_one_put(counter: storage.RequestCounter) -> None:
    from twitch_provider.aws.store import S3Store

    S3Store(storage.BUCKET, "aws_default").put("twitch/raw/x", bytes(9_000_000), content_type="text/plain")
    requests, written = counter.take()
    assert requests == {"PutObject": 1, "HeadObject": 1}
    assert storage.billed([{"requests": requests, "objects": {}}])["PUT"] == 1
    assert written == {"twitch/raw/x"}


def test_the_parts_of_a_file_are_counted(counter: storage.RequestCounter) -> None:
    from twitch_provider.aws.store import S3Store

    S3Store(storage.BUCKET, "aws_default").put_file("x", BytesIO(bytes(9_000_000)), content_type="text/plain")
    requests, written = counter.take()
    parts = {"CreateMultipartUpload": 1, "UploadPart": 2, "CompleteMultipartUpload": 1}
    assert requests == {**parts, "HeadObject": 1}
    assert storage.billed([{"requests": requests, "objects": {}}])["PUT"] == 4
    assert written == {"x"}


def test_a_missing_key_costs_a_list_as_under_the_narrow_policy(counter: storage.RequestCounter) -> None:
    from twitch_provider.aws.store import S3Store

    assert S3Store(storage.BUCKET, "aws_default").get("twitch/nothing") is None
    assert counter.take()[0] == {"GetObject": 1, "ListObjectsV2": 1}


def test_only_clients_of_the_block_are_counted(s3: Any) -> None:
    import boto3

    counter = storage.RequestCounter()
    with counter.counting():
        counted = boto3.Session(region_name="us-east-1").client("s3")
    later = boto3.Session(region_name="us-east-1").client("s3")
    for client in (s3, counted, later):
        client.list_buckets()
    assert counter.requests == {"ListBuckets": 1}


def test_a_request_without_a_price_is_an_error() -> None:
    with pytest.raises(ValueError, match="CopyObject"):
        storage.billed([{"requests": {"PutObject": 1, "CopyObject": 1}, "objects": {}}])


def test_shows_means_and_days() -> None:
    runs = [
        {"requests": {"PutObject": 2, "ListObjectsV2": lists}, "objects": {"raw": [1, size]}}
        for lists, size in ((3, 1_000_000), (5, 3_000_000))
    ]
    ratio, requested, stored = storage.entries({"a_dag": runs}, 1000)
    assert isinstance(ratio, Ratio)
    assert ratio.ratio == 6
    assert isinstance(requested, Facts)
    assert requested.rows == [["a_dag, a run", 2, 4, 0, 0, 0], ["a_dag, a day", 576, 1152, 0, 0, 0]]
    assert isinstance(stored, Facts)
    assert stored.rows == [["a_dag", "raw", 1, 2.0, 576.0]]


@pytest.mark.parametrize("now", [NOW, NOW.replace(hour=0, minute=0, second=1)])
def test_ticks_are_recent_and_of_one_day(now: datetime) -> None:
    ticks = storage.ticks(3, now)
    assert {tick.date() for tick in ticks} == {now.date()}
    assert len(set(ticks)) == 3
    assert all(abs(now - tick) <= timedelta(seconds=3) for tick in ticks)


def test_the_deployment_is_the_templates() -> None:
    text = (ROOT / "deploy" / "airflow-ec2.yaml").read_text()
    ours = storage.deployment("http://127.0.0.1:1")
    assert f"SECRETS_BACKEND={ours['AIRFLOW__SECRETS__BACKEND']}" in text
    (line,) = [line for line in text.splitlines() if "SECRETS_BACKEND_KWARGS={" in line]
    template = yaml.safe_load(
        line.partition("=")[2].rpartition("'")[0].replace("${ConnectionsPrefix}", "stack/connections")
    )
    assert template == yaml.safe_load(ours["AIRFLOW__SECRETS__BACKEND_KWARGS"])


def test_every_dag_that_takes_snapshots_is_run() -> None:
    # Those of metrics write to the lake too, and ask Twitch nothing.
    taking = {path.stem for path in storage.DAGS.glob("*.py") if "MAX_LATENESS" in path.read_text()}
    assert set(storage.WRITERS) == taking
