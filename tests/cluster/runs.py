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
from tests.cluster.native import Container, wait_until
from tests.cluster.truth import find_lies, manifests

TOP, ALL = "twitch_top_games", "twitch_all_streams"
#: Waits for channels in the triggerer.
ALERT = "twitch_live_alert"
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
    """

    cluster: Cluster
    faults: list[str]
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

    def finish(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Wait for a run's end, which must be a success with a true manifest, and return it.

        :param dag_id: of the DAG
        :param run_id: of the run
        """
        run = wait_until(
            partial(self._ended, dag_id, run_id), f"{dag_id} {run_id} has ended", timeout=LONGEST, every=1.0
        )
        if run["state"] != "success":
            self.faults.append(f"{dag_id} {run_id} ended as {run['state']}")
        bodies = self.cluster.aws.objects()
        self.faults += [f"after {dag_id} {run_id}: {lie}" for lie in find_lies(bodies)]
        manifest = manifests(bodies, dag_id).get(run_id)
        if manifest is None:
            self.faults.append(f"{dag_id} {run_id} left no manifest")
        elif not manifest["complete"]:
            self.faults.append(f"{dag_id} {run_id} is not complete: {manifest['crawl']}")
        return run

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
