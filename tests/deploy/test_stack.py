# SPDX-License-Identifier: Apache-2.0
"""The templates created in moto, and the reference DAGs run against what they made."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from tests.deploy.conftest import ACCOUNT, BOUNDARY, KEY, REGION, REPOSITORY, TOPIC, Cloud, Stack

from deploy import new_env
from twitch_provider.testing import Simulator

ROOT = Path(__file__).parents[2]
STACKS = ["minimal", "full"]


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> Stack:
    made = request.getfixturevalue(request.param)
    assert isinstance(made, Stack)
    return made


def job_policy(bucket: str, prefix: str, lake: str) -> Any:
    """What the DAGs need without a key, and no more."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Objects",
                "Effect": "Allow",
                "Action": ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"],
                "Resource": f"arn:aws:s3:::{bucket}/{prefix}/*",
            },
            {
                "Sid": "Names",
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": f"arn:aws:s3:::{bucket}",
                "Condition": {"StringLike": {"s3:prefix": f"{prefix}/*"}},
            },
            {
                "Sid": "TwitchCredentials",
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": (
                    f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
                    f"{lake}/connections/twitch_default-??????"
                ),
            },
        ],
    }


class TestRole:
    def test_has_the_job_and_the_access_and_nothing_else(self, minimal: Stack) -> None:
        policies = minimal.policies()
        assert set(policies) == {"JobPolicy", "AccessPolicy"}
        assert policies["JobPolicy"] == job_policy(minimal.outputs["Bucket"], "twitch", "minimal-lake")
        role = minimal.role()["RoleName"]
        assert minimal.cloud.client("iam").list_role_policies(RoleName=role)["PolicyNames"] == []

    def test_with_a_key_the_job_may_use_it_and_with_a_repository_the_instance_may_pull(
        self, full: Stack
    ) -> None:
        policies = full.policies()
        assert set(policies) == {"JobPolicy", "AccessPolicy", "ImagePullPolicy", "AlertPolicy"}
        *statements, write, read = policies["JobPolicy"]["Statement"]
        assert statements == job_policy("my-twitch-lake", "analytics/twitch", "full-lake")["Statement"]
        s3, secrets = f"s3.{REGION}.amazonaws.com", f"secretsmanager.{REGION}.amazonaws.com"
        assert (write["Action"], write["Resource"]) == ("kms:GenerateDataKey", KEY)
        assert write["Condition"] == {"StringEquals": {"kms:ViaService": s3}}
        assert (read["Action"], read["Resource"]) == ("kms:Decrypt", KEY)
        assert read["Condition"] == {"StringEquals": {"kms:ViaService": [s3, secrets]}}
        pull, log_in = policies["ImagePullPolicy"]["Statement"]
        assert pull["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        assert pull["Resource"] == REPOSITORY
        assert (log_in["Action"], log_in["Resource"]) == ("ecr:GetAuthorizationToken", "*")

    def test_with_a_topic_it_may_publish_there_and_tell_its_state(self, full: Stack) -> None:
        alerts, state = full.policies()["AlertPolicy"]["Statement"]
        assert (alerts["Action"], alerts["Resource"]) == ("sns:Publish", TOPIC)
        assert (state["Action"], state["Resource"]) == ("cloudwatch:PutMetricData", "*")
        assert state["Condition"] == {"StringEquals": {"cloudwatch:namespace": "AirflowTwitch"}}

    def test_the_access_is_session_managers_minimum(self, stack: Stack) -> None:
        register, channels = stack.policies()["AccessPolicy"]["Statement"]
        assert (register["Action"], register["Resource"]) == (
            "ssm:UpdateInstanceInformation",
            f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/*",
        )
        assert sorted(channels["Action"]) == [
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ]

    def test_only_ec2_takes_it(self, stack: Stack) -> None:
        (trust,) = stack.role()["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "ec2.amazonaws.com"}

    def test_the_job_policy_is_an_output(self, stack: Stack) -> None:
        attached = stack.cloud.client("iam").list_attached_role_policies(RoleName=stack.role()["RoleName"])
        arns = {policy["PolicyName"]: policy["PolicyArn"] for policy in attached["AttachedPolicies"]}
        (arn,) = [arn for name, arn in arns.items() if "-JobPolicy-" in name]
        assert stack.outputs["JobPolicyArn"] == arn


class TestResources:
    @pytest.mark.parametrize(("name", "algorithm"), [("minimal", "AES256"), ("full", "aws:kms")])
    def test_the_bucket_is_there_and_encrypted(
        self, request: pytest.FixtureRequest, name: str, algorithm: str
    ) -> None:
        stack = request.getfixturevalue(name)
        encryption = stack.cloud.client("s3").get_bucket_encryption(Bucket=stack.outputs["Bucket"])
        (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == algorithm

    def test_the_instance_runs_where_it_shall(self, full: Stack) -> None:
        instance = full.instance()
        assert instance["State"]["Name"] == "running"
        assert instance["InstanceType"] == "m7i.large"
        assert instance["ImageId"] == "ami-00000000000000001"
        assert "KeyName" not in instance
        assert {"Key": "Name", "Value": "full"} in instance["Tags"]

    def test_the_data_volume_is_the_instances(self, stack: Stack) -> None:
        volumes = stack.cloud.client("ec2").describe_volumes(VolumeIds=[stack.outputs["DataVolumeId"]])
        (volume,) = volumes["Volumes"]
        (attachment,) = volume["Attachments"]
        assert attachment["InstanceId"] == stack.outputs["InstanceId"]
        assert volume["AvailabilityZone"] == stack.instance()["Placement"]["AvailabilityZone"]
        assert volume["Size"] == {"minimal": 20, "full": 100}[stack.name]

    def test_the_roles_have_the_boundary_that_is_given(self, minimal: Stack, full: Stack) -> None:
        iam = full.cloud.client("iam")
        for stack, boundary in ((minimal, None), (full, BOUNDARY)):
            names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
            names = [name for name in names if name.startswith(f"{stack.name}-")]
            assert sorted(name.split("-")[1] for name in names) == ["BackupRole", "Role"]
            for name in names:
                role = iam.get_role(RoleName=name)["Role"]
                found = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
                assert found == boundary

    def test_the_security_group_has_no_way_in(self, stack: Stack) -> None:
        groups = stack.cloud.client("ec2").describe_security_groups()["SecurityGroups"]
        (group,) = [group for group in groups if group["GroupName"].startswith(f"{stack.name}-")]
        assert group["IpPermissions"] == []
        assert group["VpcId"] == stack.instance()["VpcId"]

    def test_two_stacks_share_nothing(self, minimal: Stack, full: Stack) -> None:
        for name in ("Bucket", "SecretName", "InstanceId", "JobPolicyArn"):
            assert minimal.outputs[name] != full.outputs[name]
        assert minimal.role()["Arn"] != full.role()["Arn"]

    def test_the_outputs_are_commands_to_paste(self, stack: Stack) -> None:
        assert f"--secret-id {stack.outputs['SecretName']} " in stack.outputs["PutTwitchCredentials"]
        for name in ("OpenTheUi", "ShowThePassword", "ShowTheLog"):
            assert f"--target {stack.outputs['InstanceId']} " in stack.outputs[name]
        for name in ("ShowThePassword", "ShowTheLog"):
            (path,) = re.findall(r"(/\S+)\"$", stack.outputs[name])
            assert path.removesuffix("/.env") in stack.script()


@pytest.fixture
def put_secret(cloud: Cloud) -> Callable[[Stack, str], None]:
    """Do what the output PutTwitchCredentials says; moto's CloudFormation makes no secret."""

    def put_secret(stack: Stack, value: str) -> None:
        secrets = cloud.client("secretsmanager")
        with suppress(secrets.exceptions.ResourceExistsException):
            secrets.create_secret(Name=stack.outputs["SecretName"])
        secrets.put_secret_value(SecretId=stack.outputs["SecretName"], SecretString=value)

    return put_secret


@pytest.fixture
def deployed(
    cloud: Cloud, airflow_of_the_dags: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Stack], Callable[[str, datetime], dict[str, str]]]:
    """Set this process up as the Compose file does on the instance; gives what runs a DAG."""

    # Before the environment changes: it remembers the backends that it finds.
    import airflow.configuration
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils import db

    def deployed(stack: Stack) -> Callable[[str, datetime], dict[str, str]]:
        compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
        settings = new_env.read([f"{name}={value}" for name, value in stack.settings().items()])
        for name, value in compose["services"]["airflow-scheduler"]["environment"].items():
            if name.startswith(("AIRFLOW__TWITCH__", "AIRFLOW__SECRETS__", "AWS_")):
                monkeypatch.setenv(name, re.sub(r"\${(\w+)[^}]*}", lambda found: settings[found[1]], value))
        # In place of what an instance in AWS has anyway.
        monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing-key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")

        # Airflow keeps its backends for as long as a process lives: a task's, and those of the API server,
        # which is in this process, too.
        monkeypatch.setattr("airflow.sdk.configuration._secrets_backend_cache", {}, raising=False)
        backends = airflow.configuration.initialize_secrets_backends()
        monkeypatch.setattr("airflow.configuration.secrets_backend_list", backends)
        db.initdb()

        def run(dag_id: str, run_after: datetime) -> dict[str, str]:
            dag = DagBag(ROOT / f"dags/{dag_id}.py").get_dag(dag_id)
            for task in dag.tasks:
                task.retries = 0
            dag_run = dag.test(run_after=run_after, logical_date=run_after)
            return {instance.task_id: str(instance.state) for instance in dag_run.get_task_instances()}

        return run

    return deployed


@pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process
class TestDags:
    """With the bucket, the prefix and the secrets backend that the user data names."""

    @pytest.mark.parametrize(
        ("dag_id", "tasks", "tables"),
        [
            ("twitch_top_games", {"extract", "transform", "load"}, ["top_games", "top_streams"]),
            ("twitch_all_streams", {"crawl"}, ["all_streams"]),
        ],
    )
    def test_publish_what_their_manifest_describes(
        self, full: Stack, deployed: Any, put_secret: Any, dag_id: str, tasks: set[str], tables: list[str]
    ) -> None:
        run_after = datetime.now(UTC).replace(second=0, microsecond=0)
        with Simulator(streams=300) as twitch:
            put_secret(full, twitch.connection_json())
            assert deployed(full)(dag_id, run_after) == dict.fromkeys(tasks, "success")
            assert twitch.counters.tokens_minted == 1

        bucket, s3 = full.outputs["Bucket"], full.cloud.client("s3")

        def read(key: str) -> bytes:
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            return body

        at = f"{run_after:dt=%Y-%m-%d/hour=%H}/{run_after:%Y%m%dT%H%M%SZ}"
        described = json.loads(read(f"analytics/twitch/manifests/{dag_id}/{at}.json"))
        assert described["complete"] is True
        found = {}
        for entry in described["objects"]:
            body = read(entry["key"])
            assert (len(body), hashlib.sha256(body).hexdigest()) == (entry["bytes"], entry["sha256"])
            found[entry["key"].split("/")[2]] = gzip.decompress(body) if entry["key"].endswith("gz") else body
        assert set(found) - {"rejects"} == {"raw", *tables}
        for table in tables:
            rows = list(csv.DictReader(io.StringIO(found[table].decode(), newline="")))
            assert len(rows) == described["counts"][table]["rows_out"] > 0

        # Nothing beside the prefix that the role reaches.
        listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
        assert {key.split("/")[0] for key in listed} == {"analytics"}
