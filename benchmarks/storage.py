# SPDX-License-Identifier: Apache-2.0
"""The requests of a run to S3 and Secrets Manager, and its objects: the figures of an AWS bill.

``python -m benchmarks.storage RUNS`` runs each DAG, and prints the requests and objects of its last runs as
JSON. The environment configures moto's AWS and an Airflow; ``TWITCH_CONNECTION`` is the value of the secret.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any
from urllib.parse import unquote, urlsplit

from demo.children import Child

from benchmarks.report import Entry, Facts, Ratio
from benchmarks.servers import run_json, simulated_twitch

DAGS = Path(__file__).resolve().parent.parent / "dags"

#: The DAGs that write to the lake.
WRITERS = ("twitch_top_games", "twitch_all_streams")
BUCKET, PREFIX, SECRET = "a-lake", "twitch", "stack/connections/twitch_default"
BACKEND = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
#: One every five minutes.
RUNS_A_DAY = 288

#: How requests are billed. S3 has two prices, and a DELETE is free: https://aws.amazon.com/s3/pricing/
BILLED = {
    "PUT": ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"),
    "LIST": ("ListObjectsV2", "HeadBucket"),
    "GET": ("GetObject", "HeadObject"),
    "DELETE": ("DeleteObject",),
    "GetSecretValue": ("GetSecretValue",),
}


def measure(streams: int = 100_000, runs: int = 2) -> list[Entry]:
    """Run each DAG against a Twitch of a usual evening.

    :param streams: number of live streams
    :param runs: of each DAG that are counted, after a first one with an empty lake
    """
    with simulated_twitch(streams=streams, moving=True, limit=1_000_000) as twitch, amazon() as endpoint:
        env = {**deployment(endpoint), "TWITCH_CONNECTION": twitch.connection}
        found = run_json([sys.executable, "-W", "ignore", "-m", "benchmarks.storage", str(runs)], env)
    return entries(found, streams)


@contextmanager
def amazon() -> Iterator[str]:
    """Simulate S3 and Secrets Manager in their own process, to the end of the block; yield the address."""
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "moto.log"
        with Child("moto's server", command, env=dict(os.environ), log=log) as server:
            yield server.wait_for(r"Running on (http://127\.0\.0\.1:\d+)", timeout=60)[1]


def deployment(endpoint: str) -> dict[str, str]:
    """Return the environment of a deployment as in ``deploy/airflow-ec2.yaml``.

    :param endpoint: of moto's server
    """
    backend = {
        "connections_prefix": SECRET.rpartition("/")[0],
        "connections_lookup_pattern": "^twitch_",
        "variables_prefix": None,
        "config_prefix": None,
    }
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(backend),
        "AIRFLOW__TWITCH__BUCKET": BUCKET,
        "AIRFLOW__TWITCH__PREFIX": PREFIX,
    }


# --- counting --------------------------------------------------------------------------------------------


class RequestCounter:
    """Counts the requests of this process to AWS."""

    def __init__(self) -> None:
        #: By operation; each retry counts.
        self.requests: Counter[str] = Counter()
        #: Written keys.
        self.written: set[str] = set()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the requests of clients that are created in this block."""
        from botocore import handlers

        before = handlers.BUILTIN_HANDLERS
        handlers.BUILTIN_HANDLERS = [
            *before,
            ("before-send", self.record, handlers.REGISTER_FIRST),
            ("after-call.s3.GetObject", deny_missing),
        ]
        try:
            yield
        finally:
            handlers.BUILTIN_HANDLERS = before

    def record(self, request: Any, event_name: str, **_: Any) -> None:
        """Count a request that is about to be sent.

        :param request: as botocore prepared it
        :param event_name: such as ``before-send.s3.PutObject``
        """
        operation = event_name.rpartition(".")[2]
        self.requests[operation] += 1
        if operation in {"PutObject", "CompleteMultipartUpload"}:
            # The bucket is the first part of the path, or of the host.
            self.written.add(unquote(urlsplit(request.url).path).lstrip("/").removeprefix(f"{BUCKET}/"))

    def take(self) -> tuple[Counter[str], set[str]]:
        """Return the counts, and start again."""
        taken = self.requests, self.written
        self.requests, self.written = Counter(), set()
        return taken


def deny_missing(parsed: dict[str, Any], **_: Any) -> None:
    """Respond as S3 does under a policy that allows lists only below the prefix: a missing key is denied.

    moto ignores the policy's conditions; the store lists to find out, which is one more request.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html

    :param parsed: the response
    """
    if parsed.get("Error", {}).get("Code") == "NoSuchKey":
        parsed["Error"]["Code"] = "AccessDenied"
        parsed["ResponseMetadata"]["HTTPStatusCode"] = 403


def kind(key: str) -> str:
    """The kind of an object: a dataset, ``raw``, ``latest`` or ``manifests``.

    :param key: of the object
    """
    return key.removeprefix(f"{PREFIX}/").partition("/")[0]


# --- running ---------------------------------------------------------------------------------------------


