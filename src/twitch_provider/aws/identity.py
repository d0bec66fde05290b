# SPDX-License-Identifier: Apache-2.0
"""Why there are no AWS credentials, in sentences that say what to do.

A worker's own are those of its IAM role, on EC2, ECS, EKS and MWAA alike; boto3 fetches them:
https://boto3.amazonaws.com/v1/documentation/api/latest/guide/credentials.html
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from botocore import exceptions as boto

INCOMPLETE = (boto.PartialCredentialsError, boto.NoAuthTokenError, boto.SSOError)
NOT_FETCHED = (boto.MetadataRetrievalError, boto.CredentialRetrievalError, boto.TokenRetrievalError)

#: botocore's RuntimeError for credentials that were out of date when it fetched them:
#: https://github.com/boto/botocore/blob/1.44.5/botocore/credentials.py#L630
EXPIRED_AT_ONCE = "refreshed credentials are still expired"

CLOCK = "correct the clock, on EC2 with chrony and its time server 169.254.169.123"


#: Where the firmware of EC2 says so, to containers too:
#: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html
FIRMWARE = (Path("/sys/class/dmi/id/sys_vendor"), Path("/sys/class/dmi/id/bios_version"))


class Cause(NamedTuple):
    """What is wrong with the credentials, and whether a retry is pointless."""

    sentence: str
    fatal: bool


def holder(aws_conn_id: str | None = None) -> str:
    """Name the identity that AWS was asked with.

    :param aws_conn_id: the connection in use; None for the worker's own credentials
    """
    return f"connection {aws_conn_id!r}" if aws_conn_id else "the IAM role of this worker"


def cause(error: Exception, aws_conn_id: str | None = None) -> Cause | None:
    """Return what is wrong with the credentials; None if the error is about something else.

    :param error: of botocore
    :param aws_conn_id: the connection in use; None for the worker's own credentials
    """
    name, who = type(error).__name__, holder(aws_conn_id)
    if EXPIRED_AT_ONCE in str(error):
        return Cause(f"the AWS credentials of {who} had expired when they were fetched: {CLOCK}", fatal=True)
    if isinstance(error, boto.NoCredentialsError):
        keyless = f"connection {aws_conn_id!r} has no access key; " if aws_conn_id else ""
        return Cause(
            f"there are no AWS credentials ({name}): {keyless}give this worker an IAM role and let it reach "
            "the metadata service (from containers on EC2: HttpPutResponseHopLimit 2), or name a connection "
            "with an access key in [twitch] aws_conn_id",
            # The service that hands them out may be busy, or the worker may have just started.
            fatal=not _has_metadata_service(),
        )
    if isinstance(error, INCOMPLETE):
        return Cause(f"the AWS credentials of {who} are incomplete ({name}): complete or renew them", True)
    if isinstance(error, NOT_FETCHED):
        return Cause(f"the AWS credentials of {who} cannot be fetched ({name}): check their source", False)
    return None


def _has_metadata_service() -> bool:
    """Whether something may hand out credentials later: the service of EC2's instances."""
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return False
    if os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT"):
        return True
    return any("amazon" in path.read_text(errors="replace").lower() for path in FIRMWARE if path.exists())
