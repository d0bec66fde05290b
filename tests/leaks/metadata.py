# SPDX-License-Identifier: Apache-2.0
"""An instance's metadata service (IMDSv2) that hands out the credentials of a role."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.leaks.eavesdropper import Answer, Eavesdropper, Heard

_ROLES = "/latest/meta-data/iam/security-credentials/"
_TICKET = "ticket-of-the-metadata-service"


def metadata_service(access_key: str, secret_key: str, session_token: str) -> Eavesdropper:
    """Make one; its ``url`` is for ``AWS_EC2_METADATA_SERVICE_ENDPOINT``.

    :param access_key: id of the key
    :param secret_key: the key
    :param session_token: that goes with it
    """
    role = {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": access_key,
        "SecretAccessKey": secret_key,
        "Token": session_token,
        "Expiration": (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    answers = {_ROLES: "twitch-role", f"{_ROLES}twitch-role": json.dumps(role)}

    def answer(heard: Heard) -> Answer:
        if heard.method == "PUT":
            return 200, {}, _TICKET.encode()
        if heard.headers.get("x-aws-ec2-metadata-token") != _TICKET:
            return 401, {}, b""
        return (200, {}, answers[heard.target].encode()) if heard.target in answers else (404, {}, b"")

    return Eavesdropper(answer)
