# SPDX-License-Identifier: Apache-2.0
"""The cost of Airflow: parsing the DAG files, running the DAGs, and the sizes of their XComs.

``python -m benchmarks.airflow_cost RUNS`` runs each DAG and the same work without Airflow, and prints the
seconds and the sizes of the XComs as JSON. The environment configures a Twitch, a bucket and an Airflow.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from demo.services import new_keys, start_lake

from benchmarks.report import Entry, Facts, Ratio
from benchmarks.servers import run_json, simulated_twitch

DAGS = Path(__file__).resolve().parent.parent / "dags"

#: A DAG file that imports only ``airflow.sdk``.
ONLY_SDK = """\
from datetime import UTC, datetime, timedelta

from airflow.sdk import Asset, Param, dag, task


@dag(schedule="*/5 * * * *", start_date=datetime(2026, 1, 1, tzinfo=UTC), params={"games": Param(20)})
def only_sdk():
    @task(outlets=[Asset("only_sdk")], retry_delay=timedelta(seconds=20))
    def one() -> int:
        return 1

    one()


only_sdk()
"""


def measure(rounds: int = 15, runs: int = 5) -> list[Entry]:
    """Measure all three.

    :param rounds: how often each file is parsed
    :param runs: how often the DAG and its work are run
    """
    return [*parsing(rounds), *running(runs)]


# --- parsing ---------------------------------------------------------------------------------------------


def parsing(rounds: int) -> list[Entry]:
    """Parse each DAG file in new processes, in turns with the two files that it is compared with.

    :param rounds: how often
    """
    with tempfile.TemporaryDirectory() as folder:
        sdk, empty = Path(folder) / "only_sdk.py", Path(folder) / "empty.py"
        sdk.write_text(ONLY_SDK)
        empty.write_text("")
        files = sorted(DAGS.glob("*.py"))
        seconds = in_turns({path.name: _parse(path) for path in (*files, sdk, empty)}, rounds)
    ours, bare = {path.name: seconds[path.name] for path in files}, seconds["only_sdk.py"]
    against = [
        Ratio(f"parse {name}", taken, bare, "a DAG file that imports only `airflow.sdk`", goal=1.15)
        for name, taken in ours.items()
    ]
    nothing = seconds["empty.py"]
    return [
        *against,
        *(Ratio(f"parse {name}", taken, nothing, "an empty file") for name, taken in ours.items()),
    ]


def _parse(path: Path) -> Callable[[], float]:
    code = f"import runpy; runpy.run_path({str(path)!r})"

    def run() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True)
        return time.perf_counter() - started

    return run


def in_turns(runs: Mapping[str, Callable[[], float]], rounds: int, *, warm_up: int = 1) -> dict[str, float]:
    """Run each once in every round, and return the median of each.

    So a slow phase of the machine affects all of them; each round begins with another one.

    :param runs: functions that return the seconds they took, by name
    :param rounds: how often
    :param warm_up: rounds before them that are not counted
    """
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(warm_up + rounds):
        start = number % len(runs)
        for name in [*runs, *runs][start : start + len(runs)]:
            seconds = runs[name]()
            if number >= warm_up:
                taken[name].append(seconds)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


# --- running ---------------------------------------------------------------------------------------------


def running(runs: int) -> list[Entry]:
    """Run each DAG, in turns with the same calls without it, against a simulated Twitch and a local bucket.

    :param runs: how often
    """
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lake = start_lake(stack, place / "s3", place / "logs", new_keys(), {**os.environ, "S3_BUCKET": ""})
        twitch = stack.enter_context(simulated_twitch(limit=1_000_000))
        env = {
            "AIRFLOW_CONN_TWITCH_DEFAULT": twitch.connection,
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(lake.connection),
            "AIRFLOW__TWITCH__AWS_CONN_ID": "aws_default",
            "AIRFLOW__TWITCH__BUCKET": lake.bucket,
        }
        found = run_json([sys.executable, "-W", "ignore", "-m", "benchmarks.airflow_cost", str(runs)], env)
    return entries(found)


def entries(found: Mapping[str, Mapping[str, Any]]) -> list[Entry]:
    """Return the results as entries.

    :param found: results of :func:`compare`, by DAG
    """
    ratios = [
        Ratio(f"run {name}", each["dag"], each["plain"], "the same calls without Airflow")
        for name, each in found.items()
    ]
    rows = [[name, task, size] for name, each in found.items() for task, size in each["xcoms"].items()]
    return [*ratios, Facts("XCom", ["DAG", "task", "bytes"], rows)]


def compare(dag_id: str, runs: int, now: datetime, *, warm_up: int = 1) -> dict[str, Any]:
    """Run a DAG and its work in turns, in this process; the database is migrated.

    :param dag_id: one of :data:`WITHOUT_AIRFLOW`
    :param runs: how often
    :param now: the current instant
    :param warm_up: runs before them that are not counted
    :returns: median seconds of both, and the bytes of each task's XCom
    """
    from airflow.dag_processing.dagbag import DagBag

    dag = DagBag(DAGS / f"{dag_id}.py").get_dag(dag_id)
    for task in dag.tasks:
        task.retries = 0
    # New ticks that are recent enough to ask Twitch.
    count = 2 * (warm_up + runs)
    first = now.replace(microsecond=0) - timedelta(seconds=count)
    ticks = iter(first + timedelta(seconds=number) for number in range(count))

    def by_airflow() -> None:
        tick = next(ticks)
        run = dag.test(run_after=tick, logical_date=tick)
        if run.state != "success":
            raise RuntimeError(f"the run of {dag_id} ended as {run.state}")

    work_of = WITHOUT_AIRFLOW[dag_id]
    work = {"dag": _timed(by_airflow), "plain": _timed(lambda: work_of(next(ticks)))}
    seconds = in_turns(work, runs, warm_up=warm_up)
    return {**seconds, "xcoms": _xcoms(dag_id)}


def _timed(work: Callable[[], None]) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


def _context(dag_id: str, task_id: str, run_after: datetime) -> dict[str, Any]:
    """What a task's context has of its run."""
    dag_run = SimpleNamespace(dag_id=dag_id, run_id="plain", run_after=run_after, run_type="manual")
    return {"dag_run": dag_run, "ti": SimpleNamespace(task_id=task_id, map_index=-1)}


