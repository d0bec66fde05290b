# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twitch_provider.exceptions import (
    TwitchConfigError,
    TwitchParameterError,
    TwitchStoreAccessError,
    TwitchStoreUnavailableError,
)
from twitch_provider.transfers.s3_object import S3Object


def refusing(monkeypatch: pytest.MonkeyPatch, operation: str, code: str, status: int) -> None:
    """Let S3 refuse an operation, with a message that nobody may see."""
    answer = {
        "Error": {"Code": code, "Message": "AKIAsecret"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }

    def call(_client: Any, name: str, _arguments: Any) -> Any:
        assert name in {operation, "ListObjectsV2"}
        raise ClientError(answer, name)

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", call)


@pytest.mark.parametrize(
    ("bucket", "key", "uri"),
    [
        ("lake", "a/b.csv", "s3://lake/a/b.csv"),
        (None, "s3://lake/a/b.csv", "s3://lake/a/b.csv"),
        (None, "s3a://lake/a b.csv", "s3://lake/a b.csv"),
    ],
)
def test_at(bucket: str | None, key: str, uri: str) -> None:
    assert S3Object.at(bucket, key, None).uri == uri


@pytest.mark.parametrize(
    ("bucket", "key"),
    [
        (None, "a/b"),
        ("lake", "s3://lake/a"),
        ("lake", ""),
        ("", "a"),
        (None, "s3://lake"),
        (None, None),
        (None, ""),
    ],
)
def test_no_object_or_two_buckets_are_refused(bucket: Any, key: Any) -> None:
    with pytest.raises(TwitchParameterError, match="s3_key wants a key in s3_bucket, or s3://bucket/key"):
        S3Object.at(bucket, key, None)


def test_writes_and_replaces(bucket: Any) -> None:
    target = S3Object("lake", "a", "aws_default")
    target.write(io.BytesIO(b"old"), content_type="text/csv")
    target.write(io.BytesIO(b"new"), content_type="application/gzip")
    assert bucket.objects() == {"a": b"new"}
    assert bucket.content_type("a") == "application/gzip"


def test_an_object_that_is_there_is_refused(bucket: Any) -> None:
    bucket.put("a", b"old")
    with pytest.raises(
        TwitchParameterError, match=r"^s3://lake/a is there already; give another s3_key, or replace"
    ):
        S3Object("lake", "a", "aws_default").require_absent()


def test_a_longer_key_is_another_object(bucket: Any) -> None:
    bucket.put("a.csv", b"old")
    S3Object("lake", "a", "aws_default").require_absent()


def test_a_missing_connection_is_not_the_machines_credentials(bucket: Any) -> None:
    with pytest.raises(TwitchConfigError, match="Connection 'nowhere' does not exist"):
        S3Object("lake", "a", "nowhere").write(io.BytesIO(b""), content_type="text/csv")


@pytest.mark.parametrize("aws_conn_id", [None, ""])
def test_no_connection_means_the_machines_credentials(
    bucket: Any, aws_conn_id: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    target = S3Object("lake", "a", aws_conn_id)
    target.require_absent()
    target.write(io.BytesIO(b"x"), content_type="text/csv")
    assert bucket.objects() == {"a": b"x"}


def test_a_missing_bucket_is_one_sentence(bucket: Any) -> None:
    missing = S3Object("nope", "a", "aws_default")
    for operation in (
        missing.require_absent,
        lambda: missing.write(io.BytesIO(b""), content_type="text/csv"),
    ):
        with pytest.raises(TwitchStoreAccessError, match="The bucket 'nope' does not exist") as caught:
            operation()
        assert caught.value.key == "s3://nope/a"


@pytest.mark.parametrize(
    ("code", "status", "error", "sentence"),
    [
        ("AccessDenied", 403, TwitchStoreAccessError, r"S3 denies s3:\w+Object.* on arn:aws:s3:::lake/a"),
        ("SlowDown", 503, TwitchStoreUnavailableError, "S3 is busy or down"),
    ],
)
@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_refusals_are_sentences_without_what_s3_said(
    bucket: Any,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    code: str,
    status: int,
    error: type[Exception],
    sentence: str,
) -> None:
    refusing(monkeypatch, operation, code, status)
    target = S3Object("lake", "a", "aws_default")
    calls: dict[str, Callable[[], None]] = {
        "GetObject": target.require_absent,
        "PutObject": lambda: target.write(io.BytesIO(b"x"), content_type="text/csv"),
    }
    with pytest.raises(error, match=sentence) as caught:
        calls[operation]()
    assert "AKIA" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_bucket_that_cannot_be_one_is_configuration(bucket: Any) -> None:
    with pytest.raises(TwitchConfigError, match="correct the bucket's name"):
        S3Object("no bucket", "a", "aws_default").require_absent()
