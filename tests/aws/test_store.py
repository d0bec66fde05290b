# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import exceptions as boto
from botocore.config import Config
from botocore.credentials import Credentials
from moto import mock_aws

from twitch_provider.aws.errors import explain
from twitch_provider.aws.store import S3Store
from twitch_provider.exceptions import (
    TwitchConfigError,
    TwitchError,
    TwitchStoreAccessError,
    TwitchStoreError,
    TwitchStoreUnavailableError,
)

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    connection = {
        "conn_type": "aws",
        "login": KEY_ID,
        "password": SECRET,
        "extra": {"region_name": "us-east-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="lake")
        yield S3Store("lake", "aws_default")


def test_put_replaces_and_sets_the_content_type(store: S3Store) -> None:
    store.put("a/b.csv", b"old", content_type="text/csv; charset=utf-8")
    store.put("a/b.csv", b"new", content_type="text/csv; charset=utf-8")
    assert store.get("a/b.csv") == b"new"
    head = boto3.client("s3", region_name="us-east-1").head_object(Bucket="lake", Key="a/b.csv")
    assert head["ContentType"] == "text/csv; charset=utf-8"


def test_content_types_do_not_mix(store: S3Store) -> None:
    store.put("a.csv", b"", content_type="text/csv")
    store.put("b.json", b"", content_type="application/json")
    store.put("c.csv", b"", content_type="text/csv")
    client = boto3.client("s3", region_name="us-east-1")
    found = [
        client.head_object(Bucket="lake", Key=key)["ContentType"] for key in ("a.csv", "b.json", "c.csv")
    ]
    assert found == ["text/csv", "application/json", "text/csv"]


def test_get_of_a_missing_key_is_none(store: S3Store) -> None:
    assert store.get("nothing") is None


def test_exists_tells_a_key_from_a_longer_one(store: S3Store) -> None:
    store.put("a.csv", b"x", content_type="text/csv")
    assert (store.exists("a.csv"), store.exists("a")) == (True, False)


def test_delete_does_not_mind_missing_keys(store: S3Store) -> None:
    store.put("a", b"", content_type="text/csv")
    store.delete(["nothing", "a"])
    assert store.list("") == []


def test_lists_keys_and_folders(store: S3Store) -> None:
    for key in ("t/dt=2/x", "t/dt=1/hour=1/y", "t/dt=1/x", "t/z", "u/x"):
        store.put(key, b"", content_type="text/csv")
    assert store.list("t/dt=1/") == ["t/dt=1/hour=1/y", "t/dt=1/x"]
    assert store.folders("t/") == ["t/dt=1/", "t/dt=2/"]
    assert store.list("none/") == store.folders("none/") == []


def test_lists_more_than_one_answer_of_s3(store: S3Store) -> None:
    client = boto3.client("s3", region_name="us-east-1")
    for number in range(1001):
        client.put_object(Bucket="lake", Key=f"many/{number:04}")
    assert len(store.list("many/")) == 1001


def test_uri() -> None:
    assert S3Store("lake", None).uri("a/b.csv") == "s3://lake/a/b.csv"


def test_missing_connection_is_not_the_machine_s_credentials(store: S3Store) -> None:
    del store
    with pytest.raises(TwitchConfigError, match="Connection 'nowhere' does not exist: create it, or give no"):
        S3Store("lake", "nowhere").get("a")


@pytest.mark.parametrize("aws_conn_id", ["", None])
def test_no_connection_means_boto3_s_own_credentials(
    store: S3Store, aws_conn_id: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    store.put("a", b"x", content_type="text/csv")
    assert S3Store("lake", aws_conn_id).get("a") == b"x"


def test_missing_bucket_says_so_in_every_operation(store: S3Store) -> None:
    del store
    missing = S3Store("nope", "aws_default")
    for operation in (
        lambda: missing.put("a", b"", content_type="text/csv"),
        lambda: missing.get("a"),
        lambda: missing.exists("a"),
        lambda: missing.delete(["a"]),
        lambda: missing.list("a"),
        lambda: missing.folders("a"),
    ):
        with pytest.raises(TwitchStoreAccessError, match="The bucket 'nope' does not exist") as caught:
            operation()
        assert caught.value.key == "s3://nope/a"
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_impossible_bucket_name_is_configuration(store: S3Store) -> None:
    del store
    with pytest.raises(TwitchConfigError, match="correct the bucket's name"):
        S3Store("not a bucket", "aws_default").get("a")


def refusal(code: str, status: int = 400, operation: str = "PutObject", **details: str) -> boto.ClientError:
    answer = {
        "Error": {"Code": code, **({"Message": f"{KEY_ID} {SECRET}"} | details)},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}},
    }
    return boto.ClientError(answer, operation)


ACCESS, DOWN, CONFIG = TwitchStoreAccessError, TwitchStoreUnavailableError, TwitchConfigError


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (refusal("NoSuchBucket", 404), ACCESS, "The bucket 'lake' does not exist: create it"),
        (
            refusal("AccessDenied", 403),
            ACCESS,
            "S3 denies s3:PutObject on arn:aws:s3:::lake/a/b.csv: grant it to",
        ),
        (
            refusal("AccessDenied", 403, "ListObjectsV2"),
            ACCESS,
            "S3 denies s3:ListBucket on arn:aws:s3:::lake for keys that begin with a/b.csv: grant it to",
        ),
        (
            refusal("AccessDenied", 403, "GetObject"),
            ACCESS,
            "S3 denies s3:GetObject on arn:aws:s3:::lake/a/b.",
        ),
        (refusal("403", 403, "HeadObject"), ACCESS, "S3 denies s3:GetObject on arn:aws:s3:::lake/a/b.csv: "),
        (refusal("403", 403, "HeadBucket"), ACCESS, "S3 denies s3:ListBucket on arn:aws:s3:::lake: grant it"),
        (
            refusal("Forbidden", 403, "PutBucketAcl"),
            ACCESS,
            "S3 denies s3:PutBucketAcl on arn:aws:s3:::lake",
        ),
        (
            refusal("AccessDenied", 403, "DeleteObject"),
            ACCESS,
            "s3:DeleteObject on arn:aws:s3:::lake/a/b.csv",
        ),
        (
            refusal("AccessDenied", 403, "AssumeRole"),
            ACCESS,
            "AWS STS denies sts:AssumeRole on the role: grant it",
        ),
        (
            refusal("InvalidAccessKeyId", 403),
            ACCESS,
            "does not accept the access key of connection 'aws_default'",
        ),
        (refusal("SignatureDoesNotMatch", 403), ACCESS, "correct the key id and the secret"),
        (refusal("ExpiredToken"), ACCESS, "The session token of connection 'aws_default' is no longer valid"),
        (refusal("RequestTimeTooSkewed", 403), ACCESS, "This machine's clock"),
        (
            refusal(
                "SignatureDoesNotMatch", 403, "AssumeRole", Message="Signature expired: 1 is now earlier"
            ),
            ACCESS,
            "This machine's clock is more than 15 minutes away from that of AWS: set this machine's clock",
        ),
        (
            refusal("InvalidSignatureException", 400, Message="Signature not yet current: 2 is still later"),
            ACCESS,
            "This machine's clock",
        ),
        (
            refusal("PermanentRedirect", 301),
            CONFIG,
            "another region: set region_name in connection 'aws_default'",
        ),
        (refusal("AuthorizationHeaderMalformed", Region="eu-west-1"), CONFIG, "another region (eu-west-1)"),
        (refusal("InvalidBucketName"), CONFIG, "cannot be the name of a bucket"),
        (refusal("SlowDown", 503), DOWN, "S3 is busy or down (SlowDown)"),
        (refusal("InternalError", 500), DOWN, "a later try may succeed"),
        (
            refusal("KMS.KMSInternalException", 400),
            DOWN,
            "AWS KMS is busy or down (KMS.KMSInternalException)",
        ),
        (
            refusal("KMS.DisabledException", 400),
            ACCESS,
            "The KMS key of bucket 'lake' cannot be used for s3://",
        ),
        (refusal("Unheard", 502), DOWN, "HTTP 502"),
        (
            refusal("EntityTooLarge"),
            TwitchStoreError,
            "S3 refused PutObject at s3://lake/a/b.csv (EntityTooLarge",
        ),
        (
            boto.EndpointConnectionError(endpoint_url="http://x"),
            DOWN,
            "S3 cannot be reached for s3://lake/a/b.csv",
        ),
        (boto.ReadTimeoutError(endpoint_url="http://x"), DOWN, "ReadTimeoutError"),
        (boto.ConnectTimeoutError(endpoint_url="http://x"), DOWN, "ConnectTimeoutError"),
        (boto.ConnectionClosedError(endpoint_url="http://x"), DOWN, "ConnectionClosedError"),
        (
            boto.NoCredentialsError(),
            ACCESS,
            "(NoCredentialsError): connection 'aws_default' has no access key",
        ),
        (
            boto.PartialCredentialsError(provider="env", cred_var="x"),
            ACCESS,
            "there are no AWS credentials (PartialCredentialsError)",
        ),
        (
            boto.CredentialRetrievalError(provider="p", error_msg=SECRET),
            DOWN,
            "the AWS credentials of connection 'aws_default' cannot be fetched (CredentialRetrievalError)",
        ),
        (boto.MetadataRetrievalError(error_msg=SECRET), DOWN, "cannot be fetched (MetadataRetrievalError)"),
        (
            RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."),
            ACCESS,
            "the AWS credentials of connection 'aws_default' had expired when they came: set this machine's",
        ),
        (boto.NoRegionError(), CONFIG, "NoRegionError"),
        (RecursionError(), CONFIG, "correct the bucket's name, region_name and endpoint_url"),
        (boto.HTTPClientError(error=RecursionError()), CONFIG, "region_name and endpoint_url"),
        (
            ValueError(f"Invalid endpoint: {SECRET}"),
            CONFIG,
            "correct the bucket's name, region_name and endpoint_url",
        ),
    ],
    ids=lambda value: value.response["Error"]["Code"] if isinstance(value, boto.ClientError) else None,
)
def test_explains(error: Exception, kind: type[TwitchError], sentence: str) -> None:
    ours = explain(error, bucket="lake", key="a/b.csv", aws_conn_id="aws_default")
    assert type(ours) is kind
    assert sentence in str(ours)
    assert KEY_ID not in str(ours)
    assert SECRET not in str(ours)


