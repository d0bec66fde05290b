# SPDX-License-Identifier: Apache-2.0
"""Where workers are killed: a simulated Twitch and a bucket, in processes of their own that outlive them."""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from sys import executable
from typing import Any

import boto3
from benchmarks.servers import SimulatedTwitch, simulated_twitch
from botocore.config import Config
from demo.children import Child
from demo.settings import REGION, Lake, Simulated, Twitch, airflow_environment, connection_variables
from tests.kills.bucket import CHECKER, QUIET
from tests.kills.checker import Facts, examine
from tests.kills.jobs import CERTAIN, Job, Moment, Outcome

BUCKET = "killed-lake"

#: A crawl of about 1 s: its longest language walk has some 11 pages.
WORLD = {"moving": True, "streams": 2_500, "latency": 60, "limit": 6_000}

_READY = 60.0
#: No try takes as long.
_MOST_SECONDS = 60.0
#: What a killed worker had sent is with the server by then.
_ARRIVED = 0.05
#: Every object is larger than this.
_PARTS = {"s3": {"transfer_config_args": {"multipart_threshold": 1024, "multipart_chunksize": 1024}}}


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
    _tries: int = field(default=0, init=False)
    _read: dict[tuple[str, str], Facts] = field(default_factory=dict, init=False)
    _processes: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        # Its children are forked from a process that has imported everything, as Airflow's own workers are.
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["tests.kills.stage", "tests.kills.worker"])

    def run(self, job: Job, moment: Moment | None = None) -> Outcome:
        """Have a worker try a run.

        :param job: what it shall do
        :param moment: when it is killed, if it still runs then
        """
        self._tries += 1
        temporary = self.folder / f"temporary-{self._tries}"
        temporary.mkdir()
        log = self.folder / f"worker-{self._tries}.log"
        ours, theirs = self._processes.Pipe(duplex=False)
        worker = self._processes.Process(target=_work, args=(job, theirs, temporary, log), daemon=True)
        with self._mishap(job.mishap):
            worker.start()
            theirs.close()
            try:
                outcome = _attend(worker, ours, moment)
            finally:
                # However we leave, by Ctrl-C too.
                worker.kill()
                worker.join()
                ours.close()
        self._wait_until_quiet()
        said = log.read_text(errors="replace").splitlines() if log.exists() else []
        return replace(
            outcome,
            left=sorted(path.name for path in temporary.iterdir()),
            warnings=[line for line in said if "warning" in line or "error" in line],
        )

    def look(self) -> dict[str, Facts]:
        """Read all that is in the bucket; what was read before and is the same is not read again."""
        found = {}
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for each in page.get("Contents", ()):
                key, version = each["Key"], each["ETag"]
                if (key, version) not in self._read:
                    body = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
                    self._read[key, version] = examine(key, body)
                found[key] = self._read[key, version]
        return found

    def uploads(self) -> set[str]:
        """Return the multipart uploads that nobody finished."""
        answer = self.s3.list_multipart_uploads(Bucket=BUCKET)
        return {f"{each['Key']} {each['UploadId']}" for each in answer.get("Uploads", ())}

    def asked(self) -> dict[str, int]:
        """Return what workers asked of the bucket, by method, and how many bodies broke off."""
        with urllib.request.urlopen(self.url + QUIET, timeout=_READY) as answer:  # noqa: S310 - our own server
            return dict(json.load(answer))

    def _wait_until_quiet(self) -> None:
        time.sleep(_ARRIVED)
        self.asked()

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
        yield Stage(folder, twitch, _client(lake), url)


def _environment(folder: Path, twitch: SimulatedTwitch, lake: Lake) -> dict[str, str]:
    """What a worker finds: an Airflow of its own, and the connections."""
    simulated = Twitch(twitch.client_id, twitch.client_secret, Simulated(twitch.url, ""))
    in_parts: Any = dict(lake.connection or {})
    in_parts["extra"] = {**in_parts["extra"], "service_config": _PARTS}
    return {
        **airflow_environment(folder, folder / "dags", lake, caller=os.environ),
        **connection_variables(simulated, lake),
        "AIRFLOW_CONN_AWS_PARTS": json.dumps(in_parts),
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
    return client


def _work(job: Job, tell: Connection, temporary: Path, log: Path) -> None:
    # Airflow is imported there and not here, where its settings come too late.
    from tests.kills.worker import work

    work(job, tell, temporary=temporary, log=log)


def _attend(worker: Any, ours: Connection, moment: Moment | None) -> Outcome:
    """Listen to a worker until it ends, and kill it when its moment has come."""
    times: list[tuple[str, float]] = []
    end: Mapping[str, Any] = {}
    deadline, killed = time.monotonic() + _MOST_SECONDS, False
    while True:
        if not killed and not ours.poll(max(0.0, deadline - time.monotonic())):
            if moment is None or not times:
                raise TimeoutError(f"a worker had not ended after {_MOST_SECONDS:.0f} s")
            # SIGKILL: nothing of the worker is asked.
            worker.kill()
            killed_at, killed = time.monotonic(), True
        try:
            word, value = ours.recv()
        except (EOFError, OSError):
            break
        if word in {"reference", "error"}:
            end = {word: value}
            continue
        times.append((word, value))
        if moment is not None and word == moment.since:
            deadline = value + moment.seconds
    ended_at = time.monotonic()
    worker.join()
    if killed and worker.exitcode == -9 and not end:
        return Outcome(True, times, killed_at)
    return Outcome(False, times, ended_at, **end)
