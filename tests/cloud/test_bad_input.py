# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with an instance, a bucket and their policies: one clear sentence each.

Everything goes over HTTP through boto3. What moto cannot be brought to say is answered in its place, as the
pages of AWS that are named below have it.
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
PLACE = f"s3://{BUCKET}/{KEY}"
OBJECT = f"arn:aws:s3:::{BUCKET}/{KEY}"
KMS_KEY = FACTS["KmsKeyArn"]
USER = "User: arn:aws:sts::123456789012:assumed-role/it/i-0 is not authorized to perform"


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
    """Let an operation fail, with a sentence that says what S3 said in words of ours."""
    with pytest.raises(TwitchError) as caught:
        operation(store)
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert re.fullmatch(r"[^\n]{20,400}\.", str(error))
    for secret in ("ASIA", "assumed-role", "HostId", "Signature"):
        assert secret not in str(error)
    return error


# --- the role ----------------------------------------------------------------------------------------------


def test_no_role(store: S3Store, account: Account) -> None:
    account.metadata.role = None
    error = refusal(store)
    assert type(error) is ACCESS
    assert str(error) == (
        f"S3 cannot be used for {PLACE}: there are no AWS credentials (NoCredentialsError): the instance "
        "metadata service has no role to give; attach an instance profile whose role trusts EC2 and may use "
        "the bucket."
    )


def test_a_role_that_does_not_trust_ec2(store: S3Store, account: Account) -> None:
    said = {"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role it."}
    account.metadata.role = ("it", said)
    assert "attach an instance profile whose role trusts EC2" in str(refusal(store))


