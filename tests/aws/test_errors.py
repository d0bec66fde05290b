# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as boto

from twitch_provider.aws.errors import cannot_tell, explain
from twitch_provider.aws.identity import EXPIRED_AT_ONCE, Asker
from twitch_provider.exceptions import (
    TwitchConfigError,
    TwitchError,
    TwitchStoreAccessError,
    TwitchStoreError,
    TwitchStoreUnavailableError,
)

ACCESS, DOWN, CONFIG = TwitchStoreAccessError, TwitchStoreUnavailableError, TwitchConfigError
OBJECT = "arn:aws:s3:::lake/a/b.csv"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def refusal(code: str, status: int = 400, operation: str = "PutObject", **details: str) -> boto.ClientError:
    answer = {
        "Error": {"Code": code, **details},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}},
    }
    return boto.ClientError(answer, operation)


def explained(error: Exception, aws_conn_id: str | None = "mine") -> TwitchError:
    return explain(error, bucket="lake", key="a/b.csv", asker=Asker(aws_conn_id))


@pytest.mark.parametrize(
    ("code", "status", "kind", "sentence"),
    [
        ("NoSuchBucket", 404, ACCESS, "The bucket 'lake' does not exist: create it, or correct its name"),
        ("InvalidBucketName", 400, CONFIG, "'lake' is not a valid bucket name"),
        ("InvalidAccessKeyId", 403, ACCESS, "AWS does not know the access key id of connection 'mine'"),
        ("SignatureDoesNotMatch", 403, ACCESS, "of connection 'mine' (SignatureDoesNotMatch): correct the"),
        ("InvalidSignatureException", 400, ACCESS, "or this worker's clock if the signature has expired"),
        ("RequestTimeTooSkewed", 403, DOWN, "This worker's clock differs from AWS's by more than 15"),
        ("ExpiredToken", 400, ACCESS, "token of connection 'mine' is no longer valid (ExpiredToken): renew"),
        ("PermanentRedirect", 301, CONFIG, "The bucket 'lake' is in another region: set region_name in"),
        ("SlowDown", 503, DOWN, "S3 is busy or down (SlowDown) at s3://lake/a/b.csv: a later try may"),
        ("KMS.ThrottlingException", 400, DOWN, "AWS KMS is busy or down (KMS.ThrottlingException)"),
        ("KMS.DisabledException", 400, ACCESS, "The KMS key of bucket 'lake' cannot be used for s3://lake/a"),
        (
            "InvalidObjectState",
            403,
            ACCESS,
            "s3://lake/a/b.csv is archived (InvalidObjectState) and cannot be",
        ),
        (
            "BadDigest",
            400,
            DOWN,
            "not what was sent (BadDigest): a later try may succeed; for a store that is",
        ),
        ("InvalidStorageClass", 400, CONFIG, "(InvalidStorageClass): correct [twitch] s3_extra_args"),
        ("InvalidRequest", 400, CONFIG, "object lock needs request_checksum_calculation=when_supported"),
        ("Unheard", 502, DOWN, "S3 is down at s3://lake/a/b.csv (HTTP 502): try later"),
        ("Unheard", 429, DOWN, "HTTP 429"),
        (
            "EntityTooLarge",
            400,
            TwitchStoreError,
            "S3 refused PutObject at s3://lake/a/b.csv (EntityTooLarge",
        ),
    ],
)
def test_a_code_says_what_to_do(code: str, status: int, kind: type[TwitchError], sentence: str) -> None:
    error = explained(refusal(code, status, Message=f"Sorry, {SECRET}."))
    assert type(error) is kind
    assert sentence in str(error)
    assert str(error).endswith(" AWS said: Sorry, ***.")
    assert getattr(error, "key", "s3://lake/a/b.csv") == "s3://lake/a/b.csv"


