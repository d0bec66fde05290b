# SPDX-License-Identifier: Apache-2.0
"""The overview of a month of published metrics at full size: its bytes, and what it asks of the store."""

from __future__ import annotations

import json
from datetime import timedelta
from threading import Lock

import pytest
from jsonschema import Draft202012Validator
from tests.metrics.month import RUN_AFTER
from tests.metrics.month_lake import KEYS, MonthLake

from twitch_provider.metrics.overview.build import publish_overview
from twitch_provider.metrics.overview.schema import MAX_BYTES, json_schema

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")


def test_a_month_of_two_scopes_fits_and_is_read_in_some_hundred_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MonthLake(400).write()
    publish_overview(store, KEYS, RUN_AFTER, "1.0.0")
    store.calls.clear()
    get, lock, readers, most = store.get, Lock(), 0, 0

    def counted(key: str) -> bytes | None:
        nonlocal readers, most
        with lock:
            readers += 1
            most = max(most, readers)
        try:
            return get(key)
        finally:
            with lock:
                readers -= 1

    monkeypatch.setattr(store, "get", counted)
    body = publish_overview(store, KEYS, RUN_AFTER + timedelta(minutes=1), "1.0.0")
    assert body is not None
    assert len(body) <= MAX_BYTES
    # Thirty digests with the tags of their days, four tables of 48 hours with their manifests, and lists.
    assert len(store.calls) < 400
    assert most <= 8
    assert sum(operation == "put" for operation, _ in store.calls) == 1
    document = json.loads(body)
    Draft202012Validator(json_schema()).validate(document)
    assert (document["notes"], document["limits"]["games"], document["limits"]["channels"]) == ([], 100, 200)
    for scope in document["scopes"]:
        tables = ("hours", "days", "games", "channels", "heat_map")
        assert [len(scope[name]["rows"]) for name in tables] == [720, 30, 100, 200, 168]
        assert all(len(row[14]) == 30 for row in scope["games"]["rows"])