@pytest.mark.parametrize("how", ["off", "one hop too far", "not there"])
def test_no_metadata_service(
    store: S3Store, account: Account, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    account.metadata.off = 403 if how == "off" else None
    account.metadata.one_hop = how == "one hop too far"
    if how == "not there":
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")
    error = refusal(store)
    assert type(error) is DOWN, "it may be well again in a moment"
    assert str(error) == (
        f"S3 cannot be used for {PLACE}: there are no AWS credentials (NoCredentialsError): the instance "
        "metadata service does not answer; turn it on, and let containers reach it (HttpPutResponseHopLimit 2"
        "), or name a connection with an access key in [twitch] aws_conn_id."
    )


def test_a_metadata_service_that_nobody_asks(
    store: S3Store, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    error = refusal(store)
    assert type(error) is ACCESS
    assert "AWS_EC2_METADATA_DISABLED keeps the instance's role from being asked for; unset it" in str(error)
    assert account.metadata.asked == []


def test_a_connection_without_a_key_where_the_machine_has_none(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MINE", '{"conn_type": "aws"}')
    account.metadata.role = None
    error = refusal(S3Store(BUCKET, "mine"))
    assert "connection 'mine' has no access key, and the instance metadata service has no role" in str(error)


# --- the clock ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.parametrize("operation", [put, put_parts, get])
def test_a_clock_that_is_wrong_by_an_hour(
    store: S3Store, account: Account, hours: int, operation: Callable[[S3Store], None]
) -> None:
    account.amazon.clock_ahead = timedelta(hours=hours)
    error = refusal(store, operation)
    assert type(error) is ACCESS
    assert str(error).startswith(
        "This machine's clock is more than 15 minutes away from that of AWS: set this"
    )


def test_credentials_that_have_expired_when_they_come(
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
    expected = "the AWS credentials of this machine had expired when they came: set this machine's clock"
    assert expected in str(error)


def test_another_error_of_python_s_is_not_taken_for_one_of_boto3(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(S3Hook, "get_session", fail)
    with pytest.raises(RuntimeError, match=r"^something else$"):
        store.get(KEY)


def test_a_whole_dag_says_it_too(job: Job, account: Account) -> None:
    account.amazon.clock_ahead = timedelta(hours=1)
    for dag_id in job.writers:
        error = job.refusal(dag_id, tick())
        assert type(error).__name__ == "AirflowFailException"
        assert "set this machine's clock" in str(error)


# --- the bucket --------------------------------------------------------------------------------------------


def canned(account: Account, status: str, code: str, said: str = "", more: str = "", **headers: str) -> None:
    """Let S3 answer so whatever the role asks of the bucket."""
    body = ERROR.format(code=code, said=said, more=f"{more}<HostId>Ks8nHost</HostId>") if code else ""
    sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    for method in ("GET", "PUT", "POST", "HEAD"):
        text = "" if method == "HEAD" else body
        account.amazon.canned.append(
            Canned(method, f"^/{BUCKET}", status, text, (("Content-Type", "application/xml"), *sent))
        )


# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, https://docs.aws.amazon.com/AmazonS3/
# latest/userguide/VirtualHosting.html; and botocore's S3RegionRedirectorv2, which follows what it can.
REGIONS = {
    "301": ("301 Moved Permanently", "PermanentRedirect", "", {"x_amz_bucket_region": "us-west-2"}),
    "301 without a body": ("301 Moved Permanently", "", "", {"x_amz_bucket_region": "us-west-2"}),
    "400 with the region": (
        "400 Bad Request",
        "AuthorizationHeaderMalformed",
        "<Region>us-west-2</Region>",
        {},
    ),
    "400 of an opt-in region": ("400 Bad Request", "IllegalLocationConstraintException", "", {}),
}


@pytest.mark.parametrize("case", REGIONS)
@pytest.mark.parametrize("operation", [put, get])
def test_a_bucket_in_another_region(
    store: S3Store, account: Account, case: str, operation: Callable[[S3Store], None]
) -> None:
    status, code, more, headers = REGIONS[case]
    canned(account, status, code, "expecting another region", more, **headers)
    error = refusal(store, operation)
    assert type(error) is CONFIG
    assert re.fullmatch(
        rf"The bucket '{BUCKET}' lies in another region( \(us-west-2\))?: "
        r"set AWS_DEFAULT_REGION on this machine\.",
        str(error),
    )


def test_a_redirect_to_nowhere(store: S3Store, account: Account) -> None:
    canned(account, "301 Moved Permanently", "PermanentRedirect")
    error = refusal(store)
    assert type(error) is CONFIG
    assert "correct the bucket's name, region_name and endpoint_url" in str(error)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html and
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
POLICIES = {
    "because no identity-based policy allows the s3:PutObject action": "grant it to this machine's IAM role",
    "with an explicit deny in an identity-based policy": (
        "a policy of this machine's IAM role denies it; change that policy"
    ),
    "with an explicit deny in a resource-based policy": (
        f"the policy of bucket '{BUCKET}' denies it; change that policy"
    ),
    "because no resource-based policy allows the s3:PutObject action": (
        f"the policy of bucket '{BUCKET}' does not allow it; change that policy"
    ),
    "with an explicit deny in a service control policy": (
        "a service control policy denies it; ask whoever manages the AWS organization"
    ),
    "because no service control policy allows the s3:PutObject action": (
        "a service control policy does not allow it; ask whoever manages the AWS organization"
    ),
    "with an explicit deny in a resource control policy": (
        "a resource control policy denies it; ask whoever manages the AWS organization"
    ),
    "because no permissions boundary allows the s3:PutObject action": (
        "the permissions boundary of this machine's IAM role does not allow it; widen it"
    ),
    "because no session policy allows the s3:PutObject action": (
        "the session policy of this machine's IAM role does not allow it; widen it"
    ),
    "because no VPC endpoint policy allows the s3:PutObject action": (
        "the policy of the VPC endpoint on the way to S3 does not allow it; allow it there"
    ),
    "": (
        "grant it to this machine's IAM role; if that has it, another policy denies it, perhaps that of "
        f"bucket '{BUCKET}'"
    ),
}


@pytest.mark.parametrize("reason", POLICIES)
def test_a_policy_that_denies(store: S3Store, account: Account, reason: str) -> None:
    said = f'{USER}: s3:PutObject on resource: "{OBJECT}" {reason}' if reason else "Access Denied"
    canned(account, "403 Forbidden", "AccessDenied", said)
    error = refusal(store, put)
    assert type(error) is ACCESS
    assert str(error) == f"S3 denies s3:PutObject on {OBJECT}: {POLICIES[reason]}."
    assert str(refusal(store, put_parts)) == str(error)


def test_a_bucket_policy_that_moto_enforces(account: Account, store: S3Store) -> None:
    deny = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "%s"}]}'
    admin = account.client("s3")
    admin.put_bucket_policy(Bucket=BUCKET, Policy=deny % f"arn:aws:s3:::{BUCKET}/*")
    try:
        error = refusal(store, put)
    finally:
        admin.delete_bucket_policy(Bucket=BUCKET)
    assert str(error).startswith(f"S3 denies s3:PutObject on {OBJECT}: ")


def test_s3_knows_best_what_is_lacking(store: S3Store, account: Account) -> None:
    said = f"{USER}: s3:ListBucket on resource: ... because no identity-based policy allows the s3:ListBucket"
    canned(account, "403 Forbidden", "AccessDenied", said)
    error = refusal(store, put)
    assert (
        str(error)
        == f"S3 denies s3:ListBucket on arn:aws:s3:::{BUCKET}: grant it to this machine's IAM role."
    )


# --- the key -----------------------------------------------------------------------------------------------

KEY_POLICIES = {
    f"{USER}: kms:GenerateDataKey on resource: {KMS_KEY} because no identity-based policy allows the "
    "kms:GenerateDataKey action": (
        f"S3 denies kms:GenerateDataKey on {KMS_KEY} for {PLACE}: grant it to this machine's IAM role."
    ),
    f"{USER}: kms:Decrypt on resource: {KMS_KEY} with an explicit deny in a resource-based policy": (
        f"S3 denies kms:Decrypt on {KMS_KEY} for {PLACE}: the policy of KMS key {KMS_KEY} denies it; "
        "change that policy."
    ),
    f"{USER}: kms:GenerateDataKey on this resource because the resource does not exist in this Region, no "
    "resource-based policies allow access, or a resource-based policy explicitly denies access": (
        f"S3 denies kms:GenerateDataKey on the KMS key of bucket '{BUCKET}' for {PLACE}: grant it to this "
        "machine's IAM role; if that has it, another policy denies it, perhaps that of the KMS key of bucket "
        f"'{BUCKET}'."
    ),
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or "
    "you are not allowed to access.": (
        f"S3 denies kms:Decrypt on the KMS key of bucket '{BUCKET}' for {PLACE}: grant it to this "
        "machine's IAM role; if that has it, another policy denies it, perhaps that of the KMS key of bucket "
        f"'{BUCKET}'."
    ),
}


@pytest.mark.parametrize("said", KEY_POLICIES, ids=["data key", "decrypt", "no key named", "old words"])
@pytest.mark.parametrize("operation", [put, get])
def test_a_key_without_permission(
    store: S3Store, account: Account, said: str, operation: Callable[[S3Store], None]
) -> None:
    canned(account, "403 Forbidden", "AccessDenied", said)
    if operation is get:  # The object is there, and its name may be read.
        account.amazon.canned = [
            each._replace(path=rf"^/{BUCKET}/.") for each in account.amazon.canned if each.method == "GET"
        ]
    error = refusal(store, operation)
    assert type(error) is ACCESS
    assert str(error) == KEY_POLICIES[said]


@pytest.mark.parametrize(
    "code", ["KMS.DisabledException", "KMS.NotFoundException", "KMS.InvalidStateException"]
)
def test_a_key_that_cannot_be_used(store: S3Store, account: Account, code: str) -> None:
    canned(account, "400 Bad Request", code, f"{KMS_KEY} is disabled.")
    error = refusal(store, put)
    assert type(error) is ACCESS
    assert (
        str(error)
        == f"The KMS key of bucket '{BUCKET}' cannot be used for {PLACE} ({code}): mend or replace it."
    )


def test_a_key_service_that_is_busy_may_be_well_again(store: S3Store, account: Account) -> None:
    canned(account, "400 Bad Request", "KMS.ThrottlingException", "Rate exceeded")
    assert type(refusal(store, put)) is DOWN


def test_a_session_that_has_expired_is_another_one_in_the_next_try(store: S3Store, account: Account) -> None:
    canned(
        account, "400 Bad Request", "ExpiredToken", "The provided token has expired.", "<Token-0>x</Token-0>"
    )
    error = refusal(store)
    assert type(error) is DOWN
    assert "The session token of the machine's AWS credentials is no longer valid (ExpiredToken)" in str(
        error
    )
