# SPDX-License-Identifier: Apache-2.0
"""Runs of the DAGs: begun, watched, and looked at when they have ended."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from tests.cluster.client import DONE
from tests.cluster.cluster import Cluster
from tests.cluster.container import Container
from tests.cluster.native import wait_until
from tests.cluster.truth import find_lies, manifests

TOP, ALL = "twitch_top_games", "twitch_all_streams"
#: Waits for channels in the triggerer.
ALERT = "twitch_live_alert"
METRICS, NOTIFY, DAILY = "twitch_metrics", "twitch_alert_notify", "twitch_daily"
INTERVAL = 300.0

#: No run takes longer, a kill and its second try included. Redis may give a frozen worker the next task, too,
#: which Airflow queues again after two minutes.
LONGEST = 420.0
#: Runs of our own keep as far from a tick.
_CALM = 25.0


@dataclass
class Runs:
    """The runs of both DAGs.

    :param cluster: with all services up
    :param faults: what was found wrong, in sentences; more is added
    :param excused: spans of Unix time in which a run may fail, since what it needs was away
    """

    cluster: Cluster
    faults: list[str]
    excused: list[tuple[float, float]] = field(default_factory=list)
    _workers_of: dict[tuple[str, int], str] = field(default_factory=dict)

    def begin(self, *dag_ids: str) -> dict[str, str]:
        """Start a run of each DAG by the API, and return their names.

        No other run is open then, and no tick near.

        :param dag_ids: of the DAGs
        """
        left = INTERVAL - time.time() % INTERVAL
        if left < _CALM:
            time.sleep(left + 1)
        for dag_id in (TOP, ALL):
            wait_until(partial(self._is_idle, dag_id), f"{dag_id} is idle", timeout=LONGEST)
        return {dag_id: self.cluster.client.trigger(dag_id) for dag_id in dag_ids}

    def end(self, dag_id: str, run_id: str, *, within: float = LONGEST) -> dict[str, Any]:
        """Wait for a run's end, and return it.

        :param dag_id: of the DAG
        :param run_id: of the run
        :param within: seconds
        """
        return wait_until(
            partial(self._ended, dag_id, run_id), f"{dag_id} {run_id} has ended", timeout=within, every=1.0
        )

    def finish(self, dag_id: str, run_id: str, *, within: float = LONGEST) -> dict[str, Any]:
        """Wait for a run's end, which must be a success with a true manifest, and return it.

        :param dag_id: of the DAG
        :param run_id: of the run
        :param within: seconds
        """
        run = self.end(dag_id, run_id, within=within)
        if run["state"] != "success":
            self.faults.append(f"{dag_id} {run_id} ended as {run['state']}")
        bodies = self.cluster.aws.objects("twitch/")
        self.faults += [f"after {dag_id} {run_id}: {lie}" for lie in find_lies(bodies)]
        manifest = manifests(bodies, dag_id).get(run_id)
        if manifest is None:
            self.faults.append(f"{dag_id} {run_id} left no manifest")
        elif not manifest["complete"]:
            self.faults.append(f"{dag_id} {run_id} is not complete: {manifest['crawl']}")
        return run

    def heal(self, dag_id: str, run_id: str, since: float, *, within: float = LONGEST) -> None:
        """Wait for a run's end after something has happened to it, and say how long that took.

        :param dag_id: of the DAG
        :param run_id: of the run
        :param since: Unix time
        :param within: seconds
        """
        run = self.finish(dag_id, run_id, within=within)
        took = instant(run["end_date"]) - since
        retried = "".join(
            f", {task['task_id']} again after {instant(task['start_date']) - since:.0f} s"
            for task in self.cluster.client.tasks(dag_id, run_id).values()
            if task["try_number"] > 1 and task["start_date"]
        )
        when = f"{took:.0f} s after that" if took > 0 else "before that"
        print(f"   {dag_id}: {run['state']} {when}{retried}", flush=True)

    def of_tick(self, dag_id: str, tick: float) -> str:
        """Return the name of the run of a tick; empty if it does not exist yet.

        :param dag_id: of the DAG
        :param tick: Unix time
        """
        found = (run for run in self.cluster.client.runs(dag_id) if instant(run["run_after"]) == tick)
        return str(next(found, {"dag_run_id": ""})["dag_run_id"])

    def running(self, dag_id: str, run_id: str) -> bool:
        """Whether a task of a run runs now.

        :param dag_id: of the DAG
        :param run_id: of the run
        """
        return any(task["state"] == "running" for task in self.cluster.client.tasks(dag_id, run_id).values())

    def worker_of(self, task: dict[str, Any]) -> Container | None:
        """Return the worker with a process for a task.

        :param task: as the API has it
        """
        return next((each for each in self.cluster.workers if each.has(task["id"])), None)

    def watched(self) -> int:
        """Return how many of the last requests to Twitch were the triggerer's."""
        return sum("user_login=" in each.query for each in self.cluster.twitch.log)

    def ended_since(self, dag_id: str, since: float) -> bool:
        """Whether a run that began later than an instant has ended.

        :param dag_id: of the DAG
        :param since: Unix time
        """
        return any(
            run["state"] in DONE and run["start_date"] and instant(run["start_date"]) > since
            for run in self.cluster.client.runs(dag_id)
        )

    def is_excused(self, run: dict[str, Any]) -> bool:
        """Whether what a run needs was away while it was under way.

        :param run: as the API has it; it has ended
        """
        begun, ended = instant(run["start_date"] or run["run_after"]), instant(run["end_date"])
        return any(begun <= until and since <= ended for since, until in self.excused)

    def worked(self) -> Counter[str]:
        """Return how many tries were seen on each worker."""
        return Counter(self._workers_of.values())

    def _ended(self, dag_id: str, run_id: str) -> dict[str, Any] | None:
        for task in self.cluster.client.tasks(dag_id, run_id).values():
            if task["state"] == "running" and (worker := self.worker_of(task)):
                self._workers_of[task["id"], task["try_number"]] = worker.name
        run = self.cluster.client.run(dag_id, run_id)
        return run if run["state"] in DONE else None

    def _is_idle(self, dag_id: str) -> bool:
        return all(run["state"] in DONE for run in self.cluster.client.runs(dag_id))


def instant(text: str) -> float:
    """Return an instant of the API as Unix time.

    :param text: as ISO 8601
    """
    return datetime.fromisoformat(text).timestamp()
