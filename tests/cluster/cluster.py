# SPDX-License-Identifier: Apache-2.0
"""Sets the whole cluster up: what it stands on, a simulated Twitch, and every service of the compose file."""

from __future__ import annotations

import json
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from sys import executable

from demo.services import random_key
from tests.cluster import compose
from tests.cluster.backing import Aws, Postgres, free_port, start_redis
from tests.cluster.channels import Channels
from tests.cluster.client import Client, GoneWrongError
from tests.cluster.compose import ROOT, Service
from tests.cluster.container import Container
from tests.cluster.native import Native, Ports, base_environment, wait_until
from tests.cluster.watching import Titles
from tests.leaks.search import Mark

from deploy import new_env
from twitch_provider.testing import Simulator

BUCKET = "cluster-lake"
#: As deploy/airflow-ec2.yaml has Airflow look for connections.
BACKEND = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
PREFIX = "cluster/connections"
BACKEND_KWARGS = {
    "connections_prefix": PREFIX,
    "connections_lookup_pattern": "^twitch_",
    "variables_prefix": None,
    "config_prefix": None,
}
#: Of the simulated Twitch: what both DAGs ask for at a tick is more than the rate limit's bucket holds.
STREAMS, LIMIT, LATENCY = 12_000, 150, 60.0
#: The services of the compose file that go on, in the order of their start.
ORDER = (
    "airflow-apiserver",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",
    "airflow-worker",
    "maintenance",
)

_READY = 240.0
#: How often a service may end while it starts.
_MOST_RESTARTS = 3


@dataclass
class Cluster:
    """What runs.

    :param folder: of everything that it writes
    :param marks: the secrets that may lie nowhere
    :param containers: the services' processes by name
    """

    folder: Path
    logs: Path
    twitch: Simulator
    channels: Channels
    aws: Aws
    postgres: Postgres
    native: Native
    client: Client
    services: dict[str, Service]
    marks: list[Mark]
    titles: Titles
    containers: dict[str, Container] = field(default_factory=dict)

    @property
    def workers(self) -> list[Container]:
        """Return those that carry tasks out: under the LocalExecutor the scheduler."""
        names = "airflow-worker" if "airflow-worker" in self.services else "airflow-scheduler"
        return [each for name, each in self.containers.items() if name.startswith(names)]

    def redis_command(self, *command: str) -> None:
        """Send a command to Redis.

        :param command: its words
        """
        env = {**base_environment(), "REDISCLI_AUTH": self.services["redis"].environment["REDIS_PASSWORD"]}
        client = ["redis-cli", "-p", str(self.native.ports.redis)]
        subprocess.run([*client, *command], env=env, check=True, capture_output=True)

    def is_well(self, name: str) -> bool:
        """Whether a container passes the health check of the file.

        :param name: of the container
        """
        service = self.services.get(name) or self.services[name.rpartition("-")[0]]
        return self.native.check(service, name)


def set_up(stack: ExitStack, executor: str) -> Cluster:
    """Start what everything stands on, and prepare the database as ``airflow-init`` does.

    :param stack: ends it
    :param executor: of Airflow
    :raises GoneWrongError: a part does not start
    """
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="airflow-provider-twitch-cluster-")))
    logs = folder / "containers"
    titles = stack.enter_context(Titles())
    env = _new_env(executor)
    services = compose.services(compose.load(), env)
    channels = Channels(STREAMS)
    twitch = stack.enter_context(
        Simulator(channels, limit=LIMIT, latency_ms=LATENCY, client_secret=random_key(30).lower())
    )
    keys = (random_key(20).upper(), random_key(40))
    aws = Aws(stack, BUCKET, logs, keys)
    aws.keep_secret(f"{PREFIX}/twitch_default", twitch.connection_json())
    postgres = Postgres(stack, services["postgres"], logs, base_environment())
    containers = {"postgres": postgres.container}
    ports = Ports(postgres.port, free_port())
    if "redis" in services:
        containers["redis"] = start_redis(
            stack, services["redis"], ports.redis, folder, logs, base_environment()
        )
    native = Native(folder, ports, (aws.url, *keys))
    log = logs / "airflow-init.log"
    if native.run_once(services["airflow-init"], log=log, timeout=_READY):
        raise GoneWrongError(f"airflow-init failed: {log.read_text(errors='replace')[-2000:]}")
    client = Client(f"http://127.0.0.1:{native.ports.api}", env["ADMIN_PASSWORD"])
    secrets = {
        "the client secret": twitch.client_secret,
        "AWS access key": keys[0],
        "AWS secret key": keys[1],
    }
    secrets |= {name: env[name] for name in new_env.SECRETS}
    marks = [Mark(name, value) for name, value in secrets.items()]
    return Cluster(
        folder, logs, twitch, channels, aws, postgres, native, client, services, marks, titles, containers
    )


def start(stack: ExitStack, cluster: Cluster) -> None:
    """Start the services in the file's order, and return when all are well by the file's health checks.

    :param stack: ends them
    :param cluster: where
    """
    for name in ORDER:
        service = cluster.services.get(name)
        if service is None:
            continue
        if name == "airflow-scheduler":
            _wait_for(cluster, cluster.containers["airflow-apiserver"])
        names = [name] if service.replicas == 1 else [f"{name}-{n + 1}" for n in range(service.replicas)]
        for each in names:
            cluster.containers[each] = cluster.native.container(stack, service, each, cluster.logs)
    for container in cluster.containers.values():
        _wait_for(cluster, container)
    cluster.client.log_in()


def _wait_for(cluster: Cluster, container: Container) -> None:
    def well() -> bool:
        if container.restarts() >= _MOST_RESTARTS:
            raise GoneWrongError(f"{container.name} ends again and again: {container.last_error()}")
        return cluster.is_well(container.name)

    wait_until(
        well,
        f"{container.name} is well by its health check",
        timeout=_READY,
        every=1.0,
    )


def _new_env(executor: str) -> dict[str, str]:
    """Return what ``deploy/new_env.py`` writes for this cluster."""
    settings = [
        f"EXECUTOR={executor}",
        f"TWITCH_BUCKET={BUCKET}",
        f"SECRETS_BACKEND={BACKEND}",
        f"SECRETS_BACKEND_KWARGS={json.dumps(BACKEND_KWARGS)}",
    ]
    command = [executable, str(ROOT / "deploy" / "new_env.py"), *settings]
    return compose.read_env(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
