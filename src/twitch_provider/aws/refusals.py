# SPDX-License-Identifier: Apache-2.0
"""What S3, KMS and STS answer in place of an object, as sentences that say what to do.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
Only codes, statuses and names are taken over. Of the messages, which may carry access key ids and signatures,
only phrases from the lists below are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from twitch_provider.aws.identity import CLOCK
from twitch_provider.exceptions import (
    TwitchConfigError,
    TwitchError,
    TwitchStoreAccessError,
    TwitchStoreUnavailableError,
)

BUCKET, OBJECT = "arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/{key}"

#: The IAM action that an operation needs, and what it has to be granted on.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
ACTIONS = {
    "PutObject": ("s3:PutObject", OBJECT),
    "CreateMultipartUpload": ("s3:PutObject", OBJECT),
    "UploadPart": ("s3:PutObject", OBJECT),
    "CompleteMultipartUpload": ("s3:PutObject", OBJECT),
    "GetObject": ("s3:GetObject", OBJECT),
    "HeadObject": ("s3:GetObject", OBJECT),
    "DeleteObject": ("s3:DeleteObject", OBJECT),
    "ListObjectsV2": ("s3:ListBucket", BUCKET + " for keys that begin with {key}"),
    "HeadBucket": ("s3:ListBucket", BUCKET),
}

DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException", "AllAccessDisabled"}
    | {"Forbidden", "403"}
)

#: A code, its error, and its sentence.
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
        frozenset({"InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch"}),
        TwitchStoreAccessError,
        "AWS does not accept the access key of {who} ({code}): correct the key id and the secret.",
    ),
    (
        frozenset({"RequestTimeTooSkewed"}),
        TwitchStoreAccessError,
        f"This machine's clock is more than 15 minutes away from that of AWS: {CLOCK}.",
    ),
    (
        frozenset({"PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IncorrectEndpoint"})
        | {"IllegalLocationConstraintException"},
        TwitchConfigError,
        "The bucket {bucket!r} lies in another region{region}: set {region_option}.",
    ),
    (
        frozenset({"KMS.KMSInternalException", "KMS.DependencyTimeoutException", "KMS.ThrottlingException"})
        | {"KMS.KeyUnavailableException", "ThrottlingException"},
        TwitchStoreUnavailableError,
        "AWS KMS is busy or down ({code}) at {place}: a later try may succeed.",
    ),
    (
        frozenset({"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted"}),
        TwitchStoreUnavailableError,
        "S3 is busy or down ({code}) at {place}: a later try may succeed.",
    ),
)

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"})

# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_NAMED = re.compile(
    r"not authorized to perform: "
    r"(s3:(?:Put|Get|Delete)Object|s3:ListBucket|kms:GenerateDataKey|kms:Decrypt)\b"
)
_KMS_KEY = re.compile(
    r"\b(arn:aws[a-z-]{0,10}:kms:[a-z0-9-]{1,30}:[0-9]{12}:"
    r"(?:key/[a-zA-Z0-9-]{1,64}|alias/[a-zA-Z0-9/_-]{1,250}))"
)
_POLICY = re.compile(
    r"\b(because no|with an explicit deny in an?) (identity-based policy|resource-based policy|"
    r"service control policy|resource control policy|permissions boundary|session policy|"
    r"VPC endpoint policy)\b"
)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
_UNREADABLE = "The ciphertext refers to a customer master key"
_CLOCK = re.compile(r"\bSignature (?:expired|not yet current)\b")

#: Which policy it is, and what to do about it.
_HOLDERS = {
    "identity-based policy": ("a policy of {holder}", "change that policy"),
    "resource-based policy": ("the policy of {owner}", "change that policy"),
    "service control policy": ("a service control policy", "ask whoever manages the AWS organization"),
    "resource control policy": ("a resource control policy", "ask whoever manages the AWS organization"),
    "permissions boundary": ("the permissions boundary of {holder}", "widen it"),
    "session policy": ("the session policy of {holder}", "widen it"),
    "VPC endpoint policy": ("the policy of the VPC endpoint on the way to S3", "allow it there"),
}


class Denial(NamedTuple):
    """An action of IAM, what it has to be granted on, and the end of a sentence: by which policy."""

    action: str
    resource: str
    why: str


def denial(operation: str, said: str, facts: Mapping[str, str]) -> Denial:
    """Find out what was denied, and by which policy.

    :param operation: of boto3
    :param said: what AWS said, of which nothing is repeated but what the lists above allow
    :param facts: ``bucket``, ``key`` and ``holder``, who it has to be granted to
    """
    if operation.startswith("AssumeRole"):
        return Denial(f"sts:{operation}", "the role", _why(said, facts["holder"], "the role"))
    action, resource = ACTIONS.get(operation, (f"s3:{operation}", OBJECT))
    named = _NAMED.search(said)
    owner = f"bucket {facts['bucket']!r}"
    if named and named[1].startswith("s3:"):
        # Which of its permissions an operation lacks, S3 knows best.
        by_operation = dict(ACTIONS.values())
        action, resource = named[1], resource if named[1] == action else by_operation[named[1]]
    elif named or _UNREADABLE in said:
        action = named[1] if named else "kms:Decrypt"
        key = _KMS_KEY.search(said)
        owner = f"KMS key {key[1]}" if key else f"the KMS key of bucket {facts['bucket']!r}"
        resource = f"{key[1] if key else owner} for s3://{{bucket}}/{{key}}"
    return Denial(action, resource.format(**facts), _why(said, facts["holder"], owner))


def _why(said: str, holder: str, owner: str) -> str:
    found = _POLICY.search(said)
    if found is None:
        return f"grant it to {holder}; if that has it, another policy denies it, perhaps that of {owner}"
    nobody, policy = found[1] == "because no", found[2]
    if nobody and policy == "identity-based policy":
        return f"grant it to {holder}"
    where, remedy = _HOLDERS[policy]
    verb = "does not allow it" if nobody else "denies it"
    return f"{where.format(holder=holder, owner=owner)} {verb}; {remedy}"


def is_about_the_clock(code: str, said: str) -> bool:
    """Whether a signature was refused for its time.

    :param code: of AWS
    :param said: what AWS said
    """
    return code in {"SignatureDoesNotMatch", "InvalidSignatureException"} and bool(_CLOCK.search(said))
