# SPDX-License-Identifier: Apache-2.0
"""Why there are no AWS credentials, in sentences that say what to do.

A worker's own are those of its IAM role on EC2, ECS, EKS and MWAA, or keys in its environment. boto3 looks:
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


class Asker(NamedTuple):
    """Who asks S3, and of whose bucket.

    :param aws_conn_id: the connection in use; None for the worker's own credentials
    :param method: by which botocore found them; empty if that is not known
    :param partition: of ARNs: ``aws``, ``aws-cn`` or ``aws-us-gov``
    :param owner: the account that the bucket is expected to belong to
    """

    aws_conn_id: str | None
    method: str = ""
    partition: str = "aws"
    owner: str | None = None

    @property
    def name(self) -> str:
        """The identity, for a sentence."""
        return holder(self.aws_conn_id, self.method)

    @property
    def is_renewed(self) -> bool:
        """Whether a session that has expired is replaced without anybody's doing."""
        return not self.aws_conn_id and (self.method or _expected_method()) not in STATIC


class Cause(NamedTuple):
    """What is wrong with the credentials, and whether a retry is pointless."""

    sentence: str
    fatal: bool


#: Whose credentials they are, by the method by which botocore found them:
#: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/credentials.html#configuring-credentials
POD = "the IAM role of this pod's service account"
KEYS = "the AWS keys in this worker's environment"
PROFILE = "the AWS profile of this worker"
_HOLDERS = {
    "env": KEYS,
    "assume-role-with-web-identity": POD,
    "iam-role": "the IAM role of this worker's EC2 instance",
    **dict.fromkeys(("shared-credentials-file", "config-file", "assume-role"), PROFILE),
    **dict.fromkeys(("sso", "custom-process", "login"), PROFILE),
}
#: Nobody renews what these found.
STATIC = frozenset({"env", "shared-credentials-file", "config-file"})


def holder(aws_conn_id: str | None = None, method: str = "") -> str:
    """Name the identity that AWS was asked with.

    :param aws_conn_id: the connection in use; None for the worker's own credentials
    :param method: by which botocore found them; empty if that is not known
    """
    if aws_conn_id:
        return f"connection {aws_conn_id!r}"
    method = method or _expected_method()
    return _of_container() if method == "container-role" else _HOLDERS.get(method, WORKER)


WORKER = "the IAM role of this worker"


def _expected_method() -> str:
    """What botocore looks for first of what is set in the environment. Files and EC2 are not looked at."""
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return "env"
    if os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return "assume-role-with-web-identity"
    names = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
    return "container-role" if any(os.environ.get(name) for name in names) else ""


def _of_container() -> str:
    """Name the role of a container: MWAA runs on ECS; on EKS it is Pod Identity that sets a whole address.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
    """
    if os.environ.get("AIRFLOW_ENV_NAME"):  # https://docs.aws.amazon.com/mwaa/latest/userguide/
        return "the execution role of this MWAA environment"
    if os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        return "the role of this ECS task"
    return POD


def cause(error: Exception, asker: Asker | None = None) -> Cause | None:
    """Return what is wrong with the credentials; None if the error is about something else.

    :param error: of botocore
    :param asker: None for the worker's own credentials
    """
    asker = asker or Asker(None)
    name, who, aws_conn_id = type(error).__name__, asker.name, asker.aws_conn_id
    if EXPIRED_AT_ONCE in str(error):
        return Cause(f"the AWS credentials of {who} had expired when they were fetched: {CLOCK}", fatal=True)
    if isinstance(error, boto.NoCredentialsError):
        keyless = f"connection {aws_conn_id!r} has no access key; " if aws_conn_id else ""
        return Cause(
            f"there are no AWS credentials ({name}): {keyless}give this worker an IAM role (an ECS task "
            "role, a role of its service account on EKS, the execution role of MWAA, or an EC2 instance "
            "profile, whose metadata service containers reach with HttpPutResponseHopLimit 2), or name a "
            "connection with an access key in [twitch] aws_conn_id",
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
