# SPDX-License-Identifier: Apache-2.0
"""The services of the compose file as processes of this machine, each where a container would be.

The environment is the file's own. What is replaced in it, and what is added, is in :meth:`Native.replaced`
and :meth:`Native.added`: where the others listen, where files lie, and where AWS is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from sys import executable
from typing import TypeVar

from demo.children import ROOT, Child
from tests.cluster.backing import free_port
from tests.cluster.client import GoneWrongError
from tests.cluster.compose import Service
from tests.cluster.container import Container

T = TypeVar("T")

BIN = Path(executable).parent
#: Of the image, below ``$AIRFLOW_HOME/config``.
SETTINGS = ("airflow_local_settings.py",)


@dataclass(frozen=True)
class Ports:
    """Where things listen on loopback."""

    postgres: int
    redis: int
    api: int = field(default_factory=free_port)
    health: int = field(default_factory=free_port)


@dataclass
class Native:
    """Makes the processes.

    :param folder: stands for the file system of all containers
    :param ports: where things listen
    :param aws: the address of AWS and the two parts of the access key, in place of the metadata service
    """

    folder: Path
    ports: Ports
    aws: tuple[str, str, str] = field(repr=False)

    def __post_init__(self) -> None:
        # The volumes and what the image holds, with the modes that its Dockerfile gives.
        self.home = self.folder / "airflow"
        (self.home / "logs").mkdir(parents=True)
        (self.home / "twitch_tokens").mkdir(mode=0o700)
        (self.home / "dags").symlink_to(ROOT / "dags")
        (self.home / "config").mkdir()
        for name in SETTINGS:
            shutil.copy(ROOT / "deploy" / name, self.home / "config")

    def replaced(self) -> dict[str, str]:
        """Return what stands for what in values, health checks and scripts of the file."""
        return {
            "postgres:5432": f"127.0.0.1:{self.ports.postgres}",
            "redis:6379": f"127.0.0.1:{self.ports.redis}",
            "airflow-apiserver:8080": f"127.0.0.1:{self.ports.api}",
            "localhost:8080": f"127.0.0.1:{self.ports.api}",
            "localhost:8974": f"127.0.0.1:{self.ports.health}",
            "redis-cli": f"redis-cli -p {self.ports.redis}",
            "/tmp/": f"{self.folder}/",  # noqa: S108 - of the container
        }

    def added(self, name: str) -> dict[str, str]:
        """Return what a process gets beside the file's environment.

        :param name: of its container
        """
        url, key, secret = self.aws
        return {
            **base_environment(),
            "AIRFLOW_HOME": str(self.home),
            # Each container has one of its own, made at random: what has to be shared is in the file.
            "AIRFLOW_CONFIG": str(self.folder / f"{name}.cfg"),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.ports.api),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.ports.health),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
            "HOSTNAME": name,
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def environment(self, service: Service, name: str) -> dict[str, str]:
        """Return the whole environment of a process.

        :param service: which
        :param name: of its container
        """
        return {key: self.here(value) for key, value in service.environment.items()} | self.added(name)

    def here(self, text: str) -> str:
        """Return a text of the file as it is true here.

        :param text: a value, a health check, a script
        """
        for there, here in self.replaced().items():
            text = text.replace(there, here)
        return text

    def command(self, service: Service, name: str) -> list[str]:
        """Return the command of a process: a shell, or an argument of ``airflow``, as in the image.

        :param service: which
        :param name: of its container
        """
        if service.command[0] == "bash":
            return [self.here(part) for part in service.command]
        command = [str(BIN / "airflow"), *service.command]
        if service.command == ("celery", "worker"):
            # A container's host name does this by itself.
            command += ["--celery-hostname", f"celery@{name}"]
        return command

    def run_once(self, service: Service, *arguments: str, log: Path, timeout: float) -> int:
        """Run a service that ends, and return its exit code.

        :param service: which
        :param arguments: more of its command
        :param log: where it writes
        :param timeout: seconds
        """
        command = [*self.command(service, service.name), *arguments]
        with Child(service.name, command, env=self.environment(service, service.name), log=log) as child:
            return child.wait(timeout)

    def container(self, stack: ExitStack, service: Service, name: str, logs: Path) -> Container:
        """Start a service, and start it anew whenever it ends.

        :param stack: ends it
        :param service: which
        :param name: of the container
        :param logs: where its output goes
        """
        return Container(stack, name, self.command(service, name), self.environment(service, name), logs)

    def check(self, service: Service, name: str) -> bool:
        """Carry out the health check of the file.

        :param service: which
        :param name: of its container
        """
        kind, *test = (self.here(part) for part in service.raw["healthcheck"]["test"])
        command = ["sh", "-c", *test] if kind == "CMD-SHELL" else test
        env = self.environment(service, name) | {"PGPORT": str(self.ports.postgres)}
        timeout = float(str(service.raw["healthcheck"]["timeout"]).removesuffix("s"))
        try:
            done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=timeout)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def base_environment() -> Mapping[str, str]:
    """Return what every process of the cluster needs of this machine, and nothing of the caller's Airflow."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    hosts = "127.0.0.1,localhost"
    return {**kept, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "no_proxy": hosts, "NO_PROXY": hosts}


def wait_until(condition: Callable[[], T | None], what: str, *, timeout: float, every: float = 0.5) -> T:
    """Return what a condition returns as soon as that is true.

    :param condition: called again and again
    :param what: is waited for, for the error
    :param timeout: seconds
    :param every: seconds between two calls
    :raises GoneWrongError: the time is over
    """
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise GoneWrongError(f"After {timeout:.0f} s still not: {what}.")
        time.sleep(every)
    return found
