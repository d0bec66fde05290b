# SPDX-License-Identifier: Apache-2.0
"""Why there are no AWS credentials, in sentences that say what to do.

On EC2 they are those of the instance's role, and come from its metadata service:
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html#instance-metadata-security-credentials
"""

from __future__ import annotations

import os
from typing import NamedTuple

from botocore import exceptions as boto
from botocore.session import get_session
from botocore.utils import IMDSRegionProvider

#: Nobody has any to give.
MISSING = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.NoAuthTokenError, boto.SSOError)

#: Whoever gives them did not, this time.
NOT_GIVEN = (boto.MetadataRetrievalError, boto.CredentialRetrievalError, boto.TokenRetrievalError)

CLOCK = "set this machine's clock, for example by chrony from 169.254.169.123, the time server of EC2"


class Cause(NamedTuple):
    """What is wrong with credentials, and whether no retry mends it."""

    sentence: str
    fatal: bool


def is_expired_at_once(error: Exception) -> bool:
    """Whether botocore says that credentials which it just fetched are of yesterday.

    It has no class of its own for that:
    https://github.com/boto/botocore/blob/1.44.5/botocore/credentials.py#L630

    :param error: of botocore
    """
    return isinstance(error, RuntimeError) and "refreshed credentials are still expired" in str(error)


def cause(error: Exception, aws_conn_id: str | None = None) -> Cause | None:
    """Return what is wrong with the credentials; None where the error is about something else.

    :param error: of botocore
    :param aws_conn_id: the connection that should have some; None for the machine's own credentials
    """
    name = type(error).__name__
    who = f"of connection {aws_conn_id!r}" if aws_conn_id else "of this machine"
    if is_expired_at_once(error):
        return Cause(f"the AWS credentials {who} had expired when they came: {CLOCK}", fatal=True)
    if isinstance(error, NOT_GIVEN):
        # A metadata service or an STS that is busy is well again in a moment: worth a retry.
        sentence = f"the AWS credentials {who} cannot be fetched ({name}): if this stays, look at where from"
        return Cause(sentence, fatal=False)
    if isinstance(error, MISSING):
        connection = f"connection {aws_conn_id!r} has no access key, and " if aws_conn_id else ""
        sentence, fatal = _missing()
        return Cause(f"there are no AWS credentials ({name}): {connection}{sentence}", fatal)
    return None


def _missing() -> Cause:
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return Cause(
            "AWS_EC2_METADATA_DISABLED keeps the instance's role from being asked for; unset it, or name a "
            "connection with an access key in [twitch] aws_conn_id",
            fatal=True,
        )
    if metadata_answers():
        return Cause(
            "the instance metadata service has no role to give; attach an instance profile whose role trusts "
            "EC2 and may use the bucket",
            fatal=True,
        )
    # It may be busy, or the instance may have just begun: worth a retry.
    return Cause(
        "the instance metadata service does not answer; turn it on, and let containers reach it "
        "(HttpPutResponseHopLimit 2), or name a connection with an access key in [twitch] aws_conn_id",
        fatal=False,
    )


def metadata_answers() -> bool:
    """Whether the metadata service of an EC2 instance answers; what it says of roles is another matter.

    It takes no longer than boto3 took to look for credentials there.
    """
    try:
        return bool(IMDSRegionProvider(get_session()).provide())
    except boto.BotoCoreError:
        return False
