# SPDX-License-Identifier: Apache-2.0
"""What the cluster stands on: PostgreSQL, Redis and an AWS, each a process of its own on loopback."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from sys import executable
from typing import Any

import boto3
from botocore.config import Config
from demo.children import Child
from tests.cluster.client import GoneWrongError
from tests.cluster.compose import Service
from tests.cluster.container import Container

READY = 60.0


#: Below those that Linux gives to clients: one of them could take the port of a server that is restarted.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def find_postgres() -> Path:
    """Return the folder of PostgreSQL's programs.

    :raises GoneWrongError: PostgreSQL was not found
    """
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    if found := shutil.which("initdb"):
        return Path(found).parent
    raise GoneWrongError(
        "There is no PostgreSQL: install it (Debian: apt-get install postgresql redis-server)."
    )


class Postgres:
    """A database server with the user, the database and the password of the compose file.

    :param stack: ends it
    :param service: the service ``postgres``
    :param logs: where its log goes
    :param env: the environment of its processes
    """

    def __init__(self, stack: ExitStack, service: Service, logs: Path, env: Mapping[str, str]) -> None:
        self.port = free_port()
        self._env = {**env, "PGPASSWORD": service.environment["POSTGRES_PASSWORD"]}
        self._bin = find_postgres()
        # Below a folder of its own: it refuses to run as root, and whom it runs as may read nothing of ours.
        folder = Path(tempfile.mkdtemp(prefix="airflow-provider-twitch-postgres-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        secret = folder / "password"
        secret.write_text(service.environment["POSTGRES_PASSWORD"])
        self._as_owner: list[str | Path] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            for path in (folder, secret):
                os.chown(path, owner.pw_uid, owner.pw_gid)
            self._as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        self._data = folder / "data"
        made = ["--username=airflow", f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync"]
        self._run(*self._as_owner, self._bin / "initdb", *made, "-D", self._data)
        secret.unlink()
        command = [*self._as_owner, self._bin / "postgres", "-D", self._data, "-p", str(self.port)]
        command += ["-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        self.container = Container(stack, "postgres", list(map(str, command)), env, logs)
        self.container.child.wait_for("ready to accept connections", timeout=READY)
        self._run(self._bin / "createdb", *self._where, service.environment["POSTGRES_DB"])

    @property
    def _where(self) -> list[str]:
        return ["--host=127.0.0.1", f"--port={self.port}", "--username=airflow"]

    def snapshot(self) -> Path:
        """Copy its files while it is frozen: what a snapshot of their volume has of them.

        :returns: the folder with the copy
        """
        copy = self._data.with_name("snapshot")
        self._run("cp", "--archive", self._data, copy)
        return copy

    def lose(self, snapshot: Path) -> None:
        """Put a copy of its files in their place, and kill it: it is started anew with those.

        :param snapshot: of :meth:`snapshot`
        """
        self.container.freeze()
        self._data.rename(self._data.with_name("lost"))
        snapshot.rename(self._data)
        self.container.kill()

    def dump(self) -> bytes:
        """Return all that is in the database, as SQL."""
        return self._run(self._bin / "pg_dump", *self._where, "--inserts", "airflow")

    def query(self, sql: str) -> str:
        """Return what a query finds, a row a line.

        :param sql: the query
        """
        found = self._run(
            self._bin / "psql", *self._where, "--tuples-only", "--no-align", "-c", sql, "airflow"
        )
        return found.decode().strip()

    def _run(self, *command: str | Path) -> bytes:
        done = subprocess.run(command, env=self._env, capture_output=True, check=False, cwd="/")
        if done.returncode:
            raise GoneWrongError(f"{Path(command[-1]).name}: {done.stderr.decode().strip()}")
        return done.stdout


def start_redis(
    stack: ExitStack, service: Service, port: int, folder: Path, logs: Path, env: Mapping[str, str]
) -> Container:
    """Start Redis by the command of the compose file.

    :param stack: ends it
    :param service: the service ``redis``
    :param port: where it listens
    :param folder: takes the place of ``/tmp`` and ``/data``
    :param logs: where its log goes
    :param env: the environment of its processes
    """
    (folder / "redis").mkdir()
    *shell, script = service.command
    script = script.replace("/tmp/", f"{folder}/redis/").replace(  # noqa: S108 - of the container
        "--dir /data", f"--dir {folder}/redis --bind 127.0.0.1 --port {port}"
    )
    redis = Container(stack, "redis", [*shell, script], {**env, **service.environment}, logs)
    redis.child.wait_for("Ready to accept connections", timeout=READY)
    return redis


class Aws:
    """A bucket and a secret, in moto.

    :param stack: ends it
    :param bucket: its name
    :param logs: where its log goes
    :param keys: the access key and its secret
    """

    def __init__(self, stack: ExitStack, bucket: str, logs: Path, keys: tuple[str, str]) -> None:
        self.bucket = bucket
        command = [executable, "-m", "tests.cluster.bucket"]
        server = stack.enter_context(Child("AWS", command, env=os.environ, log=logs / "aws.log"))
        said = json.loads(server.wait_for(r"^\{.*\}$", timeout=READY)[0])
        self.url, self._desk, self._pid = said["url"], said["desk"], said["pid"]
        self._keys = keys
        self.s3 = self._client("s3")
        self.s3.create_bucket(Bucket=bucket)

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into Secrets Manager.

        :param name: of the secret
        :param value: its text
        """
        self._client("secretsmanager").create_secret(Name=name, SecretString=value)

    def put(self, key: str, body: bytes) -> None:
        """Put an object into the bucket.

        :param key: of it
        :param body: its bytes
        """
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """Return every object of the bucket, as all of them were at one moment.

        :param prefix: only of keys that begin so
        """
        found: dict[str, bytes] = {}
        before, after = None, self._listed(prefix)
        while before != after:
            before = after
            # What is deleted meanwhile is missing in the next list, too.
            with suppress(self.s3.exceptions.NoSuchKey):
                found = {
                    key: self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in before
                }
            after = self._listed(prefix)
        return found

    def _listed(self, prefix: str) -> dict[str, Any]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {
            each["Key"]: (each["ETag"], each["LastModified"])
            for page in pages
            for each in page.get("Contents", ())
        }

    def hold(self, match: str) -> None:
        """Hold the next object back whose key has this in it.

        :param match: a part of a key
        """
        self._steer("POST", f"hold?match={match}")

    def held(self) -> int:
        """Return how many objects are held back."""
        return int(self._steer("GET", "held")["held"])

    def release(self, *, store: bool) -> None:
        """Let go what is held back.

        :param store: whether it is stored; else it is refused
        """
        self._steer("POST", f"release?store={'yes' if store else 'no'}")

    def freeze(self) -> None:
        """Stop it: connections are accepted, and nothing is answered."""
        os.kill(self._pid, signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        os.kill(self._pid, signal.SIGCONT)

    def refuse(self) -> None:
        """Refuse connections from now on."""
        self._steer("POST", "refuse")

    def accept(self) -> None:
        """Accept connections again."""
        self._steer("POST", "accept")

    def _steer(self, method: str, what: str) -> Any:
        request = urllib.request.Request(f"{self._desk}/-/{what}", method=method)  # noqa: S310 - our own server
        with urllib.request.urlopen(request, timeout=READY) as answer:  # noqa: S310 - our own server
            return json.load(answer)

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self._keys[0],
            aws_secret_access_key=self._keys[1],
            config=Config(s3={"addressing_style": "path"}),
        )
