# SPDX-License-Identifier: Apache-2.0
"""What the templates take as parameters, and what they refuse."""

from __future__ import annotations

import re
from typing import Any

import pytest

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
        (
            "MachineImage",
            "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
        ),
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