@pytest.mark.parametrize(
    ("operation", "sentence"),
    [
        ("PutObject", f"s3:PutObject on {OBJECT}: grant it to connection 'mine', and kms:GenerateDataKey"),
        ("UploadPart", f"s3:PutObject on {OBJECT}: grant it to connection 'mine', and kms:GenerateDataKey"),
        ("GetObject", f"s3:GetObject on {OBJECT}: grant it to connection 'mine', and kms:Decrypt on the"),
        ("HeadObject", f"s3:GetObject on {OBJECT}: grant it to connection 'mine', and kms:Decrypt on the"),
        ("DeleteObject", f"s3:DeleteObject on {OBJECT}: grant it to connection 'mine'."),
        ("ListObjectsV2", "s3:ListBucket on arn:aws:s3:::lake for keys that begin with a/b.csv: grant it to"),
        ("PutBucketAcl", f"s3:PutBucketAcl on {OBJECT}: grant it to connection 'mine'."),
        ("AssumeRole", "sts:AssumeRole on the role of connection 'mine': allow it in the role's trust"),
    ],
)
def test_a_denial_names_action_and_resource(operation: str, sentence: str) -> None:
    for code in ("AccessDenied", "AllAccessDisabled", "403", "KMS.AccessDeniedException"):
        error = explained(refusal(code, 403, operation))
        assert type(error) is ACCESS
        assert str(error).startswith(f"{'AWS STS' if operation == 'AssumeRole' else 'S3'} denies {sentence}")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (501, "NotImplemented", "Header 'x-amz-checksum-crc32' with value 'AAAAAA==' not implemented"),
        (501, "NotImplemented", "A header you provided implies functionality that is not implemented"),
        (501, "501", ""),
        (
            400,
            "InvalidArgument",
            "Unsupported header 'x-amz-sdk-checksum-algorithm' received for this API call.",
        ),
        (
            400,
            "InvalidArgument",
            "aws-chunked encoding is not supported with the specified x-amz-content-sha256",
        ),
        (400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match"),
        (400, "InvalidRequest", "The algorithm type you specified in x-amz-checksum- header is invalid."),
        (400, "BadRequest", "STREAMING-UNSIGNED-PAYLOAD-TRAILER is not supported"),
        (411, "MissingContentLength", "You must provide the Content-Length HTTP header."),
        (400, "400", ""),
        (411, "411", ""),
        (411, "", ""),
    ],
)
def test_a_store_that_does_not_know_checksums_is_configuration(status: int, code: str, words: str) -> None:
    for operation in ("PutObject", "UploadPart"):
        error = explained(refusal(code, status, operation, Message=words))
        assert type(error) is CONFIG
        assert (
            f"does not accept the headers of {operation} ({code or 'no code'}, HTTP {status}): if it"
            in str(error)
        )
        assert "set AWS_REQUEST_CHECKSUM_CALCULATION=when_required, or request_checksum_calculation" in str(
            error
        )
        assert "[twitch] s3_extra_args" in str(error)


@pytest.mark.parametrize("status", [405, 501])
def test_what_a_store_does_not_support_is_configuration(status: int) -> None:
    error = explained(refusal("NotImplemented", status, "ListObjectsV2"))
    assert type(error) is CONFIG
    assert "The store does not support ListObjectsV2 at s3://lake/a/b.csv (NotImplemented" in str(error)


def test_a_bucket_with_object_lock_needs_a_checksum() -> None:
    said = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock"
    error = explained(refusal("InvalidRequest", 400, Message=said))
    assert "object lock needs request_checksum_calculation=when_supported" in str(error)


def test_a_signature_that_another_store_does_not_accept_may_be_that_of_a_checksum() -> None:
    assert str(explained(refusal("SignatureDoesNotMatch", 403))).endswith(
        "; for a store that is not Amazon's, set AWS_REQUEST_CHECKSUM_CALCULATION=when_required, or "
        "request_checksum_calculation in config_kwargs of the connection's extra."
    )
    assert "Amazon's" not in str(explained(refusal("SignatureDoesNotMatch", 403, "GetObject")))


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_arns_are_those_of_the_partition(partition: str) -> None:
    said = f"User is not authorized to perform: s3:PutObject on resource: arn:{partition}:s3:::lake/a/b.csv"
    given: dict[str, Any] = {"bucket": "lake", "key": "a/b.csv", "asker": Asker(None, partition=partition)}
    denied = str(explain(refusal("AccessDenied", 403, Message=said), **given))
    assert denied.startswith(f"S3 denies s3:PutObject on arn:{partition}:s3:::lake/a/b.csv: ")
    assert denied.endswith(said)
    assert f"s3:ListBucket on arn:{partition}:s3:::lake for keys" in str(
        cannot_tell(refusal("AccessDenied", 403, "ListObjectsV2"), **given)
    )


