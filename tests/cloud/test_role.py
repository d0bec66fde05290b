# SPDX-License-Identifier: Apache-2.0
"""The role's policy is enough: every DAG runs with it, and with no other credentials."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import requests
from tests.cloud.account import BUCKET, POLICY, PREFIX, SECRET, Account
from tests.cloud.imds import ROLES
from tests.cloud.job import Job, tick

from twitch_provider.aws.store import S3Store
from twitch_provider.hooks.twitch import TwitchAsyncHook
from twitch_provider.testing import Simulator

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process

DONE = {"success", "skipped"}


def assert_described(account: Account) -> list[Any]:
    """Every object is what its manifest says, to the byte."""
    manifests = [json.loads(account.read(key)) for key in account.objects() if "/manifests/" in key]
    for entry in (entry for manifest in manifests for entry in manifest["objects"]):
        body = account.read(entry["key"])
        assert (len(body), hashlib.sha256(body).hexdigest()) == (entry["bytes"], entry["sha256"])
    return manifests


def assert_nothing_but_the_role(account: Account) -> None:
    """Every request has the role's session, from the metadata service; there is no other key."""
    assert ("GET", f"{ROLES}it", 200) in account.metadata.asked
    assert account.amazon.requests, "nothing was asked"
    keys = {request.key_id for request in account.amazon.requests}
    assert keys == {account.amazon.role_key}
    assert [
        name for name in os.environ if name.startswith(("AWS_ACCESS", "AWS_SECRET", "AIRFLOW_CONN"))
    ] == []


def test_every_dag_runs_again_and_again(
    job: Job, account: Account, twitch: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = tick()
    runs = {
        "first": last - timedelta(minutes=5),
        "second, after the first": last,
        "the same again": last,
        "too late to ask Twitch": last,
    }
    account.amazon.requests.clear()
    seen: set[datetime] = set()
    for name, run_after in runs.items():
        if name.startswith("too late"):
            monkeypatch.setattr("twitch_provider.pipelines.run._too_late", lambda *_: "it was cleared")
        asked = sum(twitch.counters.requests.values())
        for dag_id in job.dags:
            assert set(job.run(dag_id, run_after).values()) <= DONE, f"{dag_id}: {name}"
        assert (sum(twitch.counters.requests.values()) == asked) == (run_after in seen)
        seen.add(run_after)
        twitch.advance(300)
    assert_nothing_but_the_role(account)
    manifests = [each for each in assert_described(account) if "previous" in each]
    assert len(manifests) == 2 * len(job.takers)
    assert [each["previous"]["gap_seconds"] for each in manifests if each["previous"]] == [300, 300]
    assert {key.split("/")[0] for key in account.objects()} == {PREFIX}


def test_the_metrics_of_an_hour_and_of_a_day_are_published(job: Job, account: Account) -> None:
    last = tick()
    for run_after in (last - timedelta(minutes=5), last):
        for dag_id in job.takers:
            job.run(dag_id, run_after)
    account.amazon.requests.clear()
    assert job.run("twitch_metrics", last)["hours"] == "success"
    tomorrow, today = last + timedelta(days=1), last.date().isoformat()
    for _ in range(2):  # the second time, it takes a snapshot more
        closed = job.run("twitch_daily", tomorrow, first_day=today, last_day=today)
        assert closed == {"days": "success", "close": "success", "report": "success"}
        job.run("twitch_all_streams", last + timedelta(minutes=1))
    assert_nothing_but_the_role(account)
    assert_described(account)
    assert {"metrics", "compacted", "latest", "reports"} <= {key.split("/")[1] for key in account.objects()}


def test_a_crawl_that_lost_a_part_and_rows_that_were_refused(
    job: Job, account: Account, twitch: Simulator, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    twitch.fault("error_503", endpoint="streams", times=None, start=20)
    assert job.run("twitch_all_streams", tick()) == {"crawl": "success"}
    twitch.clear_faults()
    assert job.run("twitch_all_streams", tick(minutes_ago=1), file_format="parquet") == {"crawl": "success"}
    # Streams that began less than half an hour ago are then refused.
    monkeypatch.setattr("twitch_provider.lake.clean.CLOCK_SKEW", timedelta(minutes=-30))
    assert set(job.run("twitch_top_games", tick()).values()) == {"success"}
    folders = {key.split("/")[1] for key in account.objects()}
    assert {"incomplete", "adhoc", "rejects", "raw", "manifests", "latest"} <= folders
    assert_described(account)


def test_a_large_file_goes_up_in_parts(lake: S3Store, account: Account) -> None:
    body = os.urandom(9_000_000)
    lake.put_file(f"{PREFIX}/raw/large", BytesIO(body), content_type="application/gzip")
    assert account.read(f"{PREFIX}/raw/large") == body
    assert lake.get(f"{PREFIX}/raw/large") == body
    posted = [request for request in account.amazon.requests if request.method == "POST"]
    assert [("uploads" in request.query, "uploadId" in request.query) for request in posted] == [
        (True, False),
        (False, True),
    ]


async def test_the_watcher_s_hook_reads_the_secret_too(account: Account, twitch: Simulator) -> None:
    async with TwitchAsyncHook() as hook:
        assert [row async for row in hook.get_top_games(max_items=1)]
    by_role = [
        request.target for request in account.amazon.requests if request.key_id == account.amazon.role_key
    ]
    assert by_role == ["secretsmanager.GetSecretValue"]


def test_a_missing_key_is_none_although_s3_says_403(lake: S3Store, account: Account) -> None:
    assert lake.get(f"{PREFIX}/nothing") is None
    lake.put(f"{PREFIX}/nothing.else", b"x", content_type="text/csv")
    assert lake.get(f"{PREFIX}/nothing") is None, "another key begins with its name"


def test_the_instance_hands_its_role_to_nobody_without_a_session_token(account: Account) -> None:
    assert requests.get(account.metadata.url + ROLES, timeout=10).status_code == 401


def test_the_policy_names_one_bucket_one_prefix_and_one_secret() -> None:
    resources = {each["Sid"]: each["Resource"] for each in POLICY["Statement"]}
    assert set(resources.values()) == {
        f"arn:aws:s3:::{BUCKET}",
        f"arn:aws:s3:::{BUCKET}/{PREFIX}/*",
        f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{SECRET}-??????",
    }
    assert "*" not in "".join(str(each["Action"]) for each in POLICY["Statement"])
