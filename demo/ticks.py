# SPDX-License-Identifier: Apache-2.0
"""Run the DAG once for each tick, in a throw-away Airflow.

``python -m demo.ticks EVENTS_FD ADVANCE_URL TICK…`` is a process of its own, with the environment that
:mod:`demo.settings` made. What happens is told as JSON lines through a pipe; everything that Airflow prints
goes to the log.
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

Tell = Callable[..., None]


class Reporter:
    """An Airflow listener that tells what the tasks do."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """Tell that a task began."""
        self.tell(step=task_instance.task_id, state="running")

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        """Tell that a task is done."""
        self.tell(step=task_instance.task_id, state="success")

    @hookimpl
    def on_task_instance_skipped(self, task_instance: Any) -> None:
        """Tell that a task had nothing to do."""
        self.tell(step=task_instance.task_id, state="skipped")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: object) -> None:
        """Tell why a task failed."""
        self.tell(step=task_instance.task_id, state="failed", error=sentence(error))


def sentence(error: object) -> str:
    """Return an error as one line for a person: our own errors are sentences, others need their name."""
    if isinstance(error, AirflowFailException) and isinstance(error.__cause__, TwitchError):
        error = error.__cause__
    text = " ".join(str(error).split())
    ours = isinstance(error, TwitchError | AirflowFailException | DemoError)
    return text if ours else f"{type(error).__name__}: {text}"


def run(tell: Tell, advance_url: str, ticks: list[datetime]) -> None:
    """Migrate the database and run the DAG for each tick; the world moves on between two ticks.

    :param advance_url: the simulator's control that moves its clock; empty: time passes by itself
    """
    tell(step="database", state="running")
    db.initdb()
    tell(step="database", state="success")
    dag = load_dag()
    listeners: Any = get_listener_manager()
    listeners.add_listener(Reporter(tell))
    for number, tick in enumerate(ticks):
        if number and advance_url:
            advance(advance_url, INTERVAL.total_seconds())
        tell(tick=tick.isoformat())
        run = dag.test(run_after=tick, logical_date=None)
        if run.state != "success":
            raise DemoError(f"The run of {tick:%H:%M} UTC ended as {run.state}.")


def load_dag() -> DAG:
    """Return the DAG as its file declares it, but without second tries.

    A person is watching: ``dag.test`` would sit through every delay between tries.
    """
    bag = DagBag()
    if bag.import_errors:
        raise DemoError(next(iter(bag.import_errors.values())).strip().splitlines()[-1])
    dag = bag.dags[DAG_ID]
    for task in dag.tasks:
        task.retries = 0
    return dag


def advance(url: str, seconds: float) -> None:
    """Move the simulator's clock."""
    body = json.dumps({"seconds": seconds}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - our own server
        pass


def main(arguments: list[str]) -> int:
    """Run the ticks; tell whatever goes wrong outside a task, too."""
    descriptor, advance_url, *ticks = arguments
    with os.fdopen(int(descriptor), "w", buffering=1) as events:

        def tell(**event: str) -> None:
            events.write(json.dumps(event) + "\n")

        tell(step="airflow", state="success")
        try:
            run(tell, advance_url, [datetime.fromisoformat(tick) for tick in ticks])
        except Exception as error:
            # The log has the traceback, the person the sentence.
            traceback.print_exc()
            tell(error=sentence(error))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
