# SPDX-License-Identifier: Apache-2.0
"""A deployment with marked credentials: its Twitch, its AWS, its Airflow, and everything that it writes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import boto3
from cryptography.fernet import Fernet
from moto.server import ThreadedMotoServer
from moto.sts.models import sts_backends
from tests.leaks.jobs import STATES, Job
from tests.leaks.metadata import metadata_service
from tests.leaks.search import Mark, walk

from twitch_provider.testing import Simulator

ROOT = Path(__file__).parents[2]
BUCKET = "lake"
BACKEND = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"

#: What the metadata service hands out, what lies in Secrets Manager, and what is leaked on purpose.
ACCESS_KEY = Mark("access key id", "ASIA7MARKED2KEY4ID00")
SECRET_KEY = Mark("secret access key", "marked/1secret+2access/3key+4of/5role0000")
USER_KEY = Mark("access key id of a user", "AKIA3MARKED5USERS900")
USER_SECRET = Mark("secret access key of a user", "user/9secret+8access/7key+6marked/5000000")
SESSION_TOKEN = Mark("session token", "IQoJb3JpZ2luX2VjE0marked//////////wEaCXVzLWVhc3QtMSJHMEUCIQD+token=")
CLIENT_SECRET = Mark("client secret", "m4rk3dcl13nts3cr3t00f0tw1tch00")
WRONG_SECRET = Mark("client secret that Twitch refuses", "wr0ngm4rk3ds3cr3t9that9isrefused")
EDITED_SECRET = Mark("client secret of a form", "ed1t3dm4rk3ds3cr3t7in7a7form777")
PLANTED = Mark("planted", "planted/0leak+that=has/to-be.found")

#: What ``airflow dags test`` runs, and with which options: without a supervisor, as the README recommends.
TESTED = {"twitch_top_games": {}, "twitch_all_streams": {"AIRFLOW__TWITCH__AWS_CONN_ID": "aws_role"}}


@dataclass
class Deployment:
    """What was set up, and what came of it.

    :param home: Airflow's
    :param marks: everything that may lie nowhere
    :param states: of the tasks of each job
    :param texts: everything that was written
    """

    home: Path
    marks: list[Mark] = field(default_factory=list)
    states: list[dict[str, str]] = field(default_factory=list)
    texts: list[tuple[str, bytes]] = field(default_factory=list, repr=False)


def run(home: Path, jobs: Sequence[Job]) -> Deployment:
    """Run jobs in a new deployment, at DEBUG, and gather what was written.

    :param home: an empty folder
    :param jobs: one after the other
    """
    (home / "dags").mkdir()
    for folder in (ROOT / "dags", Path(__file__).parent / "dags"):
        for path in folder.glob("*.py"):
            shutil.copy(path, home / "dags")
    with ExitStack() as stack:
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        stack.callback(server.stop)
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        twitch = stack.enter_context(Simulator(streams=120, client_secret=CLIENT_SECRET.value))
        imds = stack.enter_context(metadata_service(ACCESS_KEY.value, SECRET_KEY.value, SESSION_TOKEN.value))
        aws = _Aws(endpoint)
        aws.prepare(twitch)
        edited = {**json.loads(twitch.connection_json()), "password": EDITED_SECRET.value}
        work = {"jobs": [asdict(job) for job in jobs], "edited": edited}
        environment = _environment(home, endpoint, imds.url)
        titles = _work(home, work, environment)
        # As somebody who has not copied our settings.
        shutil.rmtree(home / "config")
        for dag_id, options in TESTED.items():
            _test(home, dag_id, environment | options)
        minted = [Mark(f"app token {n}", token) for n, token in enumerate(twitch.twitch.auth.tokens._expires)]
        roles = [role for backend in sts_backends.values() for role in backend["aws"].assumed_roles]
        assumed = [Mark("secret access key of a role", role.secret_access_key) for role in roles]
        objects = [(f"s3://{BUCKET}/{key}", body) for key, body in aws.objects()]
    assert minted, "no token was minted"
    of_aws = [ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, USER_KEY, USER_SECRET]
    known = [*of_aws, CLIENT_SECRET, WRONG_SECRET, EDITED_SECRET]
    return Deployment(
        home,
        [*known, *minted, *assumed],
        json.loads((home / STATES).read_text()),
        [*walk(home), *objects, *titles],
    )


def _work(home: Path, work: dict[str, Any], environment: dict[str, str]) -> list[tuple[str, bytes]]:
    """Run the worker; its output goes to files of its home. Return the titles of its processes."""
    command = [sys.executable, "-m", "tests.leaks.worker"]
    titles: set[bytes] = set()
    with (home / "stdout").open("wb") as out, (home / "stderr").open("wb") as err:
        worker = subprocess.Popen(
            command,
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        assert worker.stdin is not None
        with worker.stdin as stdin:
            stdin.write(json.dumps(work).encode())
        while True:
            titles.update(_titles(worker.pid))
            try:
                code = worker.wait(0.2)
                break
            except subprocess.TimeoutExpired:
                continue
    assert code == 0, (home / "stderr").read_text()[-2000:]
    return [("the title of a process", title) for title in sorted(titles)]


def _test(home: Path, dag_id: str, environment: dict[str, str]) -> None:
    """Run a DAG in the command's own process; its output goes to a file of the home."""
    with (home / f"dags_test_{dag_id}").open("wb") as out:
        command = [sys.executable, "-m", "airflow", "dags", "test", dag_id]
        subprocess.run(command, env=environment, cwd=ROOT, stdout=out, stderr=out, check=True)


