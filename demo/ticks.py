# SPDX-License-Identifier: Apache-2.0
"""Run the DAG once for each tick, in a temporary Airflow, then play an hour.

``python -m demo.ticks EVENTS_FD ADVANCE_URL HOUR TICK…`` runs with the environment of :mod:`demo.settings`.
It reports its progress as JSON lines through a pipe; everything that Airflow prints goes to the log.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import urllib.request
from collections.abc import Callable
from datetime import datetime
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.exceptions import AirflowFailException
from airflow.listeners import hookimpl
from airflow.sdk import DAG
from airflow.sdk.listener import get_listener_manager
from airflow.utils import db

from demo.errors import DemoError
from demo.settings import DAG_ID, INTERVAL
from twitch_provider.exceptions import TwitchError

Report = Callable[..., None]


class Reporter:
    """An Airflow listener that reports the states of tasks."""

    def __init__(self, report: Report) -> None:
        self.report = report

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """Report that a task started."""
        self.report(step=task_instance.task_id, state="running")

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        """Report that a task succeeded."""
        self.report(step=task_instance.task_id, state="success")

    @hookimpl
    def on_task_instance_skipped(self, task_instance: Any) -> None:
        """Report that a task was skipped."""
        self.report(step=task_instance.task_id, state="skipped")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: object) -> None:
        """Report why a task failed."""
        self.report(step=task_instance.task_id, state="failed", error=sentence(error))


def sentence(error: object) -> str:
    """Return an error as one line; errors that are not our own with their class."""
    if isinstance(error, AirflowFailException) and isinstance(error.__cause__, TwitchError):
        error = error.__cause__
    text = " ".join(str(error).split())
    ours = isinstance(error, TwitchError | AirflowFailException | DemoError)
    return text if ours else f"{type(error).__name__}: {text}"


def run(report: Report, advance_url: str, ticks: list[datetime]) -> None:
    """Migrate the database and run the DAG for each tick; the simulated time moves on between two ticks.

    :param advance_url: the simulator's control that moves its time forward; "" for none
    """
    report(step="database", state="running")
    db.initdb()
    report(step="database", state="success")
    dag = load_dag()
    listeners: Any = get_listener_manager()
    listeners.add_listener(Reporter(report))
    for number, tick in enumerate(ticks):
        if number and advance_url:
            advance(advance_url, INTERVAL.total_seconds())
        report(tick=tick.isoformat())
        run = dag.test(run_after=tick, logical_date=None)
        if run.state != "success":
            raise DemoError(f"The run of {tick:%H:%M} UTC ended as {run.state}.")


def play(report: Report, hour: datetime) -> None:
    """Publish the snapshots of an hour that is played, the metrics of its day, and a report.

    :param hour: its beginning (aware)
    """
    from demo import played
    from twitch_provider.aws.store import S3Store

    store = S3Store(os.environ["AIRFLOW__TWITCH__BUCKET"], "aws_default")
    report(hour=hour.isoformat())
    report(step="play", state="running")
    played.play(store, hour)
    report(step="play", state="success")
    report(step="metrics", state="running")
    played.compute(store, hour)
    report(step="metrics", state="success")
    report(step="report", state="running")
    played.write_report(store, hour)
    report(step="report", state="success")


def load_dag() -> DAG:
    """Return the DAG without retries: ``dag.test`` would wait for the delay before each."""
    bag = DagBag()
    if bag.import_errors:
        raise DemoError(next(iter(bag.import_errors.values())).strip().splitlines()[-1])
    dag = bag.dags[DAG_ID]
    for task in dag.tasks:
        task.retries = 0
    return dag


def advance(url: str, seconds: float) -> None:
    """Move the simulator's time forward."""
    body = json.dumps({"seconds": seconds}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - our own server
        pass


def main(arguments: list[str]) -> int:
    """Run the ticks, and play the hour; report errors outside of tasks, too."""
    descriptor, advance_url, hour, *ticks = arguments
    with os.fdopen(int(descriptor), "w", buffering=1) as events:

        def report(**event: str) -> None:
            events.write(json.dumps(event) + "\n")

        report(step="airflow", state="success")
        try:
            run(report, advance_url, [datetime.fromisoformat(tick) for tick in ticks])
            if hour:
                play(report, datetime.fromisoformat(hour))
        except Exception as error:
            # The traceback goes to the log, the sentence to the terminal.
            traceback.print_exc()
            report(error=sentence(error))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
