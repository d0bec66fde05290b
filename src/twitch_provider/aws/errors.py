# SPDX-License-Identifier: Apache-2.0
"""What boto3, botocore and the S3 hook raise, as errors of ours that say what to do."""

from __future__ import annotations

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from twitch_provider.aws.identity import cause
from twitch_provider.aws.refusals import ACTIONS, DENIED, EXPIRED, REFUSALS, denial, is_about_the_clock
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
    ResponseParserError,
)


def is_endless(error: Exception) -> bool:
    """Whether botocore ran in circles.

    Where a redirect does not name a region, it asks for that, and is redirected. Amazon's S3 does name it.

    :param error: of botocore
    """
    return isinstance(error, RecursionError) or isinstance(
        getattr(error, "kwargs", {}).get("error"), RecursionError
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
        return _refusal(error, bucket=bucket, key=key, who=who, aws_conn_id=aws_conn_id)
    if found := cause(error, aws_conn_id):
        kind = TwitchStoreAccessError if found.fatal else TwitchStoreUnavailableError
        return kind(f"S3 cannot be used for {place}: {found.sentence}.", key=place)
    if isinstance(error, UNREACHABLE) and not is_endless(error):
        message = f"S3 cannot be reached for {place} ({name}): if this stays, correct endpoint_url of {who}."
        return TwitchStoreUnavailableError(message, key=place)
    return TwitchConfigError(
        f"S3 cannot be used for {place} with {who} ({name}): "
        "correct the bucket's name, region_name and endpoint_url."
    )


def unlisted(*, bucket: str, key: str, aws_conn_id: str | None) -> TwitchStoreAccessError:
    """Return the error for a key that S3 denies, and does not say whether it is there.

    :param bucket: its name
    :param key: of the object
    :param aws_conn_id: the connection to blame; None for the machine's own credentials
    """
    read, name = (ACTIONS[each] for each in ("GetObject", "ListObjectsV2"))
    both = f"{' on '.join(read)}, and {' on '.join(name)}".format(bucket=bucket, key=key)
    message = (
        f"S3 denies {both}, without which it does not tell a missing key: "
        f"grant both to {_holder(aws_conn_id)}."
    )
    return TwitchStoreAccessError(message, key=f"s3://{bucket}/{key}")


def _holder(aws_conn_id: str | None) -> str:
    """Whom a permission has to be granted to."""
    return f"connection {aws_conn_id!r}" if aws_conn_id else "this machine's IAM role"


def _refusal(
    error: boto.ClientError, *, bucket: str, key: str, who: str, aws_conn_id: str | None
) -> TwitchError:
    details, answer = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    code, status = str(details.get("Code", ""))[:60], int(answer.get("HTTPStatusCode") or 0)
    said = str(details.get("Message", ""))
    place = f"s3://{bucket}/{key}"
    region = details.get("Region") or answer.get("HTTPHeaders", {}).get("x-amz-bucket-region")
    facts = {
        "code": code,
        "bucket": bucket,
        "key": key,
        "place": place,
        "who": who,
        "holder": _holder(aws_conn_id),
        "region": f" ({region})" if region else "",
        "region_option": f"region_name in {who}" if aws_conn_id else "AWS_DEFAULT_REGION on this machine",
    }
    if code in DENIED:
        action, resource, why = denial(error.operation_name, said, facts)
        service = "AWS STS" if action.startswith("sts:") else "S3"
        return TwitchStoreAccessError(f"{service} denies {action} on {resource}: {why}.", key=place)
    if code in EXPIRED:
        return _expired(code, place, who, aws_conn_id)
    if is_about_the_clock(code, said):
        code = "RequestTimeTooSkewed"
    for codes, kind, sentence in REFUSALS:
        if code in codes:
            message = sentence.format(**facts)
            return kind(message, key=place) if issubclass(kind, TwitchStoreError) else kind(message)
    if code.startswith("KMS."):
        message = f"The KMS key of bucket {bucket!r} cannot be used for {place} ({code}): mend or replace it."
        return TwitchStoreAccessError(message, key=place)
    if status >= 500 or status == 429:
        return TwitchStoreUnavailableError(f"S3 is down at {place} (HTTP {status}): try later.", key=place)
    message = f"S3 refused {error.operation_name} at {place} ({code}, HTTP {status}): look the code up."
    return TwitchStoreError(message, key=place)


def _expired(code: str, place: str, who: str, aws_conn_id: str | None) -> TwitchStoreError:
    if aws_conn_id:
        message = f"The session token of {who} is no longer valid ({code}): renew it."
        return TwitchStoreAccessError(message, key=place)
    # Those of a role are renewed by themselves: a new process has new ones.
    message = (
        f"The session token of {who} is no longer valid ({code}): if this stays, look at this "
        "machine's clock and at where the token comes from."
    )
    return TwitchStoreUnavailableError(message, key=place)
