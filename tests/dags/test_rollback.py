# SPDX-License-Identifier: Apache-2.0
"""The package is updated, and set back to the version before: ``docs/operations.md``.

There is one version of the schema so far. So a newer version is played: it raises the number, and adds a
field to the manifests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.metrics.lake import NOON, Lake, stream

from twitch_provider.testing import Simulator

Run = Callable[..., dict[str, str]]

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


def make_newer(bucket: Any, tick: datetime) -> None:
    """Have the manifest of a tick be what a newer version would have written."""
    (key,) = bucket.find(f"/{tick:%Y%m%dT%H%M%SZ}.json")
    manifest = json.loads(bucket.read(key)) | {"schema_version": 2, "of_the_newer_version": [1]}
    bucket.client.put_object(Bucket="lake", Key=key, Body=json.dumps(manifest).encode())


def test_snapshots_go_on_after_those_of_a_newer_version(
    run_all_streams: Run, bucket: Any, connect: Any
) -> None:
    last = datetime.now(UTC).replace(second=0, microsecond=0)
    with Simulator(streams=300) as twitch:
        connect(twitch)
        before = last - timedelta(minutes=5)
        assert run_all_streams(before) == {"crawl": "success"}
        make_newer(bucket, before)
        twitch.advance(300)
        assert run_all_streams(last) == {"crawl": "success"}
    manifest = json.loads(bucket.read(bucket.find("/manifests/")[-1]))
    assert (manifest["complete"], manifest["previous"]["gap_seconds"]) == (True, 300)
    # What it cannot read it does not compare itself with: as after a pause, it looks twice.
    assert manifest["crawl"]["second_look"] is not None


def test_metrics_leave_out_what_a_newer_version_wrote_until_it_is_back(
    run_metrics: Run, lake: Lake, bucket: Any
) -> None:
    for minutes in (0, 5, 10, 15):
        lake.crawl(minutes, [stream("1", 100)])
    original = bucket.read(bucket.find("120500Z.json")[0])
    make_newer(bucket, NOON + timedelta(minutes=5))
    states = run_metrics(NOON + timedelta(minutes=16))
    assert states["hours"] == "success"
    (hour,) = bucket.find("metrics/manifests/dt=2026-11-23/12.json")
    (samples,) = [each["samples"] for each in json.loads(bucket.read(hour))["scopes"].values()]
    assert samples == 3
    # The newer version again: it knows what it wrote, and the hour is computed with it.
    bucket.client.put_object(Bucket="lake", Key=bucket.find("120500Z.json")[0], Body=original)
    assert run_metrics(NOON + timedelta(minutes=17))["hours"] == "success"
    (samples,) = [each["samples"] for each in json.loads(bucket.read(hour))["scopes"].values()]
    assert samples == 4
