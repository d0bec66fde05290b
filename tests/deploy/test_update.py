# SPDX-License-Identifier: Apache-2.0
"""An update of the stacks: what it may not touch, applied in moto and read from AWS's resource schemas."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

import pytest
from tests.deploy.conftest import (
    BOUNDARY,
    DEPLOY,
    IMAGE,
    KEY,
    MACHINE_IMAGE,
    REPOSITORY,
    TOPIC,
    Stack,
    for_moto,
    text_of,
)
from tests.deploy.updates import CONDITIONAL, effects

#: What the documented commands give.
GIVEN = {
    "Image": IMAGE,
    "VpcId": "vpc-1",
    "SubnetId": "subnet-1",
    "AvailabilityZone": "eu-central-1a",
    "MachineImage": MACHINE_IMAGE,
    "LakeStack": "lake",
}
#: Another value for each parameter; those in one entry can only change together.
CHANGES: dict[str, Mapping[str, str]] = {
    "Image": {"Image": IMAGE.replace(":1", ":2")},
    "ImageRepositoryArn": {"ImageRepositoryArn": REPOSITORY},
    "VpcId, SubnetId": {"VpcId": "vpc-2", "SubnetId": "subnet-2"},
    "SubnetId": {"SubnetId": "subnet-2"},
    "AvailabilityZone": {"AvailabilityZone": "eu-central-1b"},
    "InstanceType": {"InstanceType": "t4g.xlarge"},
    "MachineImage": {"MachineImage": "ami-2"},
    "VolumeGigabytes": {"VolumeGigabytes": "60"},
    "LakeStack": {"LakeStack": "another"},
    "DataGigabytes": {"DataGigabytes": "100"},
    "DataSnapshotId": {"DataSnapshotId": "snap-2"},
    "AlertTopicArn": {"AlertTopicArn": TOPIC},
    "PermissionsBoundaryArn": {"PermissionsBoundaryArn": BOUNDARY},
}
LAKE_CHANGES: dict[str, Mapping[str, str]] = {
    "BucketName": {"BucketName": "another"},
    "Prefix": {"Prefix": "another"},
    "KmsKeyArn": {"KmsKeyArn": KEY},
    "AccessLogBucket": {"AccessLogBucket": "logs"},
    "RawDays": {"RawDays": "3"},
    "ChannelDays": {"ChannelDays": "9"},
    "XComDays": {"XComDays": "2"},
}


def machine(change: Mapping[str, str]) -> dict[str, str]:
    """What a change does to the resources of the machine's stack."""
    return effects(json.loads(text_of("airflow-ec2")), GIVEN, GIVEN | dict(change))


def lake(change: Mapping[str, str]) -> dict[str, str]:
    """What a change does to the resources of the lake."""
    return effects(json.loads(text_of("lake")), {}, change)


class TestSchemas:
    def test_another_image_replaces_nothing(self) -> None:
        assert machine(CHANGES["Image"]) == {"Instance": "restarted"}

    def test_another_machine_image_replaces_the_machine_and_not_the_data(self) -> None:
        assert machine(CHANGES["MachineImage"]) == {
            "Instance": "replaced",
            "DataAttachment": "replaced",
        }

    def test_alarms_follow_the_machine_that_is_replaced(self) -> None:
        template = json.loads(text_of("airflow-ec2"))
        given = GIVEN | {"AlertTopicArn": TOPIC}
        found = effects(template, given, given | dict(CHANGES["MachineImage"]))
        assert found == {
            "Instance": "replaced",
            "DataAttachment": "replaced",
            "MachineAlarm": "changed",
        }

    @pytest.mark.parametrize("name", CHANGES)
    def test_no_parameter_replaces_what_has_data(self, name: str) -> None:
        found = machine(CHANGES[name])
        assert found.get("DataVolume") in (None, "changed", "refused")
        assert "Backup" not in found

    def test_a_topic_that_comes_later_creates_what_tells(self) -> None:
        created = {name for name, effect in machine(CHANGES["AlertTopicArn"]).items() if effect == "created"}
        assert created == {
            "AlertPolicy",
            *(f"{name}Alarm" for name in ("Health", "DataDisk", "RootDisk", "Machine", "Backup")),
        }

    def test_a_key_that_comes_later_leaves_what_is_exported(self) -> None:
        # An export that is in use cannot change: its resources may not be replaced.
        found = lake(LAKE_CHANGES["KmsKeyArn"])
        assert found == dict.fromkeys(("Bucket", "TwitchSecret", "JobPolicy"), "changed")

    def test_every_parameter_is_changed(self, parameters: Any) -> None:
        changed = {name for change in (*CHANGES.values(), *LAKE_CHANGES.values()) for name in change}
        assert changed == set(parameters)

    def test_every_case_that_depends_occurs(self) -> None:
        instance = json.loads(text_of("airflow-ec2"))["Resources"]["Instance"]["Properties"]
        assert {name for _, name in CONDITIONAL} <= set(instance)


