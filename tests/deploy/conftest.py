# SPDX-License-Identifier: Apache-2.0
"""The templates as documents, and moto's CloudFormation to create them in."""

from __future__ import annotations

import base64
import json
import re
import shlex
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import message_from_string
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

DEPLOY = Path(__file__).parents[2] / "deploy"
#: In the order in which they are created.
TEMPLATES = {name: DEPLOY / f"{name}.yaml" for name in ("lake", "airflow-ec2")}
REGION = "eu-central-1"
#: moto's only account.
ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/airflow-twitch"
#: As long as the address that CloudFormation signs for a wait condition, and with the same characters.
SIGNAL = f"https://signals.example.com/arn%3Aaws%3A/minimal?Expires=1&Signature={'a%2B' * 120}%3D"
IMAGE = "registry.example.com/airflow-twitch:1"
MACHINE_IMAGE = "ami-0123456789abcdef0"
#: The conditions that decide about entries of lists, and the parameter that each is about.
CONDITIONS = {
    "HasKmsKey": "KmsKeyArn",
    "HasImageRepository": "ImageRepositoryArn",
    "HasAlertTopic": "AlertTopicArn",
}


@lru_cache
def text_of(name: str) -> str:
    """A template as JSON, its short intrinsics written out: ``!Ref x`` is ``{"Ref": "x"}``."""
    from cfnlint.decode import decode  # type: ignore[import-untyped]

    document, errors = decode(str(TEMPLATES[name]))
    assert not errors
    return json.dumps(document)


@pytest.fixture(params=TEMPLATES)
def template(request: pytest.FixtureRequest) -> Any:
    """Each of the templates."""
    return json.loads(text_of(request.param))


@pytest.fixture
def resources() -> Any:
    """The resources of both by logical id: none has a name of the other's."""
    found: dict[str, Any] = {}
    for name in TEMPLATES:
        own = json.loads(text_of(name))["Resources"]
        assert not set(own) & set(found)
        found |= own
    return found


@pytest.fixture
def parameters() -> Any:
    """The parameters of both by name."""
    found: dict[str, Any] = {}
    for name in TEMPLATES:
        own = json.loads(text_of(name))["Parameters"]
        assert not set(own) & set(found)
        found |= own
    return found


@pytest.fixture
def rules() -> Any:
    """What the machine's template says about parameters together; moto does not read it."""
    return json.loads(text_of("airflow-ec2"))["Rules"]


def for_moto(value: Any, given: Mapping[str, str]) -> Any:
    """Decide which entries of a list there are: moto would leave a gap for ``AWS::NoValue``.

    :param given: the parameters; each condition is that one of them is not empty
    """
    if isinstance(value, list):
        kept = []
        for entry in value:
            if isinstance(entry, dict) and {"Ref": "AWS::NoValue"} in entry.get("Fn::If", []):
                condition, entry, _ = entry["Fn::If"]  # noqa: PLW2901 - the condition is decided here
                if not given.get(CONDITIONS[condition]):
                    continue
            kept.append(for_moto(entry, given))
        return kept
    if isinstance(value, dict):
        return {key: for_moto(each, given) for key, each in value.items()}
    return value


@dataclass(frozen=True)
class Stack:
    """The two stacks of a deployment, under the name of the one with the instance."""

    cloud: Cloud
    name: str
    #: Of both.
    outputs: Mapping[str, str]

    @property
    def lake(self) -> str:
        """The name of the other stack."""
        return f"{self.name}-lake"

    def policies(self) -> dict[str, Any]:
        """Every managed policy of the role, by logical id."""
        iam = self.cloud.client("iam")
        attached = iam.list_attached_role_policies(RoleName=self.role()["RoleName"])["AttachedPolicies"]
        policies = {}
        for policy in attached:
            version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
            stored = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
            policies[policy["PolicyName"].split("-")[-2]] = stored["PolicyVersion"]["Document"]
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
        """What the script gives to ``start.sh``, but for the image."""
        (call,) = re.findall(r"bash start\.sh \\\n(.*?)\|\|", self.script(), re.DOTALL)
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
        """Create both templates as stacks."""
        subnet = self.client("ec2").describe_subnets()["Subnets"][0]
        given = {
            "Image": IMAGE,
            "VpcId": subnet["VpcId"],
            "SubnetId": subnet["SubnetId"],
            "AvailabilityZone": subnet["AvailabilityZone"],
            "MachineImage": MACHINE_IMAGE,
            "LakeStack": f"{name}-lake",
            **parameters,
        }
        outputs: dict[str, str] = {}
        for template, stack in (("lake", f"{name}-lake"), ("airflow-ec2", name)):
            outputs |= self._create(template, stack, given)
        self._attach(name, given)
        return Stack(self, name, outputs)

    def _create(self, template: str, name: str, given: Mapping[str, str]) -> dict[str, str]:
        """Create one of them, and return its outputs."""
        document = for_moto(json.loads(text_of(template)), given)
        stacks = self.client("cloudformation")
        with warnings.catch_warnings():
            # Of the lake the bucket's policy and the secret, of the machine the wait, alarms and the backup:
            # test_template.py and test_operation.py read those.
            warnings.filterwarnings("ignore", "Tried to parse .* but it's not supported by moto")
            stacks.create_stack(
                StackName=name,
                TemplateBody=json.dumps(document),
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": value}
                    for key, value in given.items()
                    if key in document["Parameters"]
                ],
                Capabilities=["CAPABILITY_IAM"],
            )
        (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        return {out["OutputKey"]: out["OutputValue"] for out in stack["Outputs"]}

    def _attach(self, name: str, given: Mapping[str, str]) -> None:
        """Give the role what its ``ManagedPolicyArns`` lists, which moto does not read."""
        stacks, iam = self.client("cloudformation"), self.client("iam")

        def physical_id(logical_id: str) -> str:
            found = stacks.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
            return str(found["StackResourceDetail"]["PhysicalResourceId"])

        exports = {each["Name"]: each["Value"] for each in stacks.list_exports()["Exports"]}
        document = for_moto(json.loads(text_of("airflow-ec2")), given)
        for entry in document["Resources"]["Role"]["Properties"]["ManagedPolicyArns"]:
            if "Ref" in entry:
                arn = physical_id(entry["Ref"])
            else:
                exported = entry["Fn::ImportValue"]["Fn::Sub"]
                arn = exports[exported.replace("${LakeStack}", given["LakeStack"])]
            iam.attach_role_policy(RoleName=physical_id("Role"), PolicyArn=arn)


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
        MachineImage="ami-00000000000000001",
        VolumeGigabytes="60",
        DataGigabytes="100",
        DataSnapshotId="snap-0123456789abcdef0",
        AlertTopicArn=TOPIC,
        PermissionsBoundaryArn=BOUNDARY,
        RawDays="3",
        ChannelDays="9",
        XComDays="2",
    )