def test_names_the_machine_s_credentials_without_a_connection() -> None:
    ours = explain(refusal("ExpiredToken"), bucket="lake", key="a", aws_conn_id=None)
    assert type(ours) is DOWN, "the next process has another"
    assert "The session token of the machine's AWS credentials" in str(ours)


@pytest.mark.parametrize(
    "said",
    [
        "is not authorized to perform: iam:PassRole on resource: arn:aws:kms:r:123456789012:key/k",
        "is not authorized to perform: s3:PutObjectAcl because no policy of mine",
        "is not authorized to perform: s3:PutObjectx with an explicit deny in a made-up policy",
    ],
)
def test_words_that_it_does_not_know_are_not_repeated(said: str) -> None:
    error = refusal("AccessDenied", 403, Message=f"User: {KEY_ID} {said}")
    ours = str(explain(error, bucket="lake", key="a", aws_conn_id=None))
    assert ours.startswith(
        "S3 denies s3:PutObject on arn:aws:s3:::lake/a: grant it to this machine's IAM role;"
    )
    for word in ("iam", "kms", "Acl", "mine", "made-up", KEY_ID):
        assert word not in ours.replace("this machine's IAM role", "")


def test_a_key_s_name_is_taken_over_only_where_it_is_one() -> None:
    for name in (
        f"arn:aws:kms:eu:123456789012:key/k?{SECRET}",
        "arn:aws:kms:eu:1:key/k",
        "arn:aws:s3:::lake",
    ):
        said = (
            f"is not authorized to perform: kms:Decrypt on resource: {name} because no identity-based policy"
        )
        ours = explain(refusal("AccessDenied", 403, Message=said), bucket="lake", key="a", aws_conn_id=None)
        assert SECRET not in str(ours)
        assert str(ours).startswith("S3 denies kms:Decrypt on ")


