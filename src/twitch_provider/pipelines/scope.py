# SPDX-License-Identifier: Apache-2.0
"""Whether a run is what its DAG takes regularly, or ad hoc: a run that somebody gave other params."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

#: Where a run writes, and what it does with a loss: neither changes what a snapshot is.
NOT_SCOPE = frozenset({"bucket", "prefix", "on_incomplete"})


def changed_params(context: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the params whose value in this run differs from the DAG's own.

    Values are compared, since Airflow's form always sends all of them. What a run brings that its DAG does
    not declare counts as changed: templates may use it.

    :param context: of the task
    """
    sent = getattr(context["dag_run"], "conf", None) or {}
    own = _declared(context.get("dag"))
    # Airflow puts what was sent into the task's params, so only the others are still the task's own.
    own |= {name: value for name, value in _declared(context.get("task")).items() if name not in sent}
    return tuple(
        name
        for name, value in (context.get("params") or {}).items()
        if name not in NOT_SCOPE and (not _equal(value, own[name]) if name in own else name in sent)
    )


def _declared(owner: Any) -> dict[str, Any]:
    """Return the values that a DAG or a task declares its params with."""
    params: Any = getattr(owner, "params", None) or {}
    return dict(params.dump() if hasattr(params, "dump") else params)


def _equal(value: Any, other: Any) -> bool:
    # A Variable or a template has the number 20 as text.
    return _text(value) == _text(other)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
