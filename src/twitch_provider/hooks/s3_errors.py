# SPDX-License-Identifier: Apache-2.0
"""What S3 and boto3 report, as errors of ours that say what to do.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
Only codes, statuses and names are taken over: S3's own messages may carry access key ids and signatures.
"""

from __future__ import annotations

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from twitch_provider.exceptions import (
    TwitchConfigError,
    TwitchError,
    TwitchStoreAccessError,
    TwitchStoreError,
    TwitchStoreUnavailableError,
)

#: No whole answer arrived, or none that S3 would give.
UNREACHABLE = (
    boto.ConnectionError,
    boto.HTTPClientError,
    boto.IncompleteReadError,
    boto.MetadataRetrievalError,
    ResponseParserError,
)

NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.NoAuthTokenError,
    boto.TokenRetrievalError,
    boto.SSOError,
)

#: The IAM action that an operation needs, and whether it is granted on the bucket or on its objects.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
ACTIONS = {
    "PutObject": ("s3:PutObject", "{bucket}/{key}"),
    "CreateMultipartUpload": ("s3:PutObject", "{bucket}/{key}"),
    "UploadPart": ("s3:PutObject", "{bucket}/{key}"),
    "CompleteMultipartUpload": ("s3:PutObject", "{bucket}/{key}"),
    # Without s3:ListBucket, S3 answers 403 also where there is no such key.
    "GetObject": ("s3:GetObject (and s3:ListBucket on the bucket)", "{bucket}/{key}"),
    "DeleteObject": ("s3:DeleteObject", "{bucket}/{key}"),
    "ListObjectsV2": ("s3:ListBucket", "{bucket}"),
}

#: S3's code, the error, and its sentence.
REFUSALS: tuple[tuple[frozenset[str], type[TwitchError], str], ...] = (
    (
        frozenset({"NoSuchBucket"}),
        TwitchStoreAccessError,
        "The bucket {bucket!r} does not exist: create it, or correct its name.",
    ),
    (
        frozenset({"InvalidBucketName"}),
        TwitchConfigError,
        "{bucket!r} cannot be the name of a bucket: correct it.",
    ),
    (
        frozenset({"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "Forbidden", "403"}),
        TwitchStoreAccessError,
        "S3 denies {action} on {resource}: grant it to {who}.",
    ),
    (
        frozenset({"InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch"}),
        TwitchStoreAccessError,
        "S3 does not accept the access key of {who} ({code}): correct the key id and the secret.",
    ),
    (
        frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"}),
        TwitchStoreAccessError,
        "The session token of {who} is no longer valid ({code}): renew it.",
    ),
    (
        frozenset({"RequestTimeTooSkewed"}),
        TwitchStoreAccessError,
        "This machine's clock differs too much from that of S3: set it.",
    ),
    (
        frozenset({"PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IncorrectEndpoint"}),
        TwitchConfigError,
        "The bucket {bucket!r} lies in another region{region}: set region_name for {who}.",
    ),
    (
        frozenset({"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted"}),
        TwitchStoreUnavailableError,
        "S3 is busy or down ({code}) at {place}: a later try may succeed.",
    ),
)


def explain(error: Exception, *, bucket: str, key: str, aws_conn_id: str | None) -> TwitchError:
    """Return our error for one of boto3, botocore or the S3 hook.

    :param error: theirs
    :param bucket: its name
    :param key: the object or prefix that was being worked on
    :param aws_conn_id: the connection to blame; None for the machine's own credentials
    """
    place = f"s3://{bucket}/{key}"
    who = f"connection {aws_conn_id!r}" if aws_conn_id else "the machine's AWS credentials"
    name = type(error).__name__
    if isinstance(error, boto.ClientError):
        return _refusal(error, bucket=bucket, key=key, who=who)
    if isinstance(error, UNREACHABLE):
        message = f"S3 cannot be reached for {place} ({name}): if this stays, correct endpoint_url of {who}."
        return TwitchStoreUnavailableError(message, key=place)
    if isinstance(error, NO_CREDENTIALS):
        message = f"AWS credentials are missing in {who} ({name}): add an access key or an IAM role."
        return TwitchStoreAccessError(message, key=place)
    return TwitchConfigError(
        f"S3 cannot be used for {place} with {who} ({name}): "
        "correct the bucket's name, region_name and endpoint_url."
    )


def _refusal(error: boto.ClientError, *, bucket: str, key: str, who: str) -> TwitchError:
    details, answer = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    code, status = str(details.get("Code", ""))[:60], int(answer.get("HTTPStatusCode") or 0)
    place = f"s3://{bucket}/{key}"
    region = details.get("Region") or answer.get("HTTPHeaders", {}).get("x-amz-bucket-region")
    service = "sts" if error.operation_name.startswith("AssumeRole") else "s3"
    action, resource = ACTIONS.get(error.operation_name, (f"{service}:{error.operation_name}", "the role"))
    facts = {
        "code": code,
        "bucket": bucket,
        "place": place,
        "who": who,
        "action": action,
        "resource": resource.format(bucket=f"arn:aws:s3:::{bucket}", key=key),
        "region": f" ({region})" if region else "",
    }
    for codes, kind, sentence in REFUSALS:
        if code in codes:
            message = sentence.format(**facts)
            return kind(message, key=place) if issubclass(kind, TwitchStoreError) else kind(message)
    if status >= 500 or status == 429:
        return TwitchStoreUnavailableError(f"S3 is down at {place} (HTTP {status}): try later.", key=place)
    message = f"S3 refused {error.operation_name} at {place} ({code}, HTTP {status}): look the code up."
    return TwitchStoreError(message, key=place)
