# SPDX-License-Identifier: Apache-2.0
"""What boto3, botocore and S3 report, as our errors: what, where, what to do, and AWS's own words, masked."""

from __future__ import annotations

import re

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from twitch_provider.aws.comparison import REMEDY
from twitch_provider.aws.identity import CLOCK, Asker, cause
from twitch_provider.aws.masking import code_of, masked, said
from twitch_provider.aws.refusals import status_of
from twitch_provider.exceptions import (
    TwitchConfigError,
    TwitchError,
    TwitchStoreAccessError,
    TwitchStoreError,
    TwitchStoreUnavailableError,
)

ACCESS, DOWN, CONFIG = TwitchStoreAccessError, TwitchStoreUnavailableError, TwitchConfigError

#: Our error for a code of S3, KMS or STS, and what to do; "KMS" stands for KMS's other codes.
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_TABLE: dict[type[TwitchError], dict[str, str]] = {
    ACCESS: {
        "NoSuchBucket": "The bucket {bucket!r} does not exist: create it, or correct its name",
        "InvalidAccessKeyId InvalidClientTokenId": (
            "AWS does not know the access key id of {holder} ({code}): correct it"
        ),
        "SignatureDoesNotMatch InvalidSignatureException": (
            "AWS does not accept the signature of {holder} ({code}): correct the secret access key, or this "
            "worker's clock if the signature has expired{other_store}"
        ),
        "InvalidObjectState": (
            "{place} is archived ({code}) and cannot be read: restore it and clear the task; let a lifecycle "
            "rule delete such objects, not move them to S3 Glacier"
        ),
        "ExpiredToken ExpiredTokenException InvalidToken TokenRefreshRequired": (
            "The session token of {holder} is no longer valid ({code}): renew it"
        ),
        "KMS": "The KMS key of bucket {bucket!r} cannot be used for {place} ({code}): enable or replace it",
    },
    CONFIG: {
        "InvalidBucketName": "{bucket!r} is not a valid bucket name: correct it",
        "PermanentRedirect 301 AuthorizationHeaderMalformed IncorrectEndpoint "
        "IllegalLocationConstraintException": (
            "The bucket {bucket!r} is in another region{region}: set region_name in the AWS connection, or "
            "AWS_DEFAULT_REGION"
        ),
        "InvalidStorageClass InvalidEncryptionAlgorithmError InvalidTag": (
            "S3 does not accept the arguments of {operation} at {place} ({code}): correct "
            "[twitch] s3_extra_args"
        ),
    },
    DOWN: {
        "KMS.KMSInternalException KMS.DependencyTimeoutException KMS.KeyUnavailableException "
        "KMS.ThrottlingException ThrottlingException": (
            "AWS KMS is busy or down ({code}) at {place}: a later try may succeed"
        ),
        "SlowDown ServiceUnavailable InternalError RequestTimeout "
        "OperationAborted ConditionalRequestConflict": (
            "S3 is busy or down ({code}) at {place}: a later try may succeed"
        ),
        # A clock that jumped may be right again a minute later, as Twitch's Date is compared again, too.
        "RequestTimeTooSkewed": f"This worker's clock differs from AWS's by more than 15 minutes: {CLOCK}",
        "BadDigest IncompleteBody XAmzContentChecksumMismatch": (
            "What arrived at {place} is not what was sent ({code}): a later try may succeed{other_store}"
        ),
    },
}
REFUSALS = {
    code: (kind, sentence)
    for kind, rows in _TABLE.items()
    for codes, sentence in rows.items()
    for code in codes.split()
}
#: A role's session is renewed without anybody's doing.
RENEWED = (DOWN, "The session token of {holder} is no longer valid ({code}): the next try has a new one")

DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException", "AllAccessDisabled"}
    | {"Forbidden", "403"}
)

