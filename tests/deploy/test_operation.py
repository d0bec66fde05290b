# SPDX-License-Identifier: Apache-2.0
"""What keeps Airflow's history, and who hears of a fault: data volume, backup, alarms, stack policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.deploy.conftest import DEPLOY

#: What the alarms listen to, as deploy/status.py publishes it.
OURS = "AirflowTwitch"
STACK = {"Name": "Stack", "Value": {"Ref": "AWS::StackName"}}


@pytest.fixture
def alarms(resources: Any) -> dict[str, Any]:
    return {name: each for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"}


class TestDataVolume:
    def test_outlives_the_stack_as_a_snapshot(self, resources: Any) -> None:
        assert resources["DataVolume"]["DeletionPolicy"] == "Snapshot"
        assert resources["DataVolume"]["UpdateReplacePolicy"] == "Snapshot"

    def test_is_never_detached_from_a_machine_that_runs(self, resources: Any) -> None:
        # An instance that is terminated releases it; a detached one would lose what is not written yet.
        assert resources["DataAttachment"]["DeletionPolicy"] == "Retain"
        assert resources["DataAttachment"]["UpdateReplacePolicy"] == "Retain"

    def test_is_where_the_instance_is(self, resources: Any) -> None:
        zone = {"Ref": "AvailabilityZone"}
        assert resources["DataVolume"]["Properties"]["AvailabilityZone"] == zone
        assert resources["Instance"]["Properties"]["AvailabilityZone"] == zone
        assert resources["DataAttachment"]["Properties"]["VolumeId"] == {"Ref": "DataVolume"}

    def test_can_begin_as_a_snapshot_of_another(self, resources: Any) -> None:
        condition, given, empty = resources["DataVolume"]["Properties"]["SnapshotId"]["Fn::If"]
        assert (condition, given) == ("HasDataSnapshot", {"Ref": "DataSnapshotId"})
        assert empty == {"Ref": "AWS::NoValue"}


class TestBackup:
    def test_is_weekly_and_keeps_four(self, resources: Any) -> None:
        details = resources["Backup"]["Properties"]["PolicyDetails"]
        (schedule,) = details["Schedules"]
        assert schedule["CreateRule"] == {"CronExpression": "cron(30 3 ? * SUN *)"}
        assert schedule["RetainRule"] == {"Count": 4}
        assert resources["Backup"]["Properties"]["State"] == "ENABLED"

    def test_finds_the_volume_of_this_stack_alone(self, resources: Any) -> None:
        details = resources["Backup"]["Properties"]["PolicyDetails"]
        assert details["ResourceTypes"] == ["VOLUME"]
        (tag,) = details["TargetTags"]
        assert tag["Value"] == {"Ref": "AWS::StackName"}
        tagged = [
            name for name, each in resources.items() if tag in listed(each.get("Properties", {}).get("Tags"))
        ]
        assert tagged == ["DataVolume"]

    def test_its_role_reaches_this_volume_and_its_own_snapshots(self, resources: Any) -> None:
        assert resources["BackupRole"]["Properties"]["ManagedPolicyArns"] == [{"Ref": "BackupPolicy"}]
        document = resources["BackupPolicy"]["Properties"]["PolicyDocument"]
        create, tag, delete, find = document["Statement"]
        snapshots = {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}::snapshot/*"}
        volume = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:volume/${DataVolume}"
        assert create["Resource"] == [{"Fn::Sub": volume}, snapshots]
        assert (tag["Action"], tag["Resource"]) == ("ec2:CreateTags", snapshots)
        assert (delete["Action"], delete["Resource"]) == ("ec2:DeleteSnapshot", snapshots)
        assert all(action.startswith("ec2:Describe") for action in find["Action"])

    def test_what_it_may_delete_has_the_tag_that_is_copied(self, resources: Any) -> None:
        details = resources["Backup"]["Properties"]["PolicyDetails"]
        (tag,) = details["TargetTags"]
        statements = resources["BackupPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        (delete,) = [each for each in statements if each["Action"] == "ec2:DeleteSnapshot"]
        assert delete["Condition"] == {"StringEquals": {f"aws:ResourceTag/{tag['Key']}": tag["Value"]}}
        assert details["Schedules"][0]["CopyTags"] is True

    def test_only_its_own_service_takes_the_role(self, resources: Any) -> None:
        (trust,) = resources["BackupRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "dlm.amazonaws.com"}
        assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert set(trust["Condition"]["ArnLike"]) == {"aws:SourceArn"}


class TestAlarms:
    def test_tell_the_topic_and_exist_only_with_one(self, alarms: Any) -> None:
        assert set(alarms) == {"HealthAlarm", "DataDiskAlarm", "RootDiskAlarm", "MachineAlarm", "BackupAlarm"}
        for name, alarm in alarms.items():
            assert alarm["Condition"] == "HasAlertTopic", name
            assert alarm["Properties"]["AlarmActions"] == [{"Ref": "AlertTopicArn"}]
            assert alarm["Properties"].get("OKActions", [{"Ref": "AlertTopicArn"}]) == [
                {"Ref": "AlertTopicArn"}
            ]

    def test_say_which_stack_and_what_is_wrong(self, alarms: Any) -> None:
        for alarm in alarms.values():
            text = alarm["Properties"]["AlarmDescription"]["Fn::Sub"]
            assert "${AWS::StackName}" in text
            assert len(text) < 1024 - 128

    def test_silence_of_the_machine_is_a_fault(self, alarms: Any) -> None:
        alarm = alarms["HealthAlarm"]["Properties"]
        assert (alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"]) == (OURS, "Healthy", [STACK])
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
        assert alarm["TreatMissingData"] == "breaching"
        # So that it does not fire while the machine is made.
        assert alarms["HealthAlarm"]["DependsOn"] == "Started"

    def test_a_disk_that_fills_is_told_before_it_is_full(self, alarms: Any) -> None:
        for name, volume in (("DataDiskAlarm", "data"), ("RootDiskAlarm", "root")):
            alarm = alarms[name]["Properties"]
            assert (alarm["Namespace"], alarm["MetricName"]) == (OURS, "DiskUsedPercent")
            assert alarm["Dimensions"] == [STACK, {"Name": "Volume", "Value": volume}]
            assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 85)

    def test_the_instance_may_publish_what_they_listen_to(self, resources: Any, alarms: Any) -> None:
        statements = resources["AlertPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        (publish,) = [each for each in statements if each["Action"] == "cloudwatch:PutMetricData"]
        assert publish["Condition"] == {"StringEquals": {"cloudwatch:namespace": OURS}}
        theirs = {each["Properties"]["Namespace"] for each in alarms.values()} - {OURS}
        assert theirs == {"AWS/EC2", "AWS/EBS"}

    def test_a_status_check_and_a_backup_that_fail_are_told(self, alarms: Any) -> None:
        machine, backup = alarms["MachineAlarm"]["Properties"], alarms["BackupAlarm"]["Properties"]
        assert machine["MetricName"] == "StatusCheckFailed"
        assert machine["Dimensions"] == [{"Name": "InstanceId", "Value": {"Ref": "Instance"}}]
        assert backup["MetricName"] == "SnapshotsCreateFailed"
        assert backup["Dimensions"] == [{"Name": "DLMPolicyId", "Value": {"Ref": "Backup"}}]


class TestStackPolicy:
    @pytest.fixture
    def policy(self) -> Any:
        return json.loads((DEPLOY / "stack-policy.json").read_text())

    def test_refuses_to_replace_or_remove_what_has_a_state(self, policy: Any, resources: Any) -> None:
        deny, allow = policy["Statement"]
        assert (deny["Effect"], deny["Action"]) == ("Deny", ["Update:Replace", "Update:Delete"])
        protected = set(deny["Condition"]["StringEquals"]["ResourceType"])
        assert protected == {
            each["Type"]
            for each in resources.values()
            # An attachment is replaced with its instance.
            if "DeletionPolicy" in each and each["Type"] != "AWS::EC2::VolumeAttachment"
        } | {"AWS::EC2::Instance"}
        assert (allow["Effect"], allow["Action"], allow["Resource"]) == ("Allow", "Update:*", "*")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
