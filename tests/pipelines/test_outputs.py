# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchParameterError, TwitchResponseError
from twitch_provider.helix.messages import Page
from twitch_provider.helix.ratelimit import RateLimit
from twitch_provider.lake import tables
from twitch_provider.pipelines.outputs import (
    MAX_XCOM_BYTES,
    connect,
    counted,
    is_s3,
    rows_for_xcom,
    tables_for_xcom,
)

ROWS: list[Any] = [{"id": str(number), "title": "Größer ☕", "tags": ["a", "b"]} for number in range(7)]

HOOK: Any = SimpleNamespace(stats=Counter())


def page(rows: list[Any]) -> Page:
    return Page("streams", (), datetime(2026, 1, 1, tzinfo=UTC), b"", rows, rows, None)


def test_the_limit_is_the_size_as_json_to_the_byte() -> None:
    size = len(json.dumps(ROWS).encode())
    pages = [page(ROWS[:3]), page([]), page(ROWS[3:])]
    assert rows_for_xcom(pages, HOOK, max_xcom_bytes=size, instead="x") == ROWS
    with pytest.raises(TwitchParameterError, match=rf"\({size - 1}, of which 6 rows fit\)"):
        rows_for_xcom(pages, HOOK, max_xcom_bytes=size - 1, instead="x")


def test_one_line_of_the_log_says_what_was_read(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    hook: Any = SimpleNamespace(stats=Counter(requests=5))

    def pages() -> Iterator[Page]:
        for left in (799, 798):
            hook.stats["requests"] += 1
            yield replace(page(ROWS), rate_limit=RateLimit(800, left))

    assert len(list(counted(pages(), hook, "XCom"))) == 2
    assert caplog.messages == ["Read 14 rows of streams for XCom; 2 requests, 798 points left"]


def test_no_rows_fit_everywhere() -> None:
    assert rows_for_xcom([page([])], HOOK, max_xcom_bytes=1, instead="x") == []


def test_reads_no_page_beyond_the_limit() -> None:
    read: list[int] = []

    def endless() -> Iterator[Page]:
        while True:
            read.append(1)
            yield page(ROWS)

    with pytest.raises(TwitchParameterError) as caught:
        rows_for_xcom(endless(), HOOK, max_xcom_bytes=len(json.dumps(ROWS)) + 1, instead="something smaller")
    assert len(read) == 2
    assert caught.value.fatal
    assert str(caught.value).endswith("use something smaller")


def test_a_row_that_is_no_object_is_an_error_and_not_a_row() -> None:
    with pytest.raises(TwitchResponseError, match="a row must be an object, not str"):
        rows_for_xcom([page(["row"])], HOOK, max_xcom_bytes=MAX_XCOM_BYTES, instead="x")


def test_rows_hold_nothing_that_airflow_cannot_store() -> None:
    rows = json.loads(r'[{"id": "1", "title": "a\u0000b", "tags": ["\ud83d"], "viewer_count": 1e999}]')
    stored = [{"id": "1", "title": "a\ufffdb", "tags": ["\ufffd"], "viewer_count": None}]
    size = len(json.dumps(stored))
    assert rows_for_xcom([page(rows)], HOOK, max_xcom_bytes=size, instead="x") == stored


@pytest.mark.parametrize("limit", [0, -1, None, "1000", 1.5])
def test_a_limit_is_a_whole_number(limit: Any) -> None:
    with pytest.raises(TwitchParameterError, match="max_xcom_bytes must be 1 or more"):
        rows_for_xcom([], HOOK, max_xcom_bytes=limit, instead="x")


def test_there_are_two_outputs() -> None:
    assert is_s3("s3")
    assert not is_s3("xcom")
    with pytest.raises(TwitchParameterError, match="output must be xcom or s3, not 'redis'"):
        is_s3("redis")


@pytest.mark.parametrize(
    ("given", "used"), [(None, "configured"), ("", "configured"), ("None", "configured"), ("mine", "mine")]
)
def test_no_connection_means_the_configured_one(
    given: str | None, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__TWITCH_CONN_ID", "configured")
    assert connect(given).twitch_conn_id == used


OBJECT_STORAGE = "airflow.providers.common.io.xcom.backend.XComObjectStorageBackend"


@pytest.mark.parametrize(
    ("backend", "threshold", "bound"),
    [
        (None, None, tables.MAX_TABLE_BYTES),
        (OBJECT_STORAGE, None, tables.MAX_TABLE_BYTES),
        (OBJECT_STORAGE, "-1", tables.MAX_TABLE_BYTES),
        (OBJECT_STORAGE, "100000", None),
        ("my.XComs", None, None),
    ],
)
def test_tables_are_bound_where_xcoms_go_into_the_database(
    monkeypatch: pytest.MonkeyPatch, backend: str | None, threshold: str | None, bound: int | None
) -> None:
    class Table:
        def as_xcom(self, *, max_bytes: int | None) -> dict[str, Any]:
            return {"bound": max_bytes}

    if threshold:
        monkeypatch.setenv("AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD", threshold)
    if backend:
        monkeypatch.setenv("AIRFLOW__CORE__XCOM_BACKEND", backend)
    sent: Any = {"top_games": Table()}
    assert tables_for_xcom(sent) == {"top_games": {"bound": bound}}
