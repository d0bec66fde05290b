# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from twitch_provider.aws.bucket import Bucket
from twitch_provider.config import LakeConfig
from twitch_provider.metrics.overview import schema
from twitch_provider.plugins import overview
from twitch_provider.plugins.overview import (
    FRESH,
    GIVEN_UP,
    MAX_BYTES,
    READ_LIMIT,
    Overview,
    Overviews,
    Problem,
)

KEY = "twitch/latest/overview.json"
WHOLE = json.dumps({"version": 1, "scopes": [{"scope": "top_streams {}", "games": {"rows": [["é"]]}}]})


@pytest.fixture
def lake(new_bucket: Callable[[str], None], s3: Any) -> Callable[[str | bytes], None]:
    """Puts an overview into the lake."""
    new_bucket("lake")

    def put(body: str | bytes) -> None:
        s3.put_object(Bucket="lake", Key=KEY, Body=body)

    return put


async def problem() -> Problem:
    """What a reader is told."""
    found = await Overviews().get()
    assert isinstance(found, Problem)
    assert found.sentence[0].isupper()
    assert found.sentence.endswith(".")
    return found


async def test_the_overview_is_passed_on_as_it_lies_in_the_lake(lake: Callable[..., None]) -> None:
    lake(WHOLE)
    found = await Overviews().get()
    assert isinstance(found, Overview)
    assert found.body == WHOLE.encode()


async def test_no_bucket_is_set() -> None:
    found = await problem()
    assert (found.status, found.code) == (503, "no_bucket")
    assert "[twitch] bucket" in found.sentence


async def test_an_option_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", "s3://lake")
    found = await problem()
    assert (found.status, found.code) == (503, "misconfigured")