def top_games(run_after: datetime) -> None:
    """Do what the three tasks of ``twitch_top_games`` do, without tasks.

    :param run_after: the tick
    """
    from twitch_provider.config import LakeConfig
    from twitch_provider.pipelines import snapshot
    from twitch_provider.pipelines.run import Run
    from twitch_provider.pipelines.top_games import TopGames

    context = _context("twitch_top_games", "extract", run_after)
    run = Run.open(context, LakeConfig.resolve(prefix="plain"), interval=timedelta(minutes=5))
    extracted = snapshot.extract(run, TopGames())
    tables = snapshot.transform(run, TopGames(), extracted)
    snapshot.load(run, extracted, tables, latest=True)


def all_streams(run_after: datetime) -> None:
    """Do what the one task of ``twitch_all_streams`` does, without a task.

    :param run_after: the tick
    """
    from twitch_provider.config import LakeConfig
    from twitch_provider.hooks.twitch_async import TwitchAsyncHook
    from twitch_provider.lake.formats import Format
    from twitch_provider.pipelines.all_streams import ALL_STREAMS, CrawlOptions, publish
    from twitch_provider.pipelines.run import Run

    context = _context("twitch_all_streams", "crawl", run_after)
    run = Run.open(context, LakeConfig.resolve(prefix="plain"), interval=timedelta(minutes=5))
    publish(run, ALL_STREAMS, CrawlOptions(), TwitchAsyncHook(), Format("csv", "gzip"))


#: DAG -> its work.
WITHOUT_AIRFLOW = {"twitch_all_streams": all_streams, "twitch_top_games": top_games}


def _xcoms(dag_id: str) -> dict[str, int]:
    """The bytes of each task's return value in the database, the largest of all runs."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import String, cast, func, select

    size = func.max(func.length(cast(XComModel.value, String)))
    query = select(XComModel.task_id, size).group_by(XComModel.task_id)
    with create_session() as session:
        rows = session.execute(query.where(XComModel.key == "return_value", XComModel.dag_id == dag_id)).all()
    return {task: int(length) for task, length in rows}


def main(arguments: Sequence[str]) -> None:
    """Compare each DAG, and print the result as JSON.

    :param arguments: how often
    """
    from airflow.utils import db

    db.initdb()
    found = {dag_id: compare(dag_id, int(arguments[0]), datetime.now(UTC)) for dag_id in WITHOUT_AIRFLOW}
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