#: Operations whose action has another name:
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_ACTIONS = {
    "ListObjectsV2": "ListBucket",
    "HeadObject": "GetObject",
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), "PutObject"),
}
#: Operations that send a body, and so the headers of its checksum.
_SENDING = frozenset({"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"})
#: How stores that are not Amazon's refuse those headers, beside 501 and 411.
_HEADER_CODES = frozenset(
    {
        "InvalidArgument",
        "NotImplemented",
        "XAmzContentSHA256Mismatch",
        "InvalidDigest",
        "BadRequest",
        "400",
        "",
    }
)
_HEADER_WORDS = re.compile(
    r"checksum|x-amz-|aws-chunked|trailer|header|content-(?:length|encoding)", re.IGNORECASE
)
#: What an action needs on the KMS key of a bucket, if it has one.
_ON_KEY = {"PutObject": "kms:GenerateDataKey and kms:Decrypt", "GetObject": "kms:Decrypt"}

#: A body did not arrive whole. botocore does not ask for it again.
BROKEN_OFF = (
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
    boto.ReadTimeoutError,
    boto.FlexibleChecksumError,
)

#: S3 says which policy denied something.
_REASON = re.compile(r"because no|explicit deny")

#: No whole answer arrived.
UNREACHABLE = (
    boto.ConnectionError,
    boto.HTTPClientError,
    boto.IncompleteReadError,
    ResponseParserError,
)


def explain(error: Exception, *, bucket: str, key: str, asker: Asker) -> TwitchError:
    """Return our error for one of boto3, botocore or the S3 hook.

    :param error: the error that was raised
    :param bucket: its name
    :param key: the object or prefix that was being worked on
    :param asker: who asked
    """
    if isinstance(error, boto.ClientError):
        return _refusal(error, bucket, key, asker)
    place, name, who = f"s3://{bucket}/{key}", type(error).__name__, asker.name
    if found := cause(error, asker):
        kind = ACCESS if found.fatal else DOWN
        return kind(f"S3 cannot be used for {place}: {found.sentence}.", key=place)
    if isinstance(error, UNREACHABLE):
        remedy = f"if this persists, correct endpoint_url of {who}"
        return DOWN(f"S3 cannot be reached for {place} ({name}): {remedy}.", key=place)
    if isinstance(error, boto.FlexibleChecksumError):
        remedy = "a later try may succeed; for a store that is not Amazon's, set response_checksum_validation"
        return DOWN(
            f"What S3 sent for {place} does not match its checksum: {remedy}=when_required.", key=place
        )
    if isinstance(error, boto.ParamValidationError):
        remedy = "correct the bucket's name, or [twitch] s3_extra_args if it is set"
        return CONFIG(f"boto3 does not accept the arguments for {place} ({name}): {remedy}.")
    remedy = "correct the bucket's name, region_name and endpoint_url"
    return CONFIG(f"S3 cannot be used for {place} with {who} ({name}): {remedy}.")


def cannot_tell(error: boto.ClientError, *, bucket: str, key: str, asker: Asker) -> TwitchStoreAccessError:
    """Return the error for a key of which S3 does not even say whether it exists.

    :param error: the refusal to list it
    :param bucket: its name
    :param key: of the object
    :param asker: who asked
    """
    operations = ("GetObject", "ListObjectsV2")
    both = " and ".join(_needed(operation, bucket, key, asker.partition) for operation in operations)
    owner = _owner(error, bucket, asker)
    return ACCESS(f"S3 denies {both}: grant both to {asker.name}{owner}.", key=f"s3://{bucket}/{key}")