def count(counter: RequestCounter, s3: Any, dag_id: str, runs: int, now: datetime) -> list[dict[str, Any]]:
    """Run a DAG, and return the requests and objects of each run but the first.

    :param counter: which counts meanwhile
    :param s3: a client that is not counted
    :param dag_id: one of :data:`WRITERS`
    :param runs: number of runs that are counted
    :param now: the current instant
    """
    from airflow.dag_processing.dagbag import DagBag

    dag = DagBag(DAGS / f"{dag_id}.py").get_dag(dag_id)
    for task in dag.tasks:
        task.retries = 0
    found = []
    for tick in ticks(runs + 1, now):
        run = dag.test(run_after=tick, logical_date=tick)
        if run.state != "success":
            raise RuntimeError(f"the run of {dag_id} ended as {run.state}")
        requests, written = counter.take()
        found.append({"requests": dict(requests), "objects": _sizes(s3, written)})
    return found[1:]


def ticks(number: int, now: datetime) -> list[datetime]:
    """Return ticks of one day: the first run of a day lists the day before, too.

    :param number: how many
    :param now: the current instant
    """
    first = now.replace(microsecond=0) - timedelta(seconds=number)
    first = max(first, now.replace(hour=0, minute=0, second=0, microsecond=0))
    return [first + timedelta(seconds=each) for each in range(number)]


def _sizes(s3: Any, written: set[str]) -> dict[str, tuple[int, int]]:
    """Number and bytes of the objects that were written, by kind."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    there = {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", ())}
    kinds = sorted({kind(key) for key in written})
    return {
        each: (len(sizes), sum(sizes))
        for each in kinds
        if (sizes := [there[key] for key in written if kind(key) == each])
    }


def main(arguments: Sequence[str]) -> None:
    """Count for each DAG, and print the result as JSON.

    :param arguments: how many runs of each
    """
    import boto3
    from airflow.utils import db

    db.initdb()
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=os.environ["TWITCH_CONNECTION"])
    # One counter for all: Airflow reuses the client of its secrets backend.
    counter, runs = RequestCounter(), int(arguments[0])
    with counter.counting():
        found = {dag_id: count(counter, s3, dag_id, runs, datetime.now(UTC)) for dag_id in WRITERS}
    print("\n" + json.dumps(found))


# --- results ---------------------------------------------------------------------------------------------


def entries(found: Mapping[str, Sequence[Mapping[str, Any]]], streams: int) -> list[Entry]:
    """Return the results as entries.

    :param found: results of :func:`count`, by DAG
    :param streams: number of live streams
    """
    requests = {dag_id: billed(runs) for dag_id, runs in found.items()}
    objects = {dag_id: left(runs) for dag_id, runs in found.items()}
    ratios = [
        Ratio(
            f"{dag_id}: requests at the price of a PUT",
            requests[dag_id]["PUT"] + requests[dag_id]["LIST"],
            sum(number for number, _ in objects[dag_id].values()),
            "objects written",
            "",
        )
        for dag_id in found
    ]
    requested: list[list[str | float | None]] = [
        [f"{dag_id}, {when}", *(number * times for number in requests[dag_id].values())]
        for dag_id in found
        for when, times in (("a run", 1), ("a day", RUNS_A_DAY))
    ]
    stored: list[list[str | float | None]] = [
        [dag_id, each, number, size / 1e6, size * RUNS_A_DAY / 1e6]
        for dag_id in found
        for each, (number, size) in objects[dag_id].items()
    ]
    return [
        *ratios,
        Facts(
            "Requests",
            ["DAG", *BILLED],
            requested,
            "Means of runs with a previous snapshot; the first of a day lists once more. GET includes HEAD, "
            "which costs the same; so do LIST and PUT, and DELETE is free.",
        ),
        Facts(
            "Bytes",
            ["DAG", "where", "objects a run", "MB a run", "MB a day"],
            stored,
            f"Of a simulated Twitch with {streams:,} live streams. Objects under `latest/` replace one "
            "another; in a bucket with versioning each version stays until a lifecycle rule deletes it.",
        ),
    ]


def billed(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The requests of a run, by price.

    :param runs: of one DAG
    :raises ValueError: an operation is not in :data:`BILLED`
    """
    names = {operation: name for name, operations in BILLED.items() for operation in operations}
    if unknown := {operation for run in runs for operation in run["requests"]} - set(names):
        raise ValueError(f"BILLED has no price for {', '.join(sorted(unknown))}")
    return {
        name: mean(sum(run["requests"].get(operation, 0) for operation in operations) for run in runs)
        for name, operations in BILLED.items()
    }


def left(runs: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Number and bytes of the objects of a run, by kind.

    :param runs: of one DAG
    """
    kinds = sorted({each for run in runs for each in run["objects"]})
    return {
        each: (
            mean(run["objects"].get(each, (0, 0))[0] for run in runs),
            mean(run["objects"].get(each, (0, 0))[1] for run in runs),
        )
        for each in kinds
    }


if __name__ == "__main__":
    main(sys.argv[1:])
