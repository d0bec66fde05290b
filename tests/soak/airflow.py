# SPDX-License-Identifier: Apache-2.0
"""Runs the reference DAGs as Airflow's scheduler and executor do, in simulated time and without a database.

The tasks, their arguments, retries, time-outs and trigger rules are those of the DAG files. A worker that
dies is noticed at once by its supervisor, or where the machine died, by missing heartbeats, as is one that is
frozen. That one goes on when it wakes, as the worst case: nobody has told it that its try is over.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from tests.soak.kernel import Kernel, Worker
from tests.soak.mix import Fates
from tests.soak.runs import (
    ENDED,
    FAILED,
    RETRYING,
    RUNNING,
    SKIPPED,
    SUCCESS,
    UPSTREAM_FAILED,
    DagRun,
    Events,
    Node,
    copies,
    execute,
)

#: Seconds between two looks of the scheduler.
LOOK = 5.0
#: ``[scheduler] task_instance_heartbeat_timeout``: a try that is not heard of for so long has failed.
HEARTBEAT = 300.0
INTERVAL = timedelta(minutes=5)

log = logging.getLogger(__name__)


@dataclass
class Airflow:
    """The scheduler and its executor.

    :param kernel: the time
    :param dags: by their ids
    :param fates: what befalls tries
    :param random: of what is drawn
    :param database: the file for what has ended
    :param snapshots: DAGs that run on each tick of five minutes, until ``until``
    :param until: no run of these is due from then on, by the clock of the machines
    """

    kernel: Kernel
    dags: Mapping[str, Any]
    fates: Fates
    random: Random
    database: Path
    snapshots: tuple[str, ...] = ("twitch_top_games", "twitch_all_streams")
    until: datetime | None = None
    runs: list[DagRun] = field(default_factory=list)
    #: What the events of ``twitch_alerts`` carried.
    alerts: list[dict[str, Any]] = field(default_factory=list)
    #: How many tries ended, by how.
    tries: dict[str, int] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    #: Workers whose try is over for the scheduler, and which may wake yet.
    zombies: list[Worker] = field(default_factory=list)
    _next: dict[str, datetime] = field(default_factory=dict)
    _active: list[DagRun] = field(default_factory=list)
    _queued: list[DagRun] = field(default_factory=list)
    _updated: bool = False

    def start(self) -> None:
        """Begin to look, every five seconds."""
        begin = self.kernel.begins_at
        self._next = dict.fromkeys(self.snapshots, begin) | {"twitch_metrics": begin + timedelta(minutes=4)}
        self._look()

    @property
    def busy(self) -> bool:
        """Whether a run is active or queued, or a try that was given up may wake yet."""
        return bool(
            self._active or self._queued or self._updated or any(not each.done for each in self.zombies)
        )

    def trigger(self, dag_id: str, run_type: str = "manual") -> DagRun:
        """Queue a run of a DAG, due now.

        :param dag_id: of the DAG
        :param run_type: of the run
        """
        run = DagRun(self.dags[dag_id], run_type, self.kernel.wall, self.kernel.wall)
        self._queued.append(run)
        return run

    def clear(self, run: DagRun) -> None:
        """Clear all tasks of a run, as a person does in the UI.

        :param run: that has ended
        """
        run.clear_number += 1
        run.nodes, run.state = [], RUNNING
        self._queued.append(run)

    def _look(self) -> None:
        self._create()
        for run in list(self._active):
            self._advance(run)
        self.kernel.at(self.kernel.now + LOOK, self._look)

    # --- runs ----------------------------------------------------------------------------------------------

    def _create(self) -> None:
        wall = self.kernel.wall
        for dag_id in self.snapshots:
            tick = self._next[dag_id]
            if tick <= wall and not self._is_active(dag_id) and (self.until is None or tick < self.until):
                self._begin(DagRun(self.dags[dag_id], "scheduled", tick, wall))
                passed = wall - tick
                self._next[dag_id] = tick + max(INTERVAL, passed - passed % INTERVAL)
        self._create_metrics(wall)
        for run in list(self._queued):
            if not self._is_active(run.dag.dag_id):
                self._queued.remove(run)
                run.start_date = wall
                self._begin(run)

    def _create_metrics(self, wall: datetime) -> None:
        if self._is_active("twitch_metrics"):
            return
        tick, quarter = self._next["twitch_metrics"], timedelta(minutes=15)
        if tick <= wall:
            passed = wall - tick
            self._next["twitch_metrics"] = tick + max(quarter, passed - passed % quarter)
            self._begin(DagRun(self.dags["twitch_metrics"], "scheduled", tick, wall))
        elif self._updated:
            self._updated = False
            self._begin(DagRun(self.dags["twitch_metrics"], "asset_triggered", wall, wall))

    def _is_active(self, dag_id: str) -> bool:
        return any(run.dag.dag_id == dag_id for run in self._active)

    def _begin(self, run: DagRun) -> None:
        by_id: dict[str, Node] = {}
        for task in run.dag.topological_sort():
            # Mapped copies come when it is known what they are mapped over.
            if task.task_id not in ("close", "report"):
                by_id[task.task_id] = Node(task, [by_id[each] for each in task.upstream_task_ids])
        run.nodes = list(by_id.values())
        if run not in self.runs:
            self.runs.append(run)
        self._active.append(run)
        self._advance(run)

    def _advance(self, run: DagRun) -> None:
        for node in run.nodes:
            if node.state == RUNNING:
                self._observe(run, node)
        if (most := run.dag.dagrun_timeout) and self.kernel.wall - run.start_date > most:
            self._give_up(run)
        for node in list(run.nodes):
            if not node.state or (node.state == RETRYING and self.kernel.now >= node.retry_at):
                self._start_if_ready(run, node)
        if all(node.state in ENDED for node in run.nodes):
            failed = any(node.state in {FAILED, UPSTREAM_FAILED} for node in run.nodes)
            run.state = FAILED if failed else SUCCESS
            self._active.remove(run)
            self._put_away(run)

    def _put_away(self, run: DagRun) -> None:
        """Write to a file what Airflow's database would keep: the memory is that of the code under test."""
        with self.database.open("a") as file:
            file.write(f"{json.dumps([run.run_id, run.why, run.xcoms])}\n")
        run.xcoms.clear()
        for node in run.nodes:
            node.worker = node.events = None

    def _give_up(self, run: DagRun) -> None:
        for node in run.nodes:
            if node.state not in ENDED:
                node.state, node.why = FAILED, "the run's time was over"
            if node.worker is not None and not node.worker.done:
                self.zombies.append(node.worker)
                if not node.worker.frozen:
                    node.worker.kill()

    # --- tries ---------------------------------------------------------------------------------------------

    def _start_if_ready(self, run: DagRun, node: Node) -> None:
        states = [each.state for each in node.upstream]
        if not all(state in ENDED for state in states):
            return
        if run.dag.max_active_tasks == 1 and any(each.state == RUNNING for each in run.nodes):
            return
        failed = any(state in {FAILED, UPSTREAM_FAILED} for state in states)
        if node.rule != "all_done" and failed:
            node.state = UPSTREAM_FAILED
        elif node.rule == "all_success" and SKIPPED in states:
            node.state = SKIPPED
        else:
            self._start(run, node)

    def _start(self, run: DagRun, node: Node) -> None:
        node.try_number += 1
        node.state, node.events = RUNNING, Events()
        node.machine_died = self.random.random() < 0.3
        timeout = node.task.execution_timeout
        context = self._context(run, node, node.events)
        node.worker = Worker(
            self.kernel,
            lambda: execute(run, node, context),
            self.fates.draw(_name(run, node)),
            timeout and timeout.total_seconds(),
        )

    def _context(self, run: DagRun, node: Node, events: Events) -> dict[str, Any]:
        dag_run = SimpleNamespace(
            dag_id=run.dag.dag_id,
            run_id=run.run_id,
            run_type=run.run_type,
            run_after=run.run_after,
            logical_date=None if run.run_type == "asset_triggered" else run.run_after,
            data_interval_start=run.run_after,
            data_interval_end=run.run_after,
            start_date=run.start_date,
            clear_number=run.clear_number,
            conf={},
        )
        instance = SimpleNamespace(
            task_id=node.task_id,
            map_index=node.map_index,
            try_number=node.try_number,
            dag_id=run.dag.dag_id,
            run_id=run.run_id,
            xcom_push=lambda key, value: run.xcoms.__setitem__(f"{node.task_id} {key}", value),
        )
        return {
            "dag": run.dag,
            "task": node.task,
            "dag_run": dag_run,
            "ti": instance,
            "run_id": run.run_id,
            "params": dict(run.dag.params.dump()),
            "outlet_events": events,
        }

    def _observe(self, run: DagRun, node: Node) -> None:
        worker = node.worker
        assert worker is not None
        silent = self.kernel.now - worker.alive_at > HEARTBEAT
        if not worker.done:
            if worker.frozen and silent:
                self.zombies.append(worker)
                self._failed(node, "no heartbeat")
                self._count("frozen")
            return
        if not worker.counted:
            worker.counted = True
            name = _name(run, node)
            self.cpu[name] = self.cpu.get(name, 0.0) + worker.cpu_seconds
        if worker.killed:
            if silent or not node.machine_died:
                self._failed(node, "the worker died")
                self._count("killed")
            return
        error = worker.error
        if error is None:
            self.fates.learn(_name(run, node), worker.requests)
            self._succeeded(run, node, worker.result)
        elif isinstance(error, AirflowSkipException):
            node.state = SKIPPED
            self._count("skipped")
        else:
            final = isinstance(error, AirflowFailException)
            log.info("%s failed: %s: %s", _name(run, node), type(error).__name__, error)
            self._failed(node, f"{type(error).__name__}: {error}", final=final)
            self._count(f"failed: {type(error).__name__}")

    def _succeeded(self, run: DagRun, node: Node, result: Any) -> None:
        node.state, node.why = SUCCESS, ""
        run.xcoms[node.task_id if node.map_index < 0 else f"{node.task_id}[{node.map_index}]"] = json.loads(
            json.dumps(result)
        )
        self._count("success")
        names = {outlet.name for outlet in node.task.outlets or ()}
        self._updated |= bool(names & {"twitch_top_streams", "twitch_all_streams"})
        assert node.events is not None
        if "twitch_alerts" in names:
            self.alerts.append(json.loads(json.dumps(node.events.by_name["twitch_alerts"].extra)))
        if node.task_id == "days":
            run.nodes += copies(run, node, result)

    def _failed(self, node: Node, why: str, *, final: bool = False) -> None:
        node.why = why
        if final or node.try_number > (node.task.retries or 0):
            node.state = FAILED
            return
        node.state = RETRYING
        delay = node.task.retry_delay
        if node.task.retry_exponential_backoff:
            delay *= 2 ** (node.try_number - 1)
            delay = min(delay, node.task.max_retry_delay or delay)
        node.retry_at = self.kernel.now + delay.total_seconds()

    def _count(self, how: str) -> None:
        self.tries[how] = self.tries.get(how, 0) + 1


def _name(run: DagRun, node: Node) -> str:
    return f"{run.dag.dag_id}.{node.task_id}"