def _refusal(error: boto.ClientError, bucket: str, key: str, asker: Asker) -> TwitchError:
    details, answer = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    code, status = code_of(error), status_of(error)
    region = details.get("Region") or answer.get("HTTPHeaders", {}).get("x-amz-bucket-region")
    place = f"s3://{bucket}/{key}"
    kind: type[TwitchError]
    if code in DENIED:
        kind, sentence = ACCESS, "{denial}"
    elif found := REFUSALS.get(code) or REFUSALS.get(code.partition(".")[0]):
        kind, sentence = RENEWED if asker.is_renewed and found == REFUSALS["ExpiredToken"] else found
    elif _is_about_headers(error):
        kind = CONFIG
        sentence = (
            "The store at {place} does not accept the headers of {operation} ({code}, HTTP {status}): if it "
            f"does not support S3's checksums, {REMEDY}; correct [twitch] s3_extra_args if it is set"
        )
    elif code == "InvalidRequest":
        kind = CONFIG
        sentence = (
            "S3 does not accept the arguments of {operation} at {place} ({code}): correct [twitch] "
            "s3_extra_args; object lock needs request_checksum_calculation=when_supported"
        )
    elif status in {405, 501}:
        kind = CONFIG
        sentence = (
            "The store does not support {operation} at {place} ({code}, HTTP {status}): correct "
            "endpoint_url, or use another store"
        )
    elif status >= 500 or status == 429:
        kind, sentence = DOWN, "S3 is down at {place} (HTTP {status}): try later"
    else:
        kind = TwitchStoreError
        sentence = "S3 refused {operation} at {place} ({code}, HTTP {status}): look the code up{other_store}"
    message = sentence.format(
        bucket=bucket,
        place=place,
        operation=error.operation_name,
        code=code or "no code",
        status=status,
        holder=asker.name,
        denial=_denial(error, bucket, key, asker),
        other_store=f"; for a store that is not Amazon's, {REMEDY}"
        if error.operation_name in _SENDING
        else "",
        region=f" ({masked(str(region))})" if region else "",
    )
    message = f"{message}.{said(error, bucket, f'{bucket}/{key}')}"
    return kind(message, key=place) if issubclass(kind, TwitchStoreError) else kind(message)


def _is_about_headers(error: boto.ClientError) -> bool:
    """Whether a store refuses a header of an upload. No retry helps: it would be sent again.

    Reports name 501, 411 and several codes of 400: https://github.com/boto/boto3/issues/4392
    """
    if error.operation_name not in _SENDING:
        return False
    status, words = status_of(error), str(error.response.get("Error", {}).get("Message") or "")
    if status == 400 and "object lock" not in words.lower():
        return code_of(error) in _HEADER_CODES or bool(_HEADER_WORDS.search(words))
    return status in {411, 501}


def _denial(error: boto.ClientError, bucket: str, key: str, asker: Asker) -> str:
    operation, who = error.operation_name, asker.name
    if operation.startswith("AssumeRole"):
        role = who if who.startswith("the IAM role") else f"the role of {who}"
        return f"AWS STS denies sts:{operation} on {role}: allow it in the role's trust policy"
    on_key = _ON_KEY.get(_ACTIONS.get(operation, operation))
    also = f", and {on_key} on the bucket's KMS key if it has one" if on_key else ""
    needed = _needed(operation, bucket, key, asker.partition)
    policy = (
        "; if the bucket's policy demands a header, such as of encryption, set it in [twitch] s3_extra_args"
        if operation in _SENDING
        else ""
    )
    return f"S3 denies {needed}: grant it to {who}{also}{_owner(error, bucket, asker) or policy}"


def _owner(error: boto.ClientError, bucket: str, asker: Asker) -> str:
    """Name what else to do if the bucket belongs to another account: the end of a sentence, often empty.

    Within an account, a policy of the identity is enough, so S3 misses one of the bucket only across
    accounts; outside of an organization it gives no reason:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
    An owner that was not expected is refused without a reason, too:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    words = str(error.response.get("Error", {}).get("Message") or "")
    if "no resource-based policy allows the s3:" in words:
        return f"; bucket {bucket!r} belongs to another account, so its policy must allow it, too"
    if asker.owner and not _REASON.search(words):
        return (
            f"; check that bucket {bucket!r} belongs to account {masked(asker.owner)}, "
            "the ExpectedBucketOwner of [twitch] s3_extra_args"
        )
    return ""


def _needed(operation: str, bucket: str, key: str, partition: str) -> str:
    """Name the action that an operation needs, and the resource to grant it on."""
    action = _ACTIONS.get(operation, operation)
    where = f"{bucket} for keys that begin with {key}" if action == "ListBucket" else f"{bucket}/{key}"
    return f"s3:{action} on arn:{partition}:s3:::{where}"