@pytest.mark.parametrize(
    ("firmware", "environment", "fatal"),
    [
        ("Amazon EC2", {}, False),
        ("4.11.amazon", {}, False),
        ("Amazon EC2", {"AWS_EC2_METADATA_DISABLED": "true"}, True),
        ("QEMU", {}, True),
        ("QEMU", {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1"}, False),
        (None, {}, True),
    ],
)
def test_no_credentials_are_final_where_no_service_hands_them_out(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    firmware: str | None,
    environment: dict[str, str],
    fatal: bool,
) -> None:
    for name in ("AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if firmware:
        (tmp_path / "vendor").write_text(firmware)
    monkeypatch.setattr("twitch_provider.aws.identity.FIRMWARE", (tmp_path / "vendor",))
    assert explained(boto.NoCredentialsError()).fatal == fatal


def test_why_it_is_denied_is_in_aws_s_own_words() -> None:
    said = (
        "User: arn:aws:sts::123456789012:assumed-role/it/i-0 is not authorized to perform: s3:PutObject on "
        f'resource: "{OBJECT}" with an explicit deny in a resource-based policy'
    )
    assert str(explained(refusal("AccessDenied", 403, Message=said), None)) == (
        f"S3 denies s3:PutObject on {OBJECT}: grant it to the IAM role of this worker, and "
        "kms:GenerateDataKey and kms:Decrypt on the bucket's KMS key if it has one; if the bucket's policy "
        "demands a header, such as of encryption, set it in [twitch] s3_extra_args. "
        f"AWS said: {said.replace('/i-0', '/***')}"
    )


def test_a_region_is_named_if_s3_names_it() -> None:
    error = explained(refusal("AuthorizationHeaderMalformed", Region="eu-west-1"))
    assert "The bucket 'lake' is in another region (eu-west-1): set region_name in" in str(error)
    assert SECRET not in str(explained(refusal("PermanentRedirect", 301, Region=SECRET)))


def test_a_session_of_a_role_is_renewed_by_itself() -> None:
    error = explained(refusal("ExpiredToken"), None)
    assert type(error) is DOWN
    assert str(error) == (
        "The session token of the IAM role of this worker is no longer valid (ExpiredToken): "
        "the next try has a new one."
    )


def test_a_key_of_which_nothing_is_known_needs_two_permissions() -> None:
    refused = refusal("AccessDenied", 403, "ListObjectsV2")
    assert str(cannot_tell(refused, bucket="lake", key="a/b.csv", asker=Asker(None))) == (
        f"S3 denies s3:GetObject on {OBJECT} and s3:ListBucket on arn:aws:s3:::lake for keys that begin with "
        "a/b.csv: grant both to the IAM role of this worker."
    )


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (
            boto.NoCredentialsError(),
            ACCESS,
            "(NoCredentialsError): connection 'mine' has no access key; give",
        ),
        (
            boto.PartialCredentialsError(provider="env", cred_var="x"),
            ACCESS,
            "'mine' are incomplete (Partial",
        ),
        (
            boto.CredentialRetrievalError(provider="p", error_msg=SECRET),
            DOWN,
            "'mine' cannot be fetched (Cre",
        ),
        (boto.MetadataRetrievalError(error_msg=SECRET), DOWN, "cannot be fetched (MetadataRetrievalError)"),
        (RuntimeError(f"The {EXPIRED_AT_ONCE}."), ACCESS, "of connection 'mine' had expired when they were"),
        (
            boto.EndpointConnectionError(endpoint_url="http://x"),
            DOWN,
            "cannot be reached for s3://lake/a/b.c",
        ),
        (
            boto.FlexibleChecksumError(error_msg=SECRET),
            DOWN,
            "What S3 sent for s3://lake/a/b.csv does not match its checksum: a later try may succeed",
        ),
        (
            boto.ReadTimeoutError(endpoint_url="http://x"),
            DOWN,
            "(ReadTimeoutError): if this persists, correct",
        ),
        (boto.NoRegionError(), CONFIG, "'mine' (NoRegionError): correct the bucket's name, region_name and"),
        (ValueError(f"Invalid endpoint: {SECRET}"), CONFIG, "(ValueError): correct the bucket's name"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_without_an_answer_of_s3(error: Exception, kind: type[TwitchError], sentence: str) -> None:
    ours = explained(error)
    assert type(ours) is kind
    assert sentence in str(ours)
    assert SECRET not in str(ours)


@pytest.mark.parametrize("owner", [None, "111122223333"])
def test_a_bucket_of_another_account_has_to_allow_it_too(owner: str | None) -> None:
    said = (
        "User: arn:aws:sts::123456789012:assumed-role/it/i-0 is not authorized to perform: s3:PutObject on "
        f'resource: "{OBJECT}" because no resource-based policy allows the s3:PutObject action'
    )
    error = explain(
        refusal("AccessDenied", 403, Message=said),
        bucket="lake",
        key="a/b.csv",
        asker=Asker("mine", owner=owner),
    )
    assert type(error) is ACCESS
    assert str(error) == (
        f"S3 denies s3:PutObject on {OBJECT}: grant it to connection 'mine', and kms:GenerateDataKey and "
        "kms:Decrypt on the bucket's KMS key if it has one; bucket 'lake' belongs to another account, so its "
        f"policy must allow it, too. AWS said: {said.replace('/i-0', '/***')}"
    )


def test_a_key_s_policy_is_not_the_bucket_s() -> None:
    said = "because no resource-based policy allows the kms:GenerateDataKey action"
    assert "another account" not in str(explained(refusal("AccessDenied", 403, Message=said)))


@pytest.mark.parametrize(
    ("words", "named"), [("Access Denied", True), ("with an explicit deny in it", False)]
)
def test_an_owner_that_was_not_expected_may_be_why_no_reason_is_given(words: str, named: bool) -> None:
    asker = Asker("mine", owner="111122223333")
    refused = refusal("AccessDenied", 403, "ListObjectsV2", Message=words)
    given: dict[str, Any] = {"bucket": "lake", "key": "a/b.csv", "asker": asker}
    hint = (
        "; check that bucket 'lake' belongs to account 111122223333, the ExpectedBucketOwner of [twitch] "
        "s3_extra_args."
    )
    for error in (explain(refused, **given), cannot_tell(refused, **given)):
        assert (hint in str(error)) == named


def test_keys_of_the_environment_are_not_renewed_by_themselves() -> None:
    error = explain(refusal("ExpiredToken"), bucket="lake", key="a/b.csv", asker=Asker(None, "env"))
    assert type(error) is ACCESS
    assert str(error) == (
        "The session token of the AWS keys in this worker's environment is no longer valid (ExpiredToken): "
        "renew it."
    )
