# SPDX-License-Identifier: Apache-2.0
"""The template as a document, and moto's CloudFormation to create it in."""

from __future__ import annotations

import base64
import json
import re
import shlex
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import message_from_string
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

TEMPLATE = Path(__file__).parents[2] / "deploy" / "cloudformation.yaml"
REGION = "eu-central-1"
#: moto's only account.
ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/airflow-twitch"
#: As long as the address that CloudFormation signs for a wait condition, and with the same characters.
SIGNAL = f"https://signals.example.com/arn%3Aaws%3A/minimal?Expires=1&Signature={'a%2B' * 120}%3D"
IMAGE = "registry.example.com/airflow-twitch:1"


@pytest.fixture(scope="session")
def template() -> Any:
    """The template, its short intrinsics written out: ``!Ref x`` is ``{"Ref": "x"}``."""
    from cfnlint.decode import decode  # type: ignore[import-untyped]

    document, errors = decode(str(TEMPLATE))
    assert not errors
    return json.loads(json.dumps(document))


@pytest.fixture(scope="session")
def resources(template: Any) -> Any:
    """Its resources by logical id."""
    return template["Resources"]


@dataclass(frozen=True)
class Stack:
    """A stack that was created."""

    cloud: Cloud
    name: str
    outputs: Mapping[str, str]

    def policies(self) -> dict[str, Any]:
        """Every managed policy of the role, by logical id."""
        iam = self.cloud.client("iam")
        attached = iam.list_attached_role_policies(RoleName=self.role()["RoleName"])["AttachedPolicies"]
        policies = {}
        for policy in attached:
            version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
            stored = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
            logical_id = policy["PolicyName"].removeprefix(f"{self.name}-").rsplit("-", 1)[0]
            policies[logical_id] = stored["PolicyVersion"]["Document"]
        return policies

    def role(self) -> Any:
        """The role that the instance runs with."""
        name = self.instance()["IamInstanceProfile"]["Arn"].rsplit("/", 1)[1]
        profile = self.cloud.client("iam").get_instance_profile(InstanceProfileName=name)
        (role,) = profile["InstanceProfile"]["Roles"]
        return role

    def instance(self) -> Any:
        """The instance."""
        found = self.cloud.client("ec2").describe_instances(InstanceIds=[self.outputs["InstanceId"]])
        return found["Reservations"][0]["Instances"][0]

    def user_data(self) -> str:
        """The user data as the instance gets it."""
        attribute = self.cloud.client("ec2").describe_instance_attribute(
            InstanceId=self.outputs["InstanceId"], Attribute="userData"
        )
        text = base64.b64decode(attribute["UserData"]["Value"]).decode()
        # moto has no wait conditions, and leaves their name.
        assert text.count("${StartedHandle}") == 1
        return text.replace("${StartedHandle}", SIGNAL)

    def script(self) -> str:
        """The part of the user data that runs."""
        *_, script = message_from_string(self.user_data()).walk()
        assert script.get_content_type() == "text/x-shellscript"
        body = script.get_payload()
        assert isinstance(body, str)
        return body

    def settings(self) -> dict[str, str]:
        """What the script gives to ``new_env.py``, but for the image."""
        (call,) = re.findall(r"/new_env\.py \\\n(.*?)>\.env\.new\n", self.script(), re.DOTALL)
        pairs = [argument.split("=", 1) for argument in shlex.split(call.replace("\\\n", " "))]
        return {name: value for name, value in pairs if name != "AIRFLOW_IMAGE"}


class Cloud:
    """An AWS account in moto's server."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="testing-key",
            aws_secret_access_key="testing-secret",
        )

    def reset(self) -> None:
        requests.post(f"{self.endpoint}/moto-api/reset", timeout=30).raise_for_status()

    def create(self, name: str, **parameters: str) -> Stack:
        """Create the template as a stack."""
        subnet = self.client("ec2").describe_subnets()["Subnets"][0]
        given = {"Image": IMAGE, "VpcId": subnet["VpcId"], "SubnetId": subnet["SubnetId"], **parameters}
        stacks = self.client("cloudformation")
        with warnings.catch_warnings():
            # The bucket's policy, the secret and the wait: test_template.py reads those.
            warnings.filterwarnings("ignore", "Tried to parse .* but it's not supported by moto")
            stacks.create_stack(
                StackName=name,
                TemplateBody=TEMPLATE.read_text(),
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
                Capabilities=["CAPABILITY_IAM"],
            )
        (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        return Stack(self, name, {out["OutputKey"]: out["OutputValue"] for out in stack["Outputs"]})


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """An empty account. What moto holds is the process's, so it is left empty, too."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    cloud = Cloud(f"http://{host}:{port}")
    cloud.reset()
    yield cloud
    cloud.reset()
    server.stop()


@pytest.fixture(scope="module")
def minimal(cloud: Cloud) -> Stack:
    """Created with what has to be given, and no more."""
    return cloud.create("minimal")


@pytest.fixture(scope="module")
def full(cloud: Cloud) -> Stack:
    """Created with a key, a private repository, names and other values than the defaults."""
    return cloud.create(
        "full",
        Image=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/airflow-twitch:2",
        ImageRepositoryArn=REPOSITORY,
        BucketName="my-twitch-lake",
        Prefix="analytics/twitch",
        KmsKeyArn=KEY,
        AccessLogBucket="my-logs",
        InstanceType="m7i.large",
        MachineImage="/images/ubuntu",
        VolumeGigabytes="60",
        RawDays="3",
        ChannelDays="9",
        XComDays="2",
    )
