# SPDX-License-Identifier: Apache-2.0
"""Nothing in the role's policy is unused, and every missing permission is named."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any, NamedTuple

import pytest
from tests.cloud.account import BUCKET, FACTS, POLICY, PREFIX, SECRET, Account
from tests.cloud.amazon import listed
from tests.cloud.job import Job, tick
from tests.cloud.template import Document, policy

from twitch_provider.aws.store import S3Store
from twitch_provider.exceptions import TwitchStoreAccessError

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process

BUCKET_ARN = f"arn:aws:s3:::{BUCKET}"


class Removal(NamedTuple):
    """A policy that lacks something."""

    policy: Document
    lacks: list[str]


def removals() -> Iterator[Any]:
    """Take away each action and each resource, one at a time: an addition to the policy becomes a case."""
    for number, statement in enumerate(POLICY["Statement"]):
        for name in ("Action", "Resource"):
            for each in listed(statement[name]):
                rest = [other for other in listed(statement[name]) if other != each]
                statements = [*POLICY["Statement"]]
                statements[number : number + 1] = [{**statement, name: rest}] if rest else []
                lacks = [each] if name == "Action" else listed(statement["Action"])
                yield pytest.param(Removal({**POLICY, "Statement": statements}, lacks), id=each)


CASES = list(removals())


def assert_explained(message: str, lacks: list[str]) -> None:
    """The sentence names a missing permission, and what to grant it on."""
    patterns_of = {
        "s3:ListBucket": rf"s3:ListBucket on {BUCKET_ARN} for keys that begin with {PREFIX}/",
        "secretsmanager:GetSecretValue": (
            rf"connection twitch_default .*secret '{SECRET}' of .*: grant secretsmanager:GetSecretValue"
        ),
    }
    patterns = [
        patterns_of.get(action, rf"S3 denies {action} on {BUCKET_ARN}/{PREFIX}/\S+: ") for action in lacks
    ]
    assert any(re.search(pattern, message) for pattern in patterns), message


def test_every_action_and_resource_of_the_policy_is_a_case() -> None:
    assert {case.id for case in CASES} == {
        value
        for statement in POLICY["Statement"]
        for name in ("Action", "Resource")
        for value in listed(statement[name])
    }
    assert len(CASES) >= 8


def make_older(account: Account) -> None:
    """Change the manifest to that of a version which wrote other tables."""
    (key,) = (key for key in account.objects() if "/manifests/" in key)
    manifest = json.loads(account.read(key))
    for entry in manifest["objects"]:
        if entry["kind"] == "table":
            entry["sha256"] = "0"
    account.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(manifest).encode())


@pytest.mark.parametrize("removal", CASES)
@pytest.mark.parametrize("dag_id", ["twitch_all_streams", "twitch_top_games"])
def test_a_dag_that_lacks_something_fails_and_says_what(
    job: Job, account: Account, removal: Removal, dag_id: str
) -> None:
    account.grant(removal.policy)
    run_after = tick(5)
    error = job.refusal(dag_id, run_after)
    if error:
        assert not [key for key in account.objects() if "/manifests/" in key]
    else:
        # Only what an earlier version published is deleted.
        make_older(account)
    # Without s3:GetObject a first crawl has nothing to read; the same run again has.
    error = error or job.refusal(dag_id, run_after)
    assert error, f"{dag_id} does not need it"
    assert type(error).__name__ == "AirflowFailException"
    assert_explained(str(error), removal.lacks)


@pytest.mark.parametrize("removal", CASES)
def test_metrics_that_lack_something_fail_and_say_what(job: Job, account: Account, removal: Removal) -> None:
    last = tick()
    assert job.run("twitch_all_streams", last) == {"crawl": "success"}
    there = {key: account.read(key) for key in account.objects()}
    account.grant(removal.policy)
    today = last.date().isoformat()
    errors = [
        job.refusal("twitch_metrics", last),
        job.refusal("twitch_daily", last + timedelta(days=1), first_day=today, last_day=today),
    ]
    if {"s3:DeleteObject", "secretsmanager:GetSecretValue"} >= {*removal.lacks}:
        assert errors == [None, None], "metrics delete nothing, and ask nobody but S3"
        return
    for error in errors:
        assert type(error).__name__ == "AirflowFailException"
        assert_explained(str(error), removal.lacks)
    assert {key: account.read(key) for key in account.objects()} == there


def test_these_are_all_the_dags_that_take_snapshots(job: Job) -> None:
    assert job.takers == ["twitch_all_streams", "twitch_top_games"]


KEY = f"{PREFIX}/raw/x"
#: The entity tag of what lies there before.
BEFORE = '"2f44417567bc123bd7c60de8c2a2b444"'


def new_key() -> str:
    """Return a key at which nothing lies."""
    return f"{PREFIX}/raw/{os.urandom(4).hex()}"


OPERATIONS: dict[str, Callable[[S3Store], Any]] = {
    "put": lambda store: store.put(KEY, b"x", content_type="text/csv"),
    "create": lambda store: store.create(
        f"{PREFIX}/raw/{os.urandom(4).hex()}", b"x", content_type="text/csv"
    ),
    "replace": lambda store: store.replace(new_key(), b"x", content_type="text/csv", metadata={}, etag=None),
    "put_file": lambda store: store.put_file(KEY, BytesIO(b"x"), content_type="text/csv"),
    "put_file, in parts": lambda store: store.put_file(
        KEY, BytesIO(b"x" * 9_000_000), content_type="text/csv"
    ),
    "get": lambda store: store.get(KEY),
    "stat": lambda store: store.stat(KEY),
    "get what is not there": lambda store: store.get(f"{PREFIX}/raw/y"),
    "delete": lambda store: store.delete([KEY]),
    "delete_unchanged": lambda store: store.delete_unchanged(f"{PREFIX}/raw/z", BEFORE),
    "list": lambda store: store.list(KEY),
    "folders": lambda store: store.folders(KEY),
}


@pytest.fixture
def store(lake: S3Store, account: Account) -> S3Store:
    for key in (KEY, f"{PREFIX}/raw/z"):
        account.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"before")
    return lake


@pytest.mark.parametrize("removal", [case for case in CASES if "s3" in case.id])
def test_every_operation_that_lacks_something_says_what(
    store: S3Store, account: Account, removal: Removal
) -> None:
    account.grant(removal.policy)
    errors: dict[str, TwitchStoreAccessError] = {}
    for name, operation in OPERATIONS.items():
        try:
            operation(store)
        except TwitchStoreAccessError as error:
            errors[name] = error
    for caught in errors.values():
        assert_explained(str(caught), removal.lacks)
        assert caught.__suppress_context__
    needed = {
        "s3:PutObject": {"put", "create", "replace", "put_file", "put_file, in parts"},
        "s3:GetObject": {"get", "stat", "put", "create", "replace", "delete_unchanged"},
        "s3:DeleteObject": {"delete", "delete_unchanged"},
        "s3:ListBucket": {"list", "folders", "get what is not there"},
    }
    assert errors.keys() == set().union(*(needed[action] for action in removal.lacks))


@pytest.mark.parametrize(
    ("bucket", "prefix"), [("another-lake", PREFIX), (BUCKET, "another"), (BUCKET, f"{PREFIX}2")]
)
def test_another_bucket_and_another_prefix_are_refused(account: Account, bucket: str, prefix: str) -> None:
    store = S3Store(bucket, None)
    account.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/raw/x", Body=b"of somebody else")
    operations: dict[str, Callable[[], Any]] = {
        "PutObject": lambda: store.put(f"{prefix}/raw/x", b"", content_type="text/csv"),
        "GetObject": lambda: store.get(f"{prefix}/raw/x"),
        "DeleteObject": lambda: store.delete([f"{prefix}/raw/x"]),
    }
    for name, operation in operations.items():
        denied = rf"S3 denies s3:{name} on arn:aws:s3:::{bucket}/{prefix}/raw/x(:| and) "
        with pytest.raises(TwitchStoreAccessError, match=denied):
            operation()
    for listing in (store.list, store.folders):
        with pytest.raises(TwitchStoreAccessError, match=rf"s3:ListBucket on arn:aws:s3:::{bucket} for keys"):
            listing(f"{prefix}/")
    account.client("s3").delete_object(Bucket=bucket, Key=f"{prefix}/raw/x")


def test_the_whole_bucket_cannot_be_listed(account: Account) -> None:
    with pytest.raises(TwitchStoreAccessError, match="s3:ListBucket"):
        S3Store(BUCKET, None).list("")


def test_a_key_needs_two_permissions_and_no_more() -> None:
    *without, write, read = policy("JobPolicy", FACTS, "HasKmsKey")["Statement"]
    assert without == POLICY["Statement"]
    statements = [write, read]
    assert {statement["Resource"] for statement in statements} == {FACTS["KmsKeyArn"]}
    # Those that a denial names: tests/aws/test_errors.py.
    assert sorted(statement["Action"] for statement in statements) == ["kms:Decrypt", "kms:GenerateDataKey"]