LARGE = 9_000_000  # boto3 sends what is larger than 8 MB in parts


@pytest.fixture
def client(store: S3Store) -> Any:
    del store
    # moto gives an object that came in parts a checksum that is not S3's, and some boto3 refuses it.
    lenient = Config(response_checksum_validation="when_required")
    return boto3.client("s3", region_name="us-east-1", config=lenient)


@pytest.mark.parametrize("size", [0, 10, LARGE], ids=["empty", "small", "in parts"])
def test_puts_a_file_from_its_beginning_and_leaves_it_open(
    store: S3Store, client: Any, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    store.put("a/b.gz", b"what was there", content_type="text/csv")
    with path.open("rb") as file:
        file.seek(size // 2)
        store.put_file("a/b.gz", file, content_type="application/gzip")
        assert not file.closed
    assert client.get_object(Bucket="lake", Key="a/b.gz")["Body"].read() == b"x" * size
    assert client.head_object(Bucket="lake", Key="a/b.gz")["ContentType"] == "application/gzip"


@pytest.mark.parametrize(
    ("operation", "size"),
    [
        ("PutObject", 10),
        ("CreateMultipartUpload", LARGE),
        ("UploadPart", LARGE),
        ("CompleteMultipartUpload", LARGE),
    ],
)
def test_a_file_that_fails_leaves_no_half_object(
    store: S3Store, client: Any, operation: str, size: int
) -> None:
    def deny(**_: object) -> None:
        raise refusal("AccessDenied", 403, operation)

    store.put("a.gz", b"what was there", content_type="text/csv")
    connection = store.hook.get_conn()
    connection.meta.events.register(f"before-call.s3.{operation}", deny)
    denied = "S3 denies s3:PutObject on arn:aws:s3:::lake/a.gz: grant it to connection 'aws_default'"
    with pytest.raises(TwitchStoreAccessError, match=denied) as caught:
        store.put_file("a.gz", BytesIO(b"x" * size), content_type="application/gzip")
    assert caught.value.key == "s3://lake/a.gz"
    assert caught.value.__suppress_context__
    assert store.get("a.gz") == b"what was there"
    assert "Uploads" not in client.list_multipart_uploads(Bucket="lake")


def test_a_file_for_a_bucket_that_is_none_says_so(store: S3Store) -> None:
    del store
    with pytest.raises(TwitchStoreAccessError, match="The bucket 'nope' does not exist"):
        S3Store("nope", "aws_default").put_file("a", BytesIO(b"x"), content_type="text/csv")


def test_all_of_it_is_done_by_one_client(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    create = boto3.session.Session.client

    def client(*arguments: Any, **named: Any) -> Any:
        made.append(arguments)
        return create(*arguments, **named)

    monkeypatch.setattr(boto3.session.Session, "client", client)
    store.put("a", b"", content_type="text/csv")
    store.put_file("b", BytesIO(b""), content_type="application/gzip")
    store.get("a")
    store.list("")
    store.delete(["a"])
    assert len(made) == 1


def test_a_missing_key_is_told_by_a_list_where_s3_denies_it(store: S3Store) -> None:
    def deny(**_: object) -> None:
        raise refusal("AccessDenied", 403, "GetObject")

    store.put("a.csv", b"x", content_type="text/csv")
    store.hook.get_conn().meta.events.register("before-call.s3.GetObject", deny)
    assert store.get("a") is None
    with pytest.raises(TwitchStoreAccessError, match=r"S3 denies s3:GetObject on arn:aws:s3:::lake/a\.csv: "):
        store.get("a.csv")
    # Nobody knows yet whether anything may be read: what is written next is read back.
    with pytest.raises(TwitchStoreAccessError, match="S3 denies s3:GetObject on arn:aws:s3:::lake/b: "):
        store.put_file("b", BytesIO(b"x"), content_type="text/csv")


def test_a_key_of_which_nothing_is_told_names_both_permissions(store: S3Store) -> None:
    for operation in ("GetObject", "ListObjectsV2"):

        def deny(operation: str = operation, **_: object) -> None:
            raise refusal("AccessDenied", 403, operation)

        store.hook.get_conn().meta.events.register(f"before-call.s3.{operation}", deny)
    with pytest.raises(TwitchStoreAccessError) as caught:
        store.get("a/b")
    assert str(caught.value) == (
        "S3 denies s3:GetObject on arn:aws:s3:::lake/a/b, and s3:ListBucket on arn:aws:s3:::lake for keys "
        "that begin with a/b, without which it does not tell a missing key: "
        "grant both to connection 'aws_default'."
    )
    assert caught.value.key == "s3://lake/a/b"
    assert caught.value.__suppress_context__


def test_a_list_that_fails_is_what_is_told(store: S3Store) -> None:
    for operation, code in (("GetObject", "AccessDenied"), ("ListObjectsV2", "SlowDown")):

        def fail(operation: str = operation, code: str = code, **_: object) -> None:
            raise refusal(code, 403, operation)

        store.hook.get_conn().meta.events.register(f"before-call.s3.{operation}", fail)
    with pytest.raises(TwitchStoreUnavailableError, match="SlowDown"):
        store.get("a")


def test_the_credentials_of_a_role_are_masked_and_so_are_those_that_follow(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    del store
    masked: list[str] = []
    monkeypatch.setattr("twitch_provider.aws.store.mask_secret", masked.append)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    of_a_role = S3Store("lake", None)
    sessions = [
        Credentials("ASIA1", "secret one", "token one"),
        Credentials("ASIA2", "secret two", "token two"),
    ]
    monkeypatch.setattr(boto3.session.Session, "get_credentials", lambda _: sessions[0])
    of_a_role.list("")
    of_a_role.list("")
    assert masked == ["secret one", "token one"]
    monkeypatch.setattr(sessions[0], "get_frozen_credentials", sessions[1].get_frozen_credentials)
    of_a_role.list("")
    assert masked[2:] == ["secret two", "token two"]
