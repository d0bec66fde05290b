# SPDX-License-Identifier: Apache-2.0
"""Snapshots by hand, and a small lake made with the package's own publishing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from twitch_provider.lake.manifest import ObjectEntry
from twitch_provider.metrics.snapshots import Snapshot, scope_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _snapshot(minutes: float = 0, **values: Any) -> Snapshot:
    """A snapshot some minutes after noon, answered two seconds after its tick."""
    dataset = values.pop("dataset", "all_streams")
    run_after = values.pop("run_after", NOON + timedelta(minutes=minutes))
    rows = values.pop("rows", 100)
    name = f"{dataset}/{run_after:%Y%m%dT%H%M%SZ}"
    known: dict[str, Any] = {
        "scope": scope_of(dataset, {}),
        "dataset": dataset,
        "manifest": f"manifests/{name}.json",
        "etag": "a",
        "run_after": run_after,
        "run_id": f"scheduled__{run_after.isoformat()}",
        "run_type": "scheduled",
        "instant": run_after + timedelta(seconds=2),
        "interval_seconds": 300,
        "complete": True,
        "schema_version": 1,
        "table": ObjectEntry(f"{name}.csv.gz", 1, "", rows, "table", dataset),
        "games": None,
        "missing": {},
        "duplicate_keys": 0,
        "viewers": 1000,
        "dag_id": "twitch_all_streams",
        "rejects": 0,
    }
    return Snapshot(**known | values)


@pytest.fixture(scope="session")
def noon() -> datetime:
    return NOON


@pytest.fixture(scope="session")
def snapshot() -> Callable[..., Snapshot]:
    """A complete snapshot of 100 rows some minutes after noon, with some values changed."""
    return _snapshot


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small lake with its metrics."""
    from tests.metrics import analyst

    pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")
    return analyst.files(analyst.make_lake(), tmp_path_factory.mktemp("analyst"))


@pytest.fixture(scope="session")
def analyst(published: Path) -> Iterator[DuckDBPyConnection]:
    """A database with the tables and views of that lake."""
    from tests.metrics import analyst

    yield from analyst.open_database(published)