async def test_the_bucket_does_not_exist(lake: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", "no-such-lake")
    found = await problem()
    assert (found.status, found.code) == (503, "denied")
    assert "'no-such-lake' does not exist" in found.sentence


async def test_there_are_no_metrics_yet(lake: Callable[..., None]) -> None:
    found = await problem()
    assert (found.status, found.code) == (404, "no_metrics")
    assert f"s3://lake/{KEY}" in found.sentence
    assert "twitch_metrics" in found.sentence


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject"), 503, "denied"),
        (ClientError({"Error": {"Code": "SlowDown"}}, "GetObject"), 503, "unavailable"),
        (ReadTimeoutError(endpoint_url="https://s3.example"), 503, "unavailable"),
    ],
)
async def test_s3_refuses_or_is_down(
    lake: Callable[..., None], monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    def refuse(_bucket: Bucket, _key: str) -> None:
        raise error

    monkeypatch.setattr(Bucket, "open", refuse)
    found = await problem()
    assert (found.status, found.code) == (status, code)
    assert "testing-secret" not in found.sentence


async def test_the_connection_does_not_exist(
    lake: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__AWS_CONN_ID", "nowhere")
    found = await problem()
    assert (found.status, found.code) == (503, "misconfigured")
    assert "'nowhere'" in found.sentence


async def test_an_object_that_is_too_large_is_not_read(
    lake: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake(b" " * (MAX_BYTES + 1))
    found = await problem()
    assert (found.status, found.code) == (502, "too_large")
    assert "5,000,000 bytes" in found.sentence


@pytest.mark.parametrize(
    "body",
    [
        *(WHOLE.encode()[:length] for length in (0, 1, len(WHOLE) // 2, len(WHOLE) - 1)),
        WHOLE + "}",
        "[]",
        "null",
        "<html>",
        b"\xff\xfe{}",
        '{"version": "1"}',
        '{"scopes": []}',
        '{"version": 1, "scopes": [NaN]}',
        "[" * 100_000,
        '{"version": 1, "scopes": ' + "[" * 100_000,
    ],
)
async def test_an_overview_that_is_not_whole_is_not_shown(
    lake: Callable[..., None], body: str | bytes
) -> None:
    lake(body)
    found = await problem()
    assert (found.status, found.code) == (502, "unreadable")
    assert "not a whole overview" in found.sentence


async def test_an_overview_of_another_version_is_not_shown(lake: Callable[..., None]) -> None:
    lake('{"version": 2}')
    found = await problem()
    assert (found.status, found.code) == (502, "unreadable")
    assert "version 2" in found.sentence


def test_the_version_that_is_shown_is_the_one_that_is_written() -> None:
    assert overview.VERSION == schema.VERSION


class Lake:
    """Stands for S3: returns what it is given, one after the other, once it is let."""

    def __init__(self, *found: Overview | Problem | Exception) -> None:
        self.found = list(found)
        self.asked: list[str] = []
        self.may_answer = Event()
        self.may_answer.set()

    def __call__(self, config: LakeConfig) -> Overview | Problem:
        self.asked.append(config.bucket)
        assert self.may_answer.wait(60)
        found = self.found.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


OLD, NEW, DOWN = Overview(b"1", "a"), Overview(b"2", "b"), Problem(503, "unavailable", "S3 is down.")


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if request.node.name != "test_no_bucket_is_set":
        monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", "lake")


async def test_what_was_just_read_is_not_read_again() -> None:
    now, lake = [0.0], Lake(OLD, NEW)
    overviews = Overviews(lake, clock=lambda: now[0])
    assert [await overviews.get() for _ in range(3)] == [OLD] * 3
    now[0] = FRESH
    assert await overviews.get() == NEW
    assert len(lake.asked) == 2


async def test_what_took_long_to_read_is_shown_all_the_same() -> None:
    now = [0.0]

    def slow(_config: LakeConfig) -> Overview:
        now[0] += 2 * FRESH
        return OLD

    overviews = Overviews(slow, clock=lambda: now[0])
    assert [await overviews.get() for _ in range(2)] == [OLD] * 2
    assert now == [2 * FRESH]


async def test_errors_are_not_kept() -> None:
    lake = Lake(DOWN, OLD)
    overviews = Overviews(lake, clock=lambda: 0.0)
    assert [await overviews.get() for _ in range(3)] == [DOWN, OLD, OLD]


async def test_another_bucket_is_another_overview(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(OLD, NEW)
    overviews = Overviews(lake, clock=lambda: 0.0)
    await overviews.get()
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", "other-lake")
    assert await overviews.get() == NEW
    assert lake.asked == ["lake", "other-lake"]


async def test_many_readers_ask_s3_once_and_do_not_wait_for_it() -> None:
    lake = Lake(OLD, NEW)
    lake.may_answer.clear()
    overviews = Overviews(lake, clock=lambda: 0.0, timeout=0.01)
    found = await asyncio.gather(*(overviews.get() for _ in range(100)))
    assert {(each.status, each.code) for each in found if isinstance(each, Problem)} == {(504, "unavailable")}
    assert "within 0.01 seconds" in found[0].sentence  # type: ignore[union-attr]
    assert len(lake.asked) == 1

    (reading,) = overviews._reading.values()
    lake.may_answer.set()
    await asyncio.wrap_future(reading.result)
    assert await overviews.get() == OLD
    assert len(lake.asked) == 1


async def test_an_answer_that_trickles_in_keeps_nobody_waiting_once_s3_is_well_again() -> None:
    now, trickling, begun = [0.0], Event(), Event()

    def read(_config: LakeConfig) -> Overview:
        if now[0]:
            return NEW
        begun.set()
        assert trickling.wait(60)
        return OLD

    overviews = Overviews(read, clock=lambda: now[0], timeout=0.01)
    assert isinstance(await overviews.get(), Problem)
    (given_up,) = overviews._reading.values()
    assert begun.wait(60)
    overviews._timeout, now[0] = 60, READ_LIMIT
    assert await overviews.get() == NEW
    trickling.set()
    assert await asyncio.wrap_future(given_up.result) == OLD
    assert await overviews.get() == NEW


async def test_no_more_threads_wait_than_some() -> None:
    now, lake = [0.0], Lake(*[OLD] * (GIVEN_UP + 1))
    lake.may_answer.clear()
    overviews = Overviews(lake, clock=lambda: now[0], timeout=0.001)
    readings: dict[int, Any] = {}
    for _ in range(GIVEN_UP + 3):
        assert isinstance(await overviews.get(), Problem)
        readings |= {id(each): each for each in overviews._reading.values()}
        now[0] += READ_LIMIT
    assert len(readings) == GIVEN_UP + 1
    lake.may_answer.set()
    for each in readings.values():
        await asyncio.wrap_future(each.result)
    assert await overviews.get() == OLD


async def test_an_error_of_ours_is_a_sentence_too(caplog: pytest.LogCaptureFixture) -> None:
    found = await Overviews(Lake(ValueError("a secret"))).get()
    assert isinstance(found, Problem)
    assert (found.status, "log of Airflow's API server" in found.sentence) == (500, True)
    assert "a secret" not in found.sentence
    assert "a secret" in caplog.text


async def test_airflow_itself_has_the_overview_where_s3_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__OVERVIEW_XCOM", "team's metrics/x")
    monkeypatch.setattr(overview, "read_overview", None)
    found = await Overviews().get()
    runs = "../api/v2/dags/team%27s%20metrics%2Fx/dagRuns/"
    assert isinstance(found, dict)
    assert found["xcom"]["newest"].startswith(f"{runs}~/taskInstances?task_id=overview&state=success&")
    assert found["xcom"]["entry"] == f"{runs}{{run_id}}/taskInstances/overview/xcomEntries/overview"
