# SPDX-License-Identifier: Apache-2.0
"""A bucket in memory and a collector of lineage."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from twitch_provider.compat import get_hook_lineage_collector

BUCKET = "lake"


class Bucket:
    """What lies in the bucket."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.client.create_bucket(Bucket=BUCKET)

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=body)

    def read(self, key: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def content_type(self, key: str) -> str:
        return str(self.client.head_object(Bucket=BUCKET, Key=key)["ContentType"])

    def objects(self) -> dict[str, bytes]:
        listed = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {entry["Key"]: self.read(entry["Key"]) for entry in listed}


@pytest.fixture
def bucket(s3: Any) -> Bucket:
    """An empty bucket."""
    return Bucket(s3)


@pytest.fixture
def lineage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The collector that hooks report to where somebody reads lineage, such as OpenLineage."""
    module: Any = sys.modules[get_hook_lineage_collector.__module__]
    collector = module.HookLineageCollector()
    if hasattr(module, "_hook_lineage_collector"):  # Airflow before 3.2
        monkeypatch.setattr(module, "_hook_lineage_collector", collector)
        yield collector
        return
    from airflow.sdk import plugins_manager

    monkeypatch.setattr(plugins_manager, "get_hook_lineage_readers_plugins", lambda: [object])
    get_hook_lineage_collector.cache_clear()
    yield get_hook_lineage_collector()
    get_hook_lineage_collector.cache_clear()
