# SPDX-License-Identifier: Apache-2.0
"""Say whether Airflow is well on this machine: ``sudo python3 /opt/airflow-provider-twitch/status.py``.

Well means: every container of ``compose.yaml`` is healthy and of the image in ``.env``, the last finished run
of each unpaused DAG was a success, and no disk is nearly full. One line for each; the last line is
``status: well`` or ``status: not well``. It needs Docker and Python 3.11 or newer, and ``--publish`` boto3.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

#: With ``compose.yaml`` and ``.env``, on the volume with the data.
FOLDER = Path(__file__).resolve().parent
#: Of the containers that Compose starts, the one that begins runs.
SCHEDULER = "airflow-scheduler"
#: The one that ends when the database is ready.
INIT = "airflow-init"
#: A disk with less room than that is a problem, in percent. The template's alarms are earlier.
FULL = 92
#: A run that is due by then is waited for.
SOON = timedelta(minutes=15)
NAMESPACE = "AirflowTwitch"
#: Where the user data and ``start.sh`` leave why the last start failed.
FAILURE = Path("/run/airflow-provider-twitch.error")

#: Each unpaused DAG of ours with its last finished run that started after an instant, if there is one.
QUERY = """
SELECT dag_id, state, start_date, next_due FROM (
    SELECT d.dag_id, r.state, r.start_date, d.next_dagrun_create_after AS next_due,
           ROW_NUMBER() OVER (PARTITION BY d.dag_id ORDER BY r.start_date DESC) AS place
    FROM dag d LEFT JOIN dag_run r
        ON r.dag_id = d.dag_id AND r.state IN ('success', 'failed') AND r.start_date >= '{since}'
    WHERE NOT d.is_paused AND NOT d.is_stale AND d.dag_id LIKE 'twitch!_%' ESCAPE '!'
) AS runs WHERE place = 1 ORDER BY dag_id
"""


class FailedError(Exception):
    """A command failed; the message is its last line."""


@dataclass(frozen=True)
class Container:
    """A container as the engine describes it.

    :param state: such as ``running`` or ``exited``
    :param health: ``healthy``, ``unhealthy``, ``starting``, or empty without a health check
    """

    service: str
    image: str
    state: str
    health: str
    exit_code: int
    created: datetime


@dataclass(frozen=True)
class Dag:
    """An unpaused DAG.

    :param state: of its last finished run; None without one
    :param due: when its next run is to begin, if it has a schedule
    """

    dag_id: str
    state: str | None
    began: datetime | None
    due: datetime | None


@dataclass(frozen=True)
class Status:
    """What was found.

    :param good: in sentences
    :param problems: in sentences; none if it is well
    :param used: percent of each disk by its name
    """

    good: Sequence[str]
    problems: Sequence[str]
    used: Mapping[str, float]


def read_images(text: str) -> dict[str, str]:
    """Return the image of each service.

    :param text: from ``docker compose config --format json``
    """
    return {name: service["image"] for name, service in json.loads(text)["services"].items()}


def read_containers(text: str) -> list[Container]:
    """Return the containers.

    :param text: from ``docker inspect``
    """
    return [
        Container(
            each["Config"]["Labels"]["com.docker.compose.service"],
            each["Config"]["Image"],
            each["State"]["Status"],
            each["State"].get("Health", {}).get("Status", ""),
            each["State"]["ExitCode"],
            # Nanoseconds, which datetime does not read.
            datetime.fromisoformat(f"{each['Created'][:19]}+00:00"),
        )
        for each in json.loads(text)
    ]


def read_dags(text: str) -> list[Dag]:
    """Return the DAGs.

    :param text: what psql prints for :data:`QUERY`, a row a line, with ``|`` between the columns
    """
    rows = [line.split("|") for line in text.splitlines() if line]
    return [Dag(dag_id, state or None, _instant(began), _instant(due)) for dag_id, state, began, due in rows]


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def check_containers(
    images: Mapping[str, str], containers: Sequence[Container], last_error: Callable[[str], str]
) -> Iterator[str]:
    """Yield what is wrong with the containers.

    :param images: of each service that should run
    :param containers: that are there
    :param last_error: returns the last error in a service's log; empty without one
    """
    # First what stopped with an error: other services may only wait for it.
    failed = {each.service for each in containers if each.exit_code and each.state == "exited"}
    for service, image in sorted(images.items(), key=lambda each: each[0] not in failed):
        found = [each for each in containers if each.service == service]
        if not found:
            yield f"{service} has no container"
        for each in found:
            # Others that were stopped end with 0, too.
            ended = service == INIT and each.state == "exited" and each.exit_code == 0
            well = ended or (each.state == "running" and each.health == "healthy")
            if each.image != image:
                yield f"{service} runs {each.image}, not {image}"
            elif not well:
                how = f"is {each.health or each.state}"
                if each.state == "exited":
                    how = f"exited with {each.exit_code}"
                reason = last_error(service)
                yield f"{service} {how}{reason and f': {reason}'}"


def check_runs(dags: Sequence[Dag], since: datetime | None, now: datetime) -> Iterator[str]:
    """Yield what is wrong with the runs.

    :param dags: that are unpaused
    :param since: only runs that started after it count, and there must be one unless none is due soon
    :param now: the time
    """
    for dag in dags:
        if dag.state == "failed" and dag.began:
            yield f"the last run of {dag.dag_id} failed, which began at {dag.began:%Y-%m-%d %H:%M:%S} UTC"
    due = any(dag.due and dag.due < now + SOON for dag in dags)
    if since and due and not any(dag.state for dag in dags):
        yield f"no run that began after {since:%Y-%m-%d %H:%M:%S} UTC has ended yet"


def check_disks(used: Mapping[str, float]) -> Iterator[str]:
    """Yield which disks are nearly full.

    :param used: percent of each disk by its name
    """
    for name, percent in used.items():
        if percent >= FULL:
            how = (
                "make room, or raise DataGigabytes"
                if name == "data"
                else "docker system df shows what takes the room"
            )
            yield f"{percent:.0f} % of the {name} volume are used: {how}"


def percent_used(path: Path) -> float:
    """Return how full a disk is, as ``df`` does: what only root may use does not count as free.

    :param path: on the disk
    """
    usage = shutil.disk_usage(path)
    return 100 * usage.used / (usage.used + usage.free)


def run(command: Sequence[str]) -> str:
    """Return the output of a command in the project's folder.

    :param command: its arguments
    :raises FailedError: it failed
    """
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FailedError(str(error)) from error
    if done.returncode:
        raise FailedError((done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1])
    return done.stdout


def look(
    image: str | None,
    since: str | None,
    now: datetime,
    run: Callable[[Sequence[str]], str] = run,
    used: Mapping[str, float] | None = None,
    failure: Path = FAILURE,
) -> Status:
    """Return what is found on the machine.

    :param image: that ``.env`` must have; None for any
    :param since: only runs that started then or later count: seconds since 1970, or ``start`` for when the
        containers started; None for all
    :param now: the time
    :param run: returns the output of a command
    :param used: percent of each disk by its name; None to look
    :param failure: the file with why the last start failed, if it did
    """
    if used is None:
        used = {"root": percent_used(Path("/")), "data": percent_used(FOLDER)}
    good = [f"{percent:.0f} % of the {name} volume are used" for name, percent in used.items()]
    problems = [*check_disks(used)]
    if failure.exists():
        problems.append(f"the last start failed: {failure.read_text().strip()}")

    def last_error(service: str) -> str:
        try:
            text = run(
                ["docker", "compose", "logs", "--no-log-prefix", "--no-color", "--tail", "100", service]
            )
        except FailedError:
            return ""
        errors = [line for line in text.splitlines() if line.startswith("error: ")]
        return errors[-1].removeprefix("error: ") if errors else ""

    try:
        images = read_images(run(["docker", "compose", "config", "--format", "json"]))
        if image not in {None, images[SCHEDULER]}:
            problems.append(f".env has the image {images[SCHEDULER]}, not {image}")
        ids = run(["docker", "compose", "ps", "--all", "--quiet"]).split()
        containers = read_containers(run(["docker", "inspect", *ids])) if ids else []
        wrong = [*check_containers(images, containers, last_error)]
        problems += wrong
        if not wrong:
            good.append(f"{len(containers)} containers are healthy, Airflow's of {images[SCHEDULER]}")
            instant = _since(since, containers)
            text = QUERY.format(since=f"{instant or datetime.fromtimestamp(0, UTC):%Y-%m-%d %H:%M:%S+00:00}")
            psql = ["psql", "--username=airflow", "--dbname=airflow", "--no-align", "--tuples-only"]
            ask = ["docker", "compose", "exec", "-T", "--env", "PGTZ=UTC", "postgres", *psql]
            dags = read_dags(run([*ask, "--field-separator=|", f"--command={text}"]))
            problems += check_runs(dags, instant, now)
            good += describe(dags)
    except FailedError as error:
        problems.append(str(error))
    return Status(good, problems, used)


def _since(given: str | None, containers: Sequence[Container]) -> datetime | None:
    if given == "start":
        return max(each.created for each in containers if each.service == SCHEDULER)
    return datetime.fromtimestamp(float(given), UTC) if given else None


def describe(dags: Sequence[Dag]) -> Iterator[str]:
    """Yield a line for each DAG whose last run is a success or that has none yet.

    :param dags: that are unpaused
    """
    if not dags:
        yield "every DAG is paused"
    for dag in dags:
        if dag.state == "success" and dag.began:
            yield f"{dag.dag_id}: success, began at {dag.began:%Y-%m-%d %H:%M:%S} UTC"
        elif not dag.state:
            due = f", the next is due at {dag.due:%Y-%m-%d %H:%M:%S} UTC" if dag.due else ""
            yield f"{dag.dag_id}: no finished run to look at{due}"


def metrics(stack: str, status: Status) -> list[dict[str, object]]:
    """Return what CloudWatch gets.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html

    :param stack: the name of the stack, whose alarms read it
    :param status: of the machine
    """
    dimension = {"Name": "Stack", "Value": stack}
    healthy = {"MetricName": "Healthy", "Dimensions": [dimension], "Value": float(not status.problems)}
    disks = [
        {
            "MetricName": "DiskUsedPercent",
            "Dimensions": [dimension, {"Name": "Volume", "Value": name}],
            "Value": round(percent, 1),
            "Unit": "Percent",
        }
        for name, percent in status.used.items()
    ]
    return [healthy, *disks]


def publish(region: str, data: Sequence[Mapping[str, object]]) -> None:
    """Send metrics to CloudWatch with the machine's role.

    :param region: of the stack
    :param data: the metrics
    """
    # Ubuntu's package python3-boto3: the rest of this file must run without it.
    import boto3

    boto3.client("cloudwatch", region_name=region).put_metric_data(Namespace=NAMESPACE, MetricData=[*data])


def setting(env: str, name: str) -> str:
    """Return a setting of an ``.env``; empty if it is not there.

    :param env: the text of the file
    :param name: of the setting
    """
    found = [line.partition("=")[2] for line in env.splitlines() if line.startswith(f"{name}=")]
    return found[-1].strip("'") if found else ""


def main(
    arguments: Sequence[str] | None = None,
    look: Callable[[str | None, str | None, datetime], Status] = look,
    publish: Callable[[str, Sequence[Mapping[str, object]]], None] = publish,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Print the status; return 0 if it is well, else 1.

    :param arguments: of the command
    :param look: returns the status
    :param publish: sends metrics
    :param clock: returns the time
    :param sleep: waits
    """
    parser = argparse.ArgumentParser(prog="status.py", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="until it is well, at most")
    parser.add_argument("--image", help="that .env must have, as after an update")
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="only runs that began then or later count, in seconds since 1970; 'start' for the containers'"
        " start. If one is due soon, one must have ended",
    )
    parser.add_argument(
        "--publish",
        metavar="STACK",
        help="send the status to CloudWatch, unless the name or TWITCH_SNS_TOPIC in .env is empty:"
        " without a topic, the stack has no alarms",
    )
    options = parser.parse_args(arguments)
    deadline = clock() + options.wait
    while (status := look(options.image, options.since, datetime.fromtimestamp(clock(), UTC))).problems:
        if clock() >= deadline:
            break
        sleep(10)
    lines = [f"ok: {line}" for line in status.good] + [f"error: {line}" for line in status.problems]
    env = (FOLDER / ".env").read_text() if options.publish else ""
    if setting(env, "TWITCH_SNS_TOPIC"):
        try:
            publish(setting(env, "AWS_REGION"), metrics(options.publish, status))
        except Exception as error:
            # Of any kind. The alarm notices that nothing came.
            lines.append(f"CloudWatch did not get it: {error}")
    print(*lines, f"status: {'not well' if status.problems else 'well'}", sep="\n")
    return 1 if status.problems else 0


if __name__ == "__main__":
    sys.exit(main())
