# SPDX-License-Identifier: Apache-2.0
"""What boto3, botocore and S3 report, as our errors: what, where, what to do, and AWS's own words, masked."""

from __future__ import annotations

from typing import NamedTuple

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from twitch_provider.aws.identity import CLOCK, cause, holder
from twitch_provider.aws.masking import code_of, masked, said
from twitch_provider.exceptions import (
    TwitchConfigError,
    TwitchError,
    TwitchStoreAccessError,
    TwitchStoreError,
    TwitchStoreUnavailableError,
)

ACCESS, DOWN, CONFIG = TwitchStoreAccessError, TwitchStoreUnavailableError, TwitchConfigError


class Refusal(NamedTuple):
    """Our error for a code, and what to do."""

    kind: type[TwitchError]
    sentence: str


EXPIRED = ("ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired")
#: A role's session is renewed without anybody's doing.
RENEWED = Refusal(
    DOWN, "The session token of {holder} is no longer valid ({code}): the next try has a new one"
)

#: By the codes of S3, KMS and STS: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
REFUSALS = {
    "NoSuchBucket": Refusal(ACCESS, "The bucket {bucket!r} does not exist: create it, or correct its name"),
    "InvalidBucketName": Refusal(CONFIG, "{bucket!r} is not a valid bucket name: correct it"),
    "RequestTimeTooSkewed": Refusal(
        ACCESS, f"This worker's clock differs from AWS's by more than 15 minutes: {CLOCK}"
    ),
    **dict.fromkeys(
        ("InvalidAccessKeyId", "InvalidClientTokenId"),
        Refusal(ACCESS, "AWS does not know the access key id of {holder} ({code}): correct it"),
    ),
    **dict.fromkeys(
        ("SignatureDoesNotMatch", "InvalidSignatureException"),
        Refusal(
            ACCESS,
            "AWS does not accept the signature of {holder} ({code}): correct the secret access key, or this "
            "worker's clock if the signature has expired",
        ),
    ),
    **dict.fromkeys(
        EXPIRED, Refusal(ACCESS, "The session token of {holder} is no longer valid ({code}): renew it")
    ),
    **dict.fromkeys(
        (
            "PermanentRedirect",
            "301",
            "AuthorizationHeaderMalformed",
            "IncorrectEndpoint",
            "IllegalLocationConstraintException",
        ),
        Refusal(
            CONFIG,
            "The bucket {bucket!r} is in another region{region}: set region_name in the AWS connection, or "
            "AWS_DEFAULT_REGION",
        ),
    ),
    **dict.fromkeys(
        (
            "KMS.KMSInternalException",
            "KMS.DependencyTimeoutException",
            "KMS.KeyUnavailableException",
            "KMS.ThrottlingException",
            "ThrottlingException",
        ),
        Refusal(DOWN, "AWS KMS is busy or down ({code}) at {place}: a later try may succeed"),
    ),
    # Every other code of KMS.
    "KMS": Refusal(
        ACCESS, "The KMS key of bucket {bucket!r} cannot be used for {place} ({code}): enable or replace it"
    ),
    **dict.fromkeys(
        ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted"),
        Refusal(DOWN, "S3 is busy or down ({code}) at {place}: a later try may succeed"),
    ),
}

DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException", "AllAccessDisabled"}
    | {"Forbidden", "403"}
)

_OBJECT = "arn:aws:s3:::{bucket}/{key}"
_WRITE = ("s3:PutObject", _OBJECT, "kms:GenerateDataKey and kms:Decrypt")

#: What an operation needs: an action, what to grant it on, and actions on the bucket's KMS key if it has one.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
ACTIONS = {
    "PutObject": ("s3:PutObject", _OBJECT, "kms:GenerateDataKey"),
    "CreateMultipartUpload": _WRITE,
    "UploadPart": _WRITE,
    "CompleteMultipartUpload": _WRITE,
    "GetObject": ("s3:GetObject", _OBJECT, "kms:Decrypt"),
    "DeleteObject": ("s3:DeleteObject", _OBJECT, ""),
    "ListObjectsV2": ("s3:ListBucket", "arn:aws:s3:::{bucket} for keys that begin with {key}", ""),
}

