# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a worker, a bucket and their policies, over HTTP: one sentence each.

What moto does not answer is answered in its place, as AWS's pages have it. The sentences themselves are in
``tests/aws/test_errors.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import boto3
import pytest
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.credentials import RefreshableCredentials
from tests.cloud.account import BUCKET, FACTS, PREFIX, Account
from tests.cloud.amazon import ERROR, Canned
from tests.cloud.job import Job, tick

from twitch_provider.aws.store import S3Store
from twitch_provider.exceptions import (
    TwitchConfigError,
    TwitchError,
    TwitchStoreAccessError,
    TwitchStoreUnavailableError,
)

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process

ACCESS, DOWN, CONFIG = TwitchStoreAccessError, TwitchStoreUnavailableError, TwitchConfigError
KEY = f"{PREFIX}/raw/x"
OBJECT = f"arn:aws:s3:::{BUCKET}/{KEY}"
NO_CREDENTIALS = (
    f"S3 cannot be used for s3://{BUCKET}/{KEY}: there are no AWS credentials (NoCredentialsError): give "
    "this worker an IAM role and let it reach the metadata service"
)


@pytest.fixture
def store(lake: S3Store, account: Account) -> S3Store:
    account.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"before")
    return lake


def put(store: S3Store) -> None:
    store.put(KEY, b"x", content_type="text/csv")


def put_parts(store: S3Store) -> None:
    store.put_file(KEY, BytesIO(b"x" * 9_000_000), content_type="text/csv")


def get(store: S3Store) -> None:
    store.get(KEY)


def refusal(store: S3Store, operation: Callable[[S3Store], None] = get) -> TwitchError:
    """Let an operation fail, with one sentence and AWS's words, without a secret."""
    with pytest.raises(TwitchError) as caught:
        operation(store)
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "\n" not in str(error)
    for secret in ("ASIA", "HostId", "/i-0"):
        assert secret not in str(error)
    return error


def canned(account: Account, status: str, code: str, said: str = "", **headers: str) -> None:
    """Let S3 give this answer to whatever the role asks of the bucket."""
    body = ERROR.format(code=code, said=said, more="<HostId>Ks8nHost</HostId>") if code else ""
    sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    for method in ("GET", "PUT", "POST", "HEAD"):
        text = "" if method == "HEAD" else body
        account.amazon.canned.append(
            Canned(method, f"^/{BUCKET}", status, text, (("Content-Type", "application/xml"), *sent))
        )


# --- the role ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metadata", ["no role", "off", "not there"])
def test_no_credentials(
    store: S3Store, account: Account, monkeypatch: pytest.MonkeyPatch, metadata: str
) -> None:
    if metadata == "no role":
        account.metadata.role = None
    elif metadata == "off":
        account.metadata.off = 403
    else:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")
    error = refusal(store)
    assert type(error) is DOWN, "the service may answer the next try"
    assert str(error).startswith(NO_CREDENTIALS)


def test_credentials_that_have_expired_when_they_are_fetched(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def yesterdays() -> dict[str, str]:
        yesterday = datetime.now(UTC) - timedelta(days=1)
        return {
            "access_key": "ASIA0",
            "secret_key": "secret",
            "token": "token",
            "expiry_time": yesterday.isoformat(),
        }

    credentials = RefreshableCredentials.create_from_metadata(yesterdays(), yesterdays, "assume-role")
    session = boto3.Session()
    monkeypatch.setattr(session, "get_credentials", lambda: credentials)
    monkeypatch.setattr(S3Hook, "get_session", lambda *_, **__: session)
    error = refusal(store)
    assert type(error) is ACCESS
    expected = (
        "the AWS credentials of the IAM role of this worker had expired when they were fetched: correct"
    )
    assert expected in str(error)


def test_another_runtime_error_is_not_taken_for_one_of_boto3(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(S3Hook, "get_session", fail)
    with pytest.raises(RuntimeError, match=r"^something else$"):
        store.get(KEY)


# --- the clock ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [put, put_parts, get])
def test_a_clock_that_is_wrong_by_an_hour(
    store: S3Store, account: Account, operation: Callable[[S3Store], None]
) -> None:
    account.amazon.clock_ahead = timedelta(hours=1)
    error = refusal(store, operation)
    assert type(error) is ACCESS
    assert str(error).startswith(
        "This worker's clock differs from AWS's by more than 15 minutes: correct the"
    )


def test_a_whole_dag_says_it_too(job: Job, account: Account) -> None:
    account.amazon.clock_ahead = timedelta(hours=1)
    for dag_id in job.writers:
        error = job.refusal(dag_id, tick())
        assert type(error).__name__ == "AirflowFailException"
        assert "correct the clock, on EC2 with chrony" in str(error)


# --- the bucket --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [put, get])
@pytest.mark.parametrize("code", ["PermanentRedirect", ""])
def test_a_bucket_in_another_region(
    store: S3Store, account: Account, code: str, operation: Callable[[S3Store], None]
) -> None:
    canned(account, "301 Moved Permanently", code, x_amz_bucket_region="us-west-2")
    error = refusal(store, operation)
    assert type(error) is CONFIG
    expected = (
        rf"The bucket '{BUCKET}' is in another region \(us-west-2\): set region_name in the AWS connection"
    )
    assert re.match(expected, str(error))


def test_a_redirect_that_names_no_region(store: S3Store, account: Account) -> None:
    canned(account, "301 Moved Permanently", "PermanentRedirect")
    assert "endpoint_url" in str(refusal(store))


def test_a_bucket_policy_that_moto_enforces(account: Account, store: S3Store) -> None:
    deny = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "%s"}]}'
    admin = account.client("s3")
    admin.put_bucket_policy(Bucket=BUCKET, Policy=deny % f"arn:aws:s3:::{BUCKET}/*")
    try:
        error = refusal(store, put)
    finally:
        admin.delete_bucket_policy(Bucket=BUCKET)
    assert str(error).startswith(
        f"S3 denies s3:PutObject on {OBJECT}: grant it to the IAM role of this worker"
    )


# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
@pytest.mark.parametrize("operation", [put, put_parts])
def test_a_key_that_the_role_may_not_use(
    store: S3Store, account: Account, operation: Callable[[S3Store], None]
) -> None:
    said = (
        "User: arn:aws:sts::123456789012:assumed-role/it/{} is not authorized to perform: "
        f"kms:GenerateDataKey on resource: {FACTS['KmsKeyArn']} because no identity-based policy allows the "
        "kms:GenerateDataKey action"
    )
    canned(account, "403 Forbidden", "AccessDenied", said.format("i-0"))
    error = refusal(store, operation)
    assert type(error) is ACCESS
    assert str(error).startswith(f"S3 denies s3:PutObject on {OBJECT}: ")
    assert str(error).endswith(f" AWS said: {said.format('***')}")
