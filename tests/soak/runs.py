# SPDX-License-Identifier: Apache-2.0
"""Runs of DAGs and their tasks, as the DAG files have them, and how a try of one is executed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from airflow.sdk.definitions.xcom_arg import XComArg
from tests.soak.kernel import Worker

RUNNING, RETRYING, SUCCESS, FAILED, SKIPPED = "running", "up_for_retry", "success", "failed", "skipped"
UPSTREAM_FAILED = "upstream_failed"
ENDED = {SUCCESS, FAILED, SKIPPED, UPSTREAM_FAILED}


class Events:
    """What a task says of its outlets, by the names of assets."""

    def __init__(self) -> None:
        self.by_name: dict[str, SimpleNamespace] = {}

    def __getitem__(self, asset: Any) -> SimpleNamespace:
        return self.by_name.setdefault(asset.name, SimpleNamespace(extra={}))


@dataclass
class Node:
    """A task of a run, or one of its mapped copies."""

    task: Any
    upstream: list[Node] = field(default_factory=list)
    map_index: int = -1
    #: Arguments of a mapped copy.
    given: Mapping[str, Any] = field(default_factory=dict)
    state: str = ""
    try_number: int = 0
    retry_at: float = 0.0
    worker: Worker | None = None
    events: Events | None = None
    #: The machine died with it, so that only missing heartbeats tell.
    machine_died: bool = False
    why: str = ""

    @property
    def task_id(self) -> str:
        return str(self.task.task_id)

    @property
    def rule(self) -> str:
        return str(getattr(self.task.trigger_rule, "value", self.task.trigger_rule))


@dataclass
class DagRun:
    """A run of a DAG."""

    dag: Any
    run_type: str
    run_after: datetime
    start_date: datetime
    clear_number: int = 0
    state: str = RUNNING
    nodes: list[Node] = field(default_factory=list)
    xcoms: dict[str, Any] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        return f"{self.run_type}__{self.run_after.isoformat()}"

    @property
    def why(self) -> str:
        return "; ".join(f"{node.task_id}: {node.why}" for node in self.nodes if node.why)


def copies(run: DagRun, node: Node, days: list[str]) -> Iterator[Node]:
    """The mapped tasks of ``twitch_daily``."""
    for number, day in enumerate(days):
        close = Node(_unmapped(run.dag, "close"), [node], number, {"day": day})
        yield close
        yield Node(_unmapped(run.dag, "report"), [close], number, {"day": day})


def _unmapped(dag: Any, task_id: str) -> Any:
    task = dag.get_task(task_id)
    return SimpleNamespace(
        task_id=task_id,
        python_callable=task.python_callable,
        op_args=[],
        op_kwargs={},
        trigger_rule=task.trigger_rule,
        retries=task.retries,
        retry_delay=task.retry_delay,
        retry_exponential_backoff=task.retry_exponential_backoff,
        max_retry_delay=task.max_retry_delay,
        execution_timeout=task.execution_timeout,
        outlets=task.outlets,
    )


def execute(run: DagRun, node: Node, context: dict[str, Any]) -> Any:
    task = node.task
    function: Callable[..., Any] | None = getattr(task, "python_callable", None)
    if function is None:
        prepared = copy.copy(task)
        prepared.render_template_fields(context)
        return prepared.execute(context)

    def resolved(value: Any) -> Any:
        return run.xcoms[value.operator.task_id] if isinstance(value, XComArg) else value  # type: ignore[attr-defined]

    arguments = [resolved(each) for each in task.op_args]
    named = {name: resolved(each) for name, each in task.op_kwargs.items()}
    return function(*arguments, **named, **node.given, **context)
