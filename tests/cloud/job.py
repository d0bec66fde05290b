# SPDX-License-Identifier: Apache-2.0
"""Every DAG of ``dags/``, run on the instance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DAGS = Path(__file__).parents[2] / "dags"


class Job:
    """Every DAG in the folder: a new one is included."""

    def __init__(self) -> None:
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(DAGS)
        assert bag.import_errors == {}
        assert {Path(dag.fileloc) for dag in bag.dags.values()} == set(DAGS.glob("*.py"))
        self.dags: dict[str, Any] = dict(sorted(bag.dags.items()))
        self.errors: list[BaseException] = []
        for dag in self.dags.values():
            for task in dag.tasks:
                task.retries = 0
                task.on_failure_callback = [lambda context: self.errors.append(context["exception"])]
        # Airflow writes a run's values into the DAG's own params, which live as long as this process.
        self._params = {dag_id: dag.params.dump() for dag_id, dag in self.dags.items()}

    @property
    def writers(self) -> list[str]:
        """The DAGs that write to the lake."""
        return [dag_id for dag_id, dag in self.dags.items() if "bucket" in dag.params]

    @property
    def takers(self) -> list[str]:
        """Those of them that take snapshots: the others make metrics of these."""
        return [dag_id for dag_id in self.writers if {"extract", "crawl"} & set(self.dags[dag_id].task_ids)]

    def run(self, dag_id: str, run_after: datetime, **params: Any) -> dict[str, str]:
        """Run a DAG in this process, and return the state of each task.

        :param dag_id: which
        :param run_after: its tick
        :param params: of the DAG
        """
        self.errors.clear()
        conf = {**self._params[dag_id], **params}
        dag_run = self.dags[dag_id].test(run_after=run_after, logical_date=run_after, run_conf=conf)
        return {instance.task_id: str(instance.state) for instance in dag_run.get_task_instances()}

    def refusal(self, dag_id: str, run_after: datetime, **params: Any) -> BaseException | None:
        """Run a DAG, and return the exception that it failed with.

        :param dag_id: which
        :param run_after: its tick
        :param params: of the DAG
        """
        states = self.run(dag_id, run_after, **params)
        assert ("failed" in states.values()) == bool(self.errors), states
        return self.errors[0] if self.errors else None


def tick(minutes_ago: int = 0) -> datetime:
    """A tick that is recent enough to ask Twitch, if it is not too many minutes ago."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)
