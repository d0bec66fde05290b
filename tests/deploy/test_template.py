# SPDX-License-Identifier: Apache-2.0
"""What somebody who reviews AWS accounts looks for, read from the templates: moto ignores most of it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.conftest import TEMPLATES

from twitch_provider.metrics.tables import TABLES

#: The tables of metrics that are about people, and what the detector keeps of channels.
PERSONAL = [name for name, table in TABLES.items() if "user_id" in table.names]
PERSONAL += ["watch_channels", "detectors"]

POLICIES = {"JobPolicy", "AccessPolicy", "ImagePullPolicy", "AlertPolicy"}


def walk(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value of a document with the keys that lead to it."""
    yield path, value
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from walk(child, (*path, str(key)))


def statements(resources: Any) -> list[tuple[str, Any]]:
    """Each statement of each policy, with the logical id of its resource."""
    return [
        (path[0], statement)
        for path, value in walk(resources)
        if path and path[-1] == "Statement"
        for entry in value
        for statement in (entry["Fn::If"][1:2] if "Fn::If" in entry else [entry])
    ]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_cfn_lint_finds_nothing_not_even_hints() -> None:
    executable = Path(sys.executable).with_name("cfn-lint")
    found = subprocess.run(
        [
            executable,
            "--include-checks",
            "I",
            "--non-zero-exit-code",
            "informational",
            "--",
            *TEMPLATES.values(),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (0, "")


class TestBucket:
    def test_is_private(self, resources: Any) -> None:
        bucket = resources["Bucket"]["Properties"]
        assert bucket["PublicAccessBlockConfiguration"] == {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        }
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert "AccessControl" not in bucket
        assert not {"WebsiteConfiguration", "CorsConfiguration", "ReplicationConfiguration"} & set(bucket)

    def test_keeps_old_versions(self, resources: Any) -> None:
        assert resources["Bucket"]["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}

    def test_is_encrypted_with_the_given_key_or_s3s(self, resources: Any) -> None:
        (rule,) = resources["Bucket"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        condition, with_key, without = rule["Fn::If"]
        assert condition == "HasKmsKey"
        assert with_key == {
            "BucketKeyEnabled": True,
            "ServerSideEncryptionByDefault": {
                "SSEAlgorithm": "aws:kms",
                "KMSMasterKeyID": {"Ref": "KmsKeyArn"},
            },
        }
        assert without == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}

    def test_takes_new_tls_only(self, resources: Any) -> None:
        policy = resources["BucketPolicy"]["Properties"]
        assert policy["Bucket"] == {"Ref": "Bucket"}
        conditions = []
        for statement in policy["PolicyDocument"]["Statement"]:
            assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
            assert statement["Resource"] == [
                {"Fn::GetAtt": ["Bucket", "Arn"]},
                {"Fn::Sub": "${Bucket.Arn}/*"},
            ]
            conditions.append(statement["Condition"])
        assert conditions == [
            {"Bool": {"aws:SecureTransport": "false"}},
            {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        ]

    def test_outlives_the_stack_with_its_policy(self, resources: Any) -> None:
        for logical_id in ("Bucket", "BucketPolicy"):
            assert resources[logical_id]["DeletionPolicy"] == "RetainExceptOnCreate"
            assert resources[logical_id]["UpdateReplacePolicy"] == "Retain"

    def test_forgets_what_nobody_needs(self, resources: Any) -> None:
        rules = resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
        assert {rule.pop("Status") for rule in rules} == {"Enabled"}
        assert {rule.pop("Id"): rule for rule in rules} == {
            **{
                folder: {
                    "Prefix": {"Fn::Sub": f"${{Prefix}}/{folder}/"},
                    "ExpirationInDays": {"Ref": "RawDays"},
                }
                for folder in ("raw", "incomplete", "adhoc")
            },
            **{
                folder.removeprefix("metrics/").replace("_", "-"): {
                    "Prefix": {"Fn::Sub": f"${{Prefix}}/{folder}/"},
                    "ExpirationInDays": {"Ref": "ChannelDays"},
                }
                for folder in ("compacted", "reports", *(f"metrics/{name}" for name in PERSONAL))
            },
            "xcom": {"Prefix": {"Fn::Sub": "${Prefix}/xcom/"}, "ExpirationInDays": {"Ref": "XComDays"}},
            "old-versions": {
                "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
                "ExpiredObjectDeleteMarker": True,
            },
            "unfinished-uploads": {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        }


class TestRights:
    def test_no_policy_but_those_that_are_meant(self, resources: Any) -> None:
        assert {logical_id for logical_id, _ in statements(resources)} == {
            "BucketPolicy",
            "Role",
            *POLICIES,
            "BackupRole",
            "BackupPolicy",
        }
        assert not {path for path, _ in walk(resources) if path[-1:] in {("Policies",), ("Roles",)}} - {
            ("InstanceProfile", "Properties", "Roles")
        }

    def test_the_role_has_the_lakes_policy_and_each_of_its_own(self, resources: Any) -> None:
        lake, *own = resources["Role"]["Properties"]["ManagedPolicyArns"]
        assert lake == {"Fn::ImportValue": {"Fn::Sub": "${LakeStack}-JobPolicyArn"}}
        given = set()
        for entry in own:
            condition, policy, otherwise = entry.get("Fn::If", (None, entry, {"Ref": "AWS::NoValue"}))
            assert otherwise == {"Ref": "AWS::NoValue"}
            assert resources[policy["Ref"]].get("Condition") == condition
            given.add(policy["Ref"])
        assert given == POLICIES - {"JobPolicy"}

    def test_allows_no_action_by_wildcard(self, resources: Any) -> None:
        for _, statement in statements(resources):
            assert not {"NotAction", "NotResource", "NotPrincipal"} & set(statement)
            if statement["Effect"] == "Allow":
                for action in listed(statement["Action"]):
                    assert re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action)

    def test_allows_every_resource_only_where_none_can_be_named(self, resources: Any) -> None:
        actions = {
            action
            for _, statement in statements(resources)
            if statement["Effect"] == "Allow" and "*" in listed(statement.get("Resource"))
            for action in listed(statement["Action"])
        }
        assert actions == {
            "ecr:GetAuthorizationToken",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
            "cloudwatch:PutMetricData",
            "ec2:DescribeVolumes",
            "ec2:DescribeSnapshots",
        }

    def test_both_roles_have_the_boundary_that_is_given(self, resources: Any) -> None:
        roles = [each for each in resources.values() if each["Type"] == "AWS::IAM::Role"]
        assert len(roles) == 2
        for role in roles:
            condition, boundary, otherwise = role["Properties"]["PermissionsBoundary"]["Fn::If"]
            assert condition == "HasPermissionsBoundary"
            assert (boundary, otherwise) == ({"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"})

    def test_only_ec2_takes_the_role(self, resources: Any) -> None:
        (statement,) = resources["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement == {
            "Effect": "Allow",
            "Principal": {"Service": {"Fn::Sub": "ec2.${AWS::URLSuffix}"}},
            "Action": "sts:AssumeRole",
        }

    def test_no_iam_resource_has_a_name(self, resources: Any) -> None:
        # So that CAPABILITY_IAM is enough, and two stacks do not meet.
        for resource in resources.values():
            if resource["Type"].startswith("AWS::IAM::"):
                assert not {"RoleName", "ManagedPolicyName", "InstanceProfileName"} & set(
                    resource["Properties"]
                )

    def test_creates_neither_users_nor_keys(self, resources: Any) -> None:
        types = {
            resource["Type"] for resource in resources.values() if resource["Type"].startswith("AWS::IAM")
        }
        assert types == {"AWS::IAM::ManagedPolicy", "AWS::IAM::Role", "AWS::IAM::InstanceProfile"}


class TestSecret:
    def test_is_made_empty(self, resources: Any) -> None:
        secret = resources["TwitchSecret"]["Properties"]
        assert set(secret) == {"Name", "Description", "KmsKeyId"}
        assert secret["Name"] == {"Fn::Sub": "${AWS::StackName}/connections/twitch_default"}

    def test_no_credential_is_a_parameter(self, parameters: Any) -> None:
        for name, parameter in parameters.items():
            assert "NoEcho" not in parameter
            # TwitchSecret is the one thing here that may be called so.
            assert not re.search("secret|password|token|credential|client", name, re.IGNORECASE)


class TestInstance:
    def test_lets_nothing_in(self, resources: Any) -> None:
        group = resources["SecurityGroup"]["Properties"]
        assert "SecurityGroupIngress" not in group
        types = {resource["Type"] for resource in resources.values()}
        assert not {kind for kind in types if re.search("Ingress|ElasticLoadBalancing|EIP", kind)}

    def test_lets_only_web_traffic_out(self, resources: Any) -> None:
        group = resources["SecurityGroup"]["Properties"]
        egress = group["SecurityGroupEgress"]
        ranges = {
            (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule.get("CidrIp") or rule.get("CidrIpv6"))
            for rule in egress
        }
        # Over both protocols: a dual-stack subnet prefers IPv6.
        assert ranges == {("tcp", port, port, cidr) for port in (443, 80) for cidr in ("0.0.0.0/0", "::/0")}
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html
        allowed = r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}"
        said = (group["GroupDescription"], *(rule["Description"] for rule in egress))
        assert all(re.fullmatch(allowed, text) for text in said)

    def test_has_no_ssh_key(self, resources: Any, parameters: Any) -> None:
        assert "KeyName" not in resources["Instance"]["Properties"]
        assert not {name for name, it in parameters.items() if "KeyPair" in it["Type"]}

    def test_gives_its_keys_by_imdsv2_only_and_to_containers_too(self, resources: Any) -> None:
        assert resources["Instance"]["Properties"]["MetadataOptions"] == {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 2,
            "InstanceMetadataTags": "disabled",
        }

    def test_every_volume_is_encrypted(self, resources: Any) -> None:
        (volume,) = resources["Instance"]["Properties"]["BlockDeviceMappings"]
        assert volume == {
            "DeviceName": "/dev/sda1",
            "Ebs": {
                "VolumeType": "gp3",
                "VolumeSize": {"Ref": "VolumeGigabytes"},
                "Encrypted": True,
                "DeleteOnTermination": True,
            },
        }
        assert resources["Instance"]["Properties"]["PropagateTagsToVolumeOnCreation"] is True
        (data,) = [it for it in resources.values() if it["Type"] == "AWS::EC2::Volume"]
        assert data["Properties"]["Encrypted"] is True

    def test_is_in_the_group_and_has_the_role(self, resources: Any) -> None:
        instance = resources["Instance"]["Properties"]
        assert instance["SecurityGroupIds"] == [{"Ref": "SecurityGroup"}]
        assert instance["IamInstanceProfile"] == {"Ref": "InstanceProfile"}

    def test_the_stack_waits_until_airflow_is_up(self, resources: Any) -> None:
        assert resources["Started"]["DependsOn"] == "DataAttachment"
        assert resources["DataAttachment"]["Properties"]["InstanceId"] == {"Ref": "Instance"}
        assert resources["Started"]["Properties"]["Handle"] == {"Ref": "StartedHandle"}


class TestTemplate:
    def test_is_small_enough_to_be_sent_without_a_bucket(self) -> None:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
        for path in TEMPLATES.values():
            assert len(path.read_bytes()) < 51_200

    def test_fits_every_account_region_and_partition(self, template: Any) -> None:
        body = template["Resources"] | template["Outputs"]
        for path, value in walk(body):
            if isinstance(value, str) and "UserData" not in path:
                assert not re.search(r"[0-9]{12}|\b[a-z]{2}-[a-z]+-[0-9]\b", value), path
                # The one service whose name is the same everywhere.
                assert not re.search(r"arn:aws|(?<!^dlm\.)amazonaws\.com", value), path

    @pytest.mark.parametrize(
        "breakout", ["x' ; reboot #", 'x"', "x\n", "x$(reboot)", "x`reboot`", "*", "x/*", "x?", "${x}", "x x"]
    )
    def test_no_parameter_breaks_out_of_the_script_or_a_policy(self, parameters: Any, breakout: str) -> None:
        for name, parameter in parameters.items():
            if parameter["Type"] == "String":
                assert not re.fullmatch(parameter["AllowedPattern"], breakout), name

    def test_what_has_state_says_what_becomes_of_it(self, resources: Any) -> None:
        stateful = {
            "AWS::S3::Bucket",
            "AWS::S3::BucketPolicy",
            "AWS::SecretsManager::Secret",
            "AWS::EC2::Volume",
            "AWS::EC2::VolumeAttachment",
        }
        for logical_id, resource in resources.items():
            if resource["Type"] in stateful:
                assert {"DeletionPolicy", "UpdateReplacePolicy"} <= set(resource), logical_id