class TestDocs:
    """``docs/deploy/ec2.md`` has a table of what each parameter does in an update."""

    @pytest.fixture
    def rows(self) -> dict[str, list[str]]:
        page = (DEPLOY.parent / "docs" / "deploy" / "ec2.md").read_text()
        section = page.split("\n### What an update replaces\n")[1].split("\n## ")[0]
        cells = [
            [cell.strip() for cell in row.strip("|").split("|")]
            for row in re.findall(r"^\|.*$", section, re.MULTILINE)
        ]
        return {row[0].replace("`", ""): row[1:] for row in cells if row[0].startswith("`")}

    def test_has_every_parameter(self, rows: Any) -> None:
        assert set(rows) == {*CHANGES, *LAKE_CHANGES} - {"SubnetId"}

    @pytest.mark.parametrize("name", [name for name in CHANGES if name != "SubnetId"])
    def test_says_what_becomes_of_the_machine_and_its_data(self, rows: Any, name: str) -> None:
        found = machine(CHANGES[name])
        said_of_machine, said_of_data = rows[name][:2]
        effect = "refused" if "refused" in found.values() else found.get("Instance", "stays")
        assert said_of_machine == effect
        assert said_of_data == found.get("DataVolume", "stays").replace("changed", "grows")

    @pytest.mark.parametrize("name", LAKE_CHANGES)
    def test_says_what_becomes_of_the_lake(self, rows: Any, name: str) -> None:
        found = lake(LAKE_CHANGES[name])
        assert rows[name][0] == "stays"
        assert rows[name][1] == "stays"
        assert rows[name][2].startswith(found.get("Bucket", "stays"))


class TestApplied:
    """In moto, whose CloudFormation cannot change an instance or a volume, but would create another."""

    @pytest.fixture
    def updated(self, minimal: Stack) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """What there is, before and after a change set as ``aws cloudformation deploy`` makes it."""
        stacks = minimal.cloud.client("cloudformation")
        before = inventory(minimal)
        document = for_moto(json.loads(text_of("airflow-ec2")), {})
        (stack,) = stacks.describe_stacks(StackName=minimal.name)["Stacks"]
        kept = [each["ParameterKey"] for each in stack["Parameters"] if each["ParameterKey"] != "Image"]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Tried to parse .* but it's not supported by moto")
            made = stacks.create_change_set(
                StackName=minimal.name,
                ChangeSetName="update",
                ChangeSetType="UPDATE",
                TemplateBody=json.dumps(document),
                Parameters=[
                    {"ParameterKey": "Image", "ParameterValue": CHANGES["Image"]["Image"]},
                    *({"ParameterKey": key, "UsePreviousValue": True} for key in kept),
                ],
                Capabilities=["CAPABILITY_IAM"],
            )
            stacks.execute_change_set(ChangeSetName=made["Id"])
        return before, inventory(minimal)

    def test_everything_is_what_it_was(self, updated: Any, minimal: Stack) -> None:
        before, after = updated
        assert after == before
        assert after["instances"] == {f"{minimal.outputs['InstanceId']} running"}
        assert f"{minimal.outputs['DataVolumeId']} of {minimal.outputs['InstanceId']}" in after["volumes"]
        (stack,) = minimal.cloud.client("cloudformation").describe_stacks(StackName=minimal.name)["Stacks"]
        assert stack["StackStatus"] == "UPDATE_COMPLETE"
        given = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
        assert given["Image"] == CHANGES["Image"]["Image"]
        assert given["MachineImage"] == MACHINE_IMAGE


def inventory(stack: Stack) -> dict[str, set[str]]:
    """What there is in the account of what an update could replace: ids by kind."""
    ec2, iam, s3 = (stack.cloud.client(name) for name in ("ec2", "iam", "s3"))
    instances = [each for found in ec2.describe_instances()["Reservations"] for each in found["Instances"]]
    return {
        "instances": {f"{each['InstanceId']} {each['State']['Name']}" for each in instances},
        "volumes": {
            f"{each['VolumeId']} of {each['Attachments'][0]['InstanceId']}"
            for each in ec2.describe_volumes()["Volumes"]
        },
        "groups": {each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]},
        "roles": {each["RoleName"] for each in iam.list_roles()["Roles"]},
        "buckets": {each["Name"] for each in s3.list_buckets()["Buckets"]},
    }
