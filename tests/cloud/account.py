# SPDX-License-Identifier: Apache-2.0
"""An AWS account on loopback that holds what ``deploy/lake.yaml`` makes, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import requests
from moto.core.models import DEFAULT_ACCOUNT_ID
from tests.cloud.amazon import Amazon, listed
from tests.cloud.imds import MetadataService
from tests.cloud.template import Document, policy

REGION, STACK, BUCKET, PREFIX = "eu-central-1", "the-stack", "a-lake", "twitch"
SECRET = f"{STACK}/connections/twitch_default"

#: The values of the template's functions here.
FACTS = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": DEFAULT_ACCOUNT_ID,
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
    "Bucket": BUCKET,
    "Bucket.Arn": f"arn:aws:s3:::{BUCKET}",
    "Prefix": PREFIX,
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{DEFAULT_ACCOUNT_ID}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
}
POLICY = policy("JobPolicy", FACTS)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Account:
    """A bucket, an empty secret, a role without a policy, and an administrator.

    :param metadata: of the instance that has the role
    """

    def __init__(self, metadata: MetadataService) -> None:
        self.metadata = metadata
        self.amazon = Amazon()
        self._server = self.amazon.serve()
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._key = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing"}
        self._clients: dict[str, Any] = {}
        self._filled = True
        self._moto("reset", b"")
        self._moto("reset-auth", b"inf")
        self._fill()
        self._moto("reset-auth", b"0")  # From here on, every request is checked.

    def close(self) -> None:
        """Leave moto as it was: its state is that of the process."""
        self._moto("reset-auth", b"inf")
        self._moto("reset", b"")
        for client in self._clients.values():
            client.close()
        self._server.shutdown()
        self._server.server_close()

    def client(self, service: str) -> Any:
        """Return a client of the administrator."""
        if service not in self._clients:
            made = boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **self._key)
            self._clients[service] = made
        return self._clients[service]

    def grant(self, *documents: Document) -> None:
        """Give the role these policies, in place of those that it had."""
        iam = self.client("iam")
        for each in iam.list_attached_role_policies(RoleName="it")["AttachedPolicies"]:
            iam.detach_role_policy(RoleName="it", PolicyArn=each["PolicyArn"])
            iam.delete_policy(PolicyArn=each["PolicyArn"])
        for number, document in enumerate(documents):
            made = iam.create_policy(
                PolicyName=f"job-{number}", PolicyDocument=json.dumps(_for_moto(document))
            )
            iam.attach_role_policy(RoleName="it", PolicyArn=made["Policy"]["Arn"])
        self.amazon.policies = list(documents)

    def begin_anew(self) -> None:
        """Empty the bucket and the secret, give the role its policy, and forget what was asked."""
        s3 = self.client("s3")
        for key in self.objects():
            s3.delete_object(Bucket=BUCKET, Key=key)
        if self._filled:
            secrets = self.client("secretsmanager")
            if SECRET in self.amazon.secrets:
                secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
            self.amazon.secrets[SECRET] = secrets.create_secret(Name=SECRET)["ARN"]
            self._filled = False
        if self.amazon.policies != [POLICY]:
            self.grant(POLICY)
        self.metadata.role = ("it", self._session)
        self.amazon.clock_ahead = timedelta()
        for log in (self.amazon.requests, self.metadata.asked):
            log.clear()

    def put_secret(self, value: str | bytes) -> None:
        """Give the secret a value, which is done by hand when deploying."""
        self._filled = True
        given = {"SecretString" if isinstance(value, str) else "SecretBinary": value}
        self.client("secretsmanager").put_secret_value(SecretId=SECRET, **given)

    def objects(self) -> list[str]:
        """List the bucket."""
        listed = self.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [entry["Key"] for entry in listed]

    def read(self, key: str) -> bytes:
        """Read an object."""
        body: bytes = self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def _fill(self) -> None:
        iam = self.client("iam")
        iam.create_user(UserName="administrator")
        iam.put_user_policy(
            UserName="administrator", PolicyName="anything", PolicyDocument=json.dumps(ANYTHING)
        )
        key = iam.create_access_key(UserName="administrator")["AccessKey"]
        role = iam.create_role(RoleName="it", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
        # The session of the instance: moto does not implement EC2's own way to get it.
        session = self.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="i-0")["Credentials"]
        self._session = {
            "Type": "AWS-HMAC",
            "AccessKeyId": session["AccessKeyId"],
            "SecretAccessKey": session["SecretAccessKey"],
            "Token": session["SessionToken"],
            "Expiration": f"{datetime.now(UTC) + timedelta(hours=6):%Y-%m-%dT%H:%M:%SZ}",
        }
        self.amazon.role_key = session["AccessKeyId"]
        self._key = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        self._clients.clear()
        for name in (BUCKET, "another-lake"):
            self.client("s3").create_bucket(
                Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
            )

    def _moto(self, what: str, body: bytes) -> None:
        requests.post(f"{self.endpoint}/moto-api/{what}", data=body, timeout=10).raise_for_status()


def _for_moto(document: Document) -> Document:
    """Let moto check the actions alone where they are not S3's: it would compare each resource with ``*``.

    It knows CloudWatch's actions by the name of its endpoint.
    """
    statements = []
    for each in document["Statement"]:
        actions = [action.replace("cloudwatch:", "monitoring:") for action in listed(each["Action"])]
        s3 = any(action.startswith("s3:") for action in actions)
        statements.append({**each, "Action": actions, **({} if s3 else {"Resource": "*"})})
    return {**document, "Statement": statements}
