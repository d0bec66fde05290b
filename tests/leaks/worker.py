# SPDX-License-Identifier: Apache-2.0
"""A whole Airflow in one process, but for the tasks: each has a supervisor and a process, as in a deployment.

``dag.test`` alone runs tasks where nothing is supervised: no log file, and nothing that Airflow masks. Here
every log takes the way that it takes behind every executor. ``python -m tests.leaks.worker`` reads JSON:
``jobs`` with the fields of :class:`tests.leaks.jobs.Job`, and a connection for :mod:`tests.leaks.editor`.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet
from airflow.executors.base_executor import BaseExecutor
from airflow.providers.amazon.aws.hooks import s3
from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor, supervise_task
from tests.leaks.editor import edit
from tests.leaks.jobs import STATES, Job

from twitch_provider.aws.store import S3Store
from twitch_provider.hooks.twitch import TwitchHook

#: What tasks import when they need it: each process would take its time.
LOADED = (pd, pyarrow.parquet, s3, S3Store, TwitchHook)


class SupervisingExecutor(BaseExecutor):
    """Runs one task after the other, and repeats its log on stdout, as LocalExecutor does."""

    def _process_workloads(self, workloads: Any) -> None:
        supervisor: Any = InProcessTestSupervisor
        for workload in workloads:
            del self.queued_tasks[workload.key]
            self.running.add(workload.key)
            code = supervise_task(
                ti=workload.ti,
                bundle_info=workload.bundle_info,
                dag_rel_path=workload.dag_rel_path,
                token="",
                log_path=workload.log_path,
                subprocess_logs_to_stdout=True,
                client=supervisor._api_client(),
            )
            (self.fail if code else self.success)(workload.key)

    def end(self) -> None:
        """Nothing to end."""

    def sync(self) -> None:
        """Nothing to wait for."""


def take_our_settings() -> None:
    """Have Airflow read ``deploy/airflow_local_settings.py``, as it does when it begins."""
    from airflow import settings

    config = Path(os.environ["AIRFLOW_HOME"]) / "config"
    config.mkdir()
    shutil.copy(Path(__file__).parents[2] / "deploy" / "airflow_local_settings.py", config)
    importlib.invalidate_caches()  # when Airflow began, there was no such folder
    airflow_settings: Any = settings
    airflow_settings.import_local_settings()


def main(jobs: list[Job], edited: Mapping[str, Any]) -> None:
    """Run one after the other, then edit the connection."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils import db

    db.initdb()
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    if bag.import_errors:
        raise SystemExit(f"DAGs cannot be imported: {bag.import_errors}")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    states = []
    for number, job in enumerate(jobs):
        if job.ours:
            take_our_settings()
        dag = bag.get_dag(job.dag_id)
        for task in dag.tasks:
            task.retries = 0
        # Not all anew: where a process's title lies in memory, its environment lies, too.
        os.environ |= job.environment
        tick = now - timedelta(seconds=number)
        run = dag.test(run_after=tick, logical_date=tick, run_conf=dict(job.conf) or None, use_executor=True)
        for name in job.environment:
            del os.environ[name]
        states.append({each.task_id: str(each.state) for each in run.get_task_instances()})
    edit(edited)
    (Path(os.environ["AIRFLOW_HOME"]) / STATES).write_text(json.dumps(states))


if __name__ == "__main__":
    work = json.load(sys.stdin)
    main([Job(**job) for job in work["jobs"]], work["edited"])
