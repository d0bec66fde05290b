# SPDX-License-Identifier: Apache-2.0
"""Whether what lies in the store is what was sent."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

#: What to do about a store that keeps the frames of aws-chunked uploads inside the object, or refuses the
#: headers of botocore's checksums: https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html
REMEDY = (
    "set AWS_REQUEST_CHECKSUM_CALCULATION=when_required, or request_checksum_calculation in config_kwargs of "
    "the connection's extra"
)


def digest_arguments(config: Any, body: bytes) -> dict[str, str]:
    """Return the arguments of PutObject that let the store check what arrives.

    :param config: of the client; ``request_checksum_calculation`` is for stores that do not know S3's newer
        checksums, which get the digest that every one knows
    :param body: that is sent
    """
    if sends_checksums(config):
        return {"ChecksumAlgorithm": "SHA256"}
    # Buckets with object lock demand one or the other.
    return {"ContentMD5": b64encode(_md5(body).digest()).decode()}


def sends_checksums(config: Any) -> bool:
    """Whether a client sends S3's newer checksums, which some stores refuse.

    :param config: of the client
    """
    return getattr(config, "request_checksum_calculation", None) != "when_required"


def difference(found: Mapping[str, Any], body: bytes, read: Callable[[], bytes | None]) -> str:
    """Return how an object differs from what was sent; empty where it does not.

    A digest that matches is proof. One that does not match need not be a digest of the body: under a key of
    KMS or of the customer an entity tag is something else, and other stores have tags of their own.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html

    :param found: the answer to HeadObject; empty where there is no such object
    :param body: that was sent
    :param read: returns what lies there; called only where there is no proof
    """
    if found.get("ContentLength") == len(body) and (
        found.get("ChecksumSHA256") == b64encode(hashlib.sha256(body).digest()).decode()
        or str(found.get("ETag", "")).strip('"') == _md5(body).hexdigest()
    ):
        return ""
    there = read()
    if there is None:
        return "is not there"
    if len(there) != len(body):
        return sizes(len(there), len(body))
    return "" if there == body else f"has other bytes than the {len(body):,} that were sent"


def sizes(there: int, sent: int) -> str:
    """Say that an object has another size than what was sent.

    :param there: number of bytes in the store
    :param sent: number of bytes
    """
    return f"has {there:,} bytes, and {sent:,} were sent"


def _md5(body: bytes) -> Any:
    return hashlib.md5(body, usedforsecurity=False)
