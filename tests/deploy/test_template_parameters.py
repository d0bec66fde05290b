# SPDX-License-Identifier: Apache-2.0
"""What the templates take as parameters, and what they refuse."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.deploy.conftest import text_of

from twitch_provider.config import PREFIX_PATTERN


def test_every_parameter_says_what_it_is_and_refuses_what_it_is_not(parameters: Any) -> None:
    for name, parameter in parameters.items():
        assert parameter["Description"], name
        if parameter["Type"] == "String":
            # A pattern that is not anchored would do for CloudFormation, and mislead a reader.
            assert re.fullmatch(r"\^.*\$", parameter["AllowedPattern"]), name
            assert parameter["ConstraintDescription"].startswith("must be "), name
        elif parameter["Type"] == "Number":
            assert parameter["MinValue"] > 0, name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Image", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/airflow-twitch:2026.11-1"),
        ("Image", "ghcr.io/me/airflow-twitch@sha256:" + "0" * 64),
        ("Image", "localhost:5000/airflow-twitch"),
        (
            "ImageRepositoryArn",
            "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/team/airflow-twitch",
        ),
        ("KmsKeyArn", "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1234567890abcdef1234567890abcdef"),
        ("BucketName", "my-lake"),
        ("AccessLogBucket", "logs.example.com"),
        ("Prefix", "analytics/twitch_2"),
        ("InstanceType", "m7i-flex.large"),
        ("DataSnapshotId", "snap-0123456789abcdef0"),
        ("MachineImage", "ami-0123456789abcdef0"),
        ("AlertTopicArn", "arn:aws:sns:eu-central-1:123456789012:on-call_1"),
        ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/team/boundary"),
        ("PermissionsBoundaryArn", "arn:aws:iam::aws:policy/PowerUserAccess"),
        ("LakeStack", "twitch-lake"),
    ],
)
def test_takes_what_is_right(parameters: Any, name: str, value: str) -> None:
    assert re.fullmatch(parameters[name]["AllowedPattern"], value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Image", ""),
        ("ImageRepositoryArn", "arn:aws:ecr:eu-central-1:123456789012:repository/*"),
        ("KmsKeyArn", "arn:aws:kms:eu-central-1:123456789012:alias/mine"),
        ("BucketName", "My.Lake"),
        ("DataSnapshotId", "vol-0123456789abcdef0"),
        ("MachineImage", "/aws/service/canonical/ubuntu/server/24.04/stable/current/ami-id"),
        ("MachineImage", ""),
        ("AlertTopicArn", "arn:aws:sns:eu-central-1:123456789012:alerts.fifo"),
        ("AlertTopicArn", "arn:aws:sns:eu-central-1:123456789012:*"),
        ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:role/admin"),
        ("LakeStack", "1"),
        ("Prefix", "/twitch"),
        ("Prefix", "twitch/"),
        ("Prefix", ""),
        ("Prefix", "a/../b"),
        ("Prefix", "dt=2026-11-23"),
    ],
)
def test_refuses_what_is_wrong(parameters: Any, name: str, value: str) -> None:
    assert not re.fullmatch(parameters[name]["AllowedPattern"], value)


def test_the_prefix_is_one_that_the_dags_take(parameters: Any) -> None:
    assert parameters["Prefix"]["AllowedPattern"] == PREFIX_PATTERN.removesuffix("|^$")


def test_the_console_shows_every_parameter_in_a_group(template: Any) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(template["Parameters"])


def test_parameters_that_contradict_each_other_are_told_in_one_sentence(rules: Any) -> None:
    said = {}
    for name, rule in rules.items():
        (assertion,) = rule["Assertions"]
        said[name] = assertion["AssertDescription"]
        (values, expected) = assertion["Assert"]["Fn::EachMemberEquals"]
        # Of the one parameter of this type.
        kind, attribute = values["Fn::ValueOfAll"]
        assert kind == "AWS::EC2::Subnet::Id"
        assert expected == {"Ref": {"VpcId": "VpcId", "AvailabilityZone": "AvailabilityZone"}[attribute]}
        assert "RuleCondition" not in rule
    assert said == {
        "SubnetInVpc": "SubnetId is not a subnet of VpcId",
        "SubnetInZone": "SubnetId is not in AvailabilityZone, where the data volume is",
    }


def test_a_bucket_is_not_its_own_log() -> None:
    (rule,) = json.loads(text_of("lake"))["Rules"].values()
    bucket, log = {"Ref": "BucketName"}, {"Ref": "AccessLogBucket"}
    # Both may be empty.
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [log, ""]}]}
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [log, bucket]}]}
    assert assertion["AssertDescription"].startswith("AccessLogBucket is the bucket itself")


def test_one_parameter_alone_is_a_subnet(parameters: Any) -> None:
    # The rules above ask for all of them.
    assert [name for name, it in parameters.items() if it["Type"] == "AWS::EC2::Subnet::Id"] == ["SubnetId"]


def test_the_machine_image_is_an_id_that_an_update_keeps(parameters: Any) -> None:
    # With a default or a name that is resolved, an update could replace the machine unasked. With the type
    # AWS::EC2::Image::Id, it could fail because the image of a machine that runs was withdrawn meanwhile.
    assert parameters["MachineImage"]["Type"] == "String"
    assert "Default" not in parameters["MachineImage"]
