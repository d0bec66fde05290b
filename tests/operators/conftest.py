# SPDX-License-Identifier: Apache-2.0
"""An operator's context, and a lake in memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from twitch_provider.pipelines import run


class MemoryStore:
    """Objects by key."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, body: bytes, **_: Any) -> None:
        self.objects[key] = body

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    def folders(self, prefix: str) -> list[str]:
        below = {key[len(prefix) :].partition("/") for key in self.list(prefix)}
        return sorted(f"{prefix}{name}/" for name, slash, _ in below if slash)

    def list(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def uri(self, key: str) -> str:
        return f"s3://lake/{key}"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """What is in the bucket ``lake``."""
    store = MemoryStore()
    monkeypatch.setattr(run, "open_store", lambda _config: store)
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", "lake")
    return store


@pytest.fixture
def context() -> Any:
    """What a run of a minute ago hands to ``execute``."""
    run_after = datetime.now(UTC).replace(second=0, microsecond=0)
    return {"dag_run": SimpleNamespace(dag_id="mine", run_id="run-1", run_after=run_after)}