def _titles(session: int) -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(process.name)) == session:
                yield (process / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue  # it is over


def _environment(home: Path, endpoint: str, imds: str) -> dict[str, str]:
    kwargs = {
        "connections_prefix": "stack/connections",
        "connections_lookup_pattern": "^(twitch|aws)_",
        "variables_prefix": None,
        "config_prefix": None,
    }
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS_", "_AIR"))
    }
    own.pop("PYTEST_CURRENT_TEST", None)
    own.pop("PYTEST_VERSION", None)  # Airflow looks for it, and would log in another way
    return own | {
        "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)])),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "tests.leaks.worker.SupervisingExecutor",
        "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
        # A supervisor that misses the end of its task looks again after as many seconds.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__API_AUTH__JWT_SECRET": Fernet.generate_key().decode() * 2,
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
        "AIRFLOW__TWITCH__BUCKET": BUCKET,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": imds,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PLANTED": PLANTED.value,
    }


class _Aws:
    """The account, seen by its owner."""

    def __init__(self, endpoint: str) -> None:
        self._keys = {
            "endpoint_url": endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": "owner",
            "aws_secret_access_key": "of-the-account",
        }
        self._s3 = self._client("s3")

    def _client(self, service: str) -> Any:
        return boto3.client(service, **self._keys)

    def prepare(self, twitch: Simulator) -> None:
        """Make the bucket and the secrets: one that works, one that Twitch refuses, and two misshapen."""
        self._s3.create_bucket(Bucket=BUCKET)
        right = json.loads(twitch.connection_json())
        secrets = {
            "aws_role": json.dumps(
                {
                    "conn_type": "aws",
                    "login": USER_KEY.value,
                    "password": USER_SECRET.value,
                    "extra": {"role_arn": "arn:aws:iam::123456789012:role/another"},
                }
            ),
            "twitch_default": json.dumps(right),
            "twitch_refused": json.dumps({**right, "password": WRONG_SECRET.value}),
            "twitch_misshapen": json.dumps(right)[:-9],
            "twitch_uri": f"twitch://{right['login']}:{CLIENT_SECRET.value}@[127.0.0.1",
        }
        for name, value in secrets.items():
            self._client("secretsmanager").create_secret(Name=f"stack/connections/{name}", SecretString=value)

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """Everything in the bucket."""
        for entry in self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            yield entry["Key"], self._s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
