# SPDX-License-Identifier: Apache-2.0
"""Where workers are frozen and killed: a simulated Twitch and a bucket, in processes that outlive them."""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import forkserver
from pathlib import Path
from sys import executable
from typing import Any

import boto3
from benchmarks.servers import SimulatedTwitch, simulated_twitch
from botocore.config import Config
from demo.children import Child
from demo.settings import REGION, Lake, Simulated, Twitch, airflow_environment, connection_variables
from tests.kills.bucket import CHECKER, SEEN
from tests.kills.checker import Facts, Version, examine
from tests.kills.jobs import CERTAIN, Job, Moment
from tests.kills.tries import Try

BUCKET = "killed-lake"

#: A crawl of about 1 s: its longest language walk has some 11 pages.
WORLD = {"moving": True, "streams": 2_500, "latency": 60, "limit": 6_000}

_READY = 60.0
#: What a frozen or killed worker had sent is with the server by then.
_ARRIVED = 0.3


@dataclass
class Stage:
    """The servers, and workers for them.

    :param folder: of logs and temporary files
    :param twitch: the simulator
    :param s3: a client of the bucket that does not wait
    :param url: of the bucket's server
    """

    folder: Path
    twitch: SimulatedTwitch
    s3: Any
    url: str
    _tries: list[Try] = field(default_factory=list, init=False)
    _read: dict[tuple[str, str], Facts] = field(default_factory=dict, init=False)
    _processes: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        # Its children are forked from a process that has imported everything, as Airflow's own workers are.
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["tests.kills.stage", "tests.kills.worker"])

    def begin(self, job: Job, found: Mapping[str, Facts]) -> Try:
        """Prepare a worker for a try.

        :param job: what it shall do
        :param found: the lake before it
        """
        log = self.folder / f"worker-{len(self._tries)}.log"
        ours, theirs = self._processes.Pipe(duplex=False)
        process = self._processes.Process(target=_work, args=(job, theirs, log), daemon=True)
        self._tries.append(Try(job, process, (ours, theirs), log, found))
        return self._tries[-1]

    def run(self, each: Try, moment: Moment | None = None) -> bool:
        """Let a try run, from its beginning or from where it is frozen; no other one runs meanwhile.

        :param each: the try
        :param moment: return then, if it still runs
        :returns: whether it still runs
        """
        with self._mishap(each.job.mishap):
            return each.run_until(moment)

    def end(self) -> None:
        """Kill every worker that is left: a frozen one would not end otherwise."""
        for each in self._tries:
            each.kill()

    def look(self) -> dict[str, list[Version]]:
        """Read all that is or was in the bucket by key, oldest first; nothing is read twice."""
        time.sleep(_ARRIVED)
        found: dict[str, list[tuple[str, Facts | None]]] = defaultdict(list)
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET):
            for each in page.get("Versions", ()):
                key, tag = each["Key"], each["ETag"]
                if (key, tag) not in self._read:
                    answer = self.s3.get_object(Bucket=BUCKET, Key=key, VersionId=each["VersionId"])
                    self._read[key, tag] = examine(key, answer["Body"].read())
                found[key].append((each["VersionId"], self._read[key, tag]))
            for each in page.get("DeleteMarkers", ()):
                found[each["Key"]].append((each["VersionId"], None))
        place = {version: number for number, version in enumerate(self._seen()["versions"])}
        return {
            key: sorted(Version(place[version], facts) for version, facts in versions)
            for key, versions in found.items()
        }

    def asked(self) -> dict[str, int]:
        """Return what workers asked of the bucket by method, half bodies and unmet conditions."""
        return dict(self._seen()["asked"])

    def _seen(self) -> Any:
        with urllib.request.urlopen(self.url + SEEN, timeout=_READY) as answer:  # noqa: S310 - our own server
            return json.load(answer)

    @contextmanager
    def _mishap(self, name: str) -> Iterator[None]:
        if name != CERTAIN:
            yield
            return
        self.twitch.fault(name, endpoint="streams", times=None, start=12)
        try:
            yield
        finally:
            request = urllib.request.Request(f"{self.twitch.url}/_simulator/faults", method="DELETE")  # noqa: S310
            urllib.request.urlopen(request, timeout=_READY).close()  # noqa: S310 - our own server


@contextmanager
def stage() -> Iterator[Stage]:
    """Set everything up, and end all of it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="airflow-provider-twitch-")))
        # Nothing else waits for its end.
        stack.callback(forkserver._forkserver._stop)  # type: ignore[attr-defined]
        command = [executable, "-m", "tests.kills.bucket"]
        server = stack.enter_context(Child("The S3 server", command, env=os.environ, log=folder / "s3.log"))
        twitch = stack.enter_context(simulated_twitch(**WORLD))
        url = json.loads(server.wait_for(r"^\{.*\}$", timeout=_READY)[0])["url"]
        lake = Lake(BUCKET, endpoint_url=url, access_key="A" * 20, secret_key="s" * 40)
        environment = _environment(folder, twitch, lake)
        for foreign in os.environ.keys() - environment.keys():
            del os.environ[foreign]
        os.environ.update(environment)
        made = Stage(folder, twitch, _client(lake), url)
        stack.callback(made.end)
        yield made


def _environment(folder: Path, twitch: SimulatedTwitch, lake: Lake) -> dict[str, str]:
    """What a worker finds: an Airflow of its own, and the connections."""
    simulated = Twitch(twitch.client_id, twitch.client_secret, Simulated(twitch.url, ""))
    return {
        **airflow_environment(folder, folder / "dags", lake, caller=os.environ),
        **connection_variables(simulated, lake),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _client(lake: Lake) -> Any:
    client = boto3.client(
        "s3",
        endpoint_url=lake.endpoint_url,
        region_name=REGION,
        aws_access_key_id=lake.access_key,
        aws_secret_access_key=lake.secret_key,
        config=Config(user_agent_extra=CHECKER, s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=BUCKET)
    # Nothing that lay there at any moment is forgotten.
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return client


def _work(job: Job, tell: Any, log: Path) -> None:
    # Airflow is imported there and not here, where its settings come too late.
    from tests.kills.worker import work

    work(job, tell, log)