#: No whole answer arrived.
UNREACHABLE = (boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError, ResponseParserError)


def explain(error: Exception, *, bucket: str, key: str, aws_conn_id: str | None) -> TwitchError:
    """Return our error for one of boto3, botocore or the S3 hook.

    :param error: the error that was raised
    :param bucket: its name
    :param key: the object or prefix that was being worked on
    :param aws_conn_id: the connection in use; None for the worker's own credentials
    """
    if isinstance(error, boto.ClientError):
        return _refusal(error, bucket=bucket, key=key, aws_conn_id=aws_conn_id)
    place, name, who = f"s3://{bucket}/{key}", type(error).__name__, holder(aws_conn_id)
    if found := cause(error, aws_conn_id):
        return (ACCESS if found.fatal else DOWN)(
            f"S3 cannot be used for {place}: {found.sentence}.", key=place
        )
    if isinstance(error, UNREACHABLE):
        message = (
            f"S3 cannot be reached for {place} ({name}): if this persists, correct endpoint_url of {who}."
        )
        return DOWN(message, key=place)
    return CONFIG(
        f"S3 cannot be used for {place} with {who} ({name}): "
        "correct the bucket's name, region_name and endpoint_url."
    )


def cannot_tell(*, bucket: str, key: str, aws_conn_id: str | None) -> TwitchStoreAccessError:
    """Return the error for a key of which S3 does not even say whether it exists.

    :param bucket: its name
    :param key: of the object
    :param aws_conn_id: the connection in use; None for the worker's own credentials
    """
    read, names = (
        " on ".join(ACTIONS[operation][:2]).format(bucket=bucket, key=key)
        for operation in ("GetObject", "ListObjectsV2")
    )
    message = f"S3 denies {read} and {names}: grant both to {holder(aws_conn_id)}."
    return ACCESS(message, key=f"s3://{bucket}/{key}")


def _refusal(error: boto.ClientError, *, bucket: str, key: str, aws_conn_id: str | None) -> TwitchError:
    details, answer = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    code, status = code_of(error), int(answer.get("HTTPStatusCode") or 0)
    region = details.get("Region") or answer.get("HTTPHeaders", {}).get("x-amz-bucket-region")
    place = f"s3://{bucket}/{key}"
    if code in DENIED:
        kind, sentence = _denial(error.operation_name)
    elif code in EXPIRED and not aws_conn_id:
        kind, sentence = RENEWED
    elif found := REFUSALS.get(code) or REFUSALS.get(code.partition(".")[0]):
        kind, sentence = found
    elif status >= 500 or status == 429:
        kind, sentence = DOWN, f"S3 is down at {{place}} (HTTP {status}): try later"
    else:
        kind = TwitchStoreError
        sentence = (
            f"S3 refused {error.operation_name} at {{place}} ({{code}}, HTTP {status}): look the code up"
        )
    message = sentence.format(
        bucket=bucket,
        key=key,
        place=place,
        code=code,
        holder=holder(aws_conn_id),
        region=f" ({masked(str(region))})" if region else "",
    )
    message = f"{message}.{said(error, bucket, f'{bucket}/{key}')}"
    return kind(message, key=place) if issubclass(kind, TwitchStoreError) else kind(message)


def _denial(operation: str) -> Refusal:
    if operation.startswith("AssumeRole"):
        denied = (
            f"AWS STS denies sts:{operation} on the role of {{holder}}: allow it in the role's trust policy"
        )
        return Refusal(ACCESS, denied)
    action, resource, on_key = ACTIONS.get(operation, (f"s3:{operation}", _OBJECT, ""))
    also = f", and {on_key} on the bucket's KMS key if it has one" if on_key else ""
    return Refusal(ACCESS, f"S3 denies {action} on {resource}: grant it to {{holder}}{also}")
