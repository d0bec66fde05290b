# SPDX-License-Identifier: Apache-2.0
"""Refusals of S3 that are answers: a key is missing, a condition is not met, or not understood."""

from __future__ import annotations

from botocore.exceptions import ClientError

from twitch_provider.aws.masking import code_of


def status_of(error: ClientError) -> int:
    """Return the HTTP status of a refusal; 0 if it has none.

    :param error: of botocore
    """
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)


def is_missing(error: ClientError) -> bool:
    """Whether there is no such key. Amazon's code is ``NoSuchKey``; other stores have others, or none.

    :param error: of botocore
    """
    return code_of(error) == "NoSuchKey" or (status_of(error) == 404 and code_of(error) != "NoSuchBucket")


def is_unmet(error: ClientError, *, seen: bool) -> bool:
    """Whether a condition is not met.

    :param error: of botocore
    :param seen: whether the condition was that an object is still there
    """
    return status_of(error) == 412 or (seen and is_missing(error))


def conflicts(error: ClientError) -> bool:
    """Whether another request for the same key got in between: a retry decides.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

    :param error: of botocore
    """
    return status_of(error) == 409


def refuses_conditions(error: ClientError) -> bool:
    """Whether a store may not know conditions. A denial never says so.

    :param error: of botocore
    """
    if status_of(error) == 400:
        return code_of(error) in {"NotImplemented", "InvalidArgument"}
    return status_of(error) == 501
