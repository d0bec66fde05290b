# SPDX-License-Identifier: Apache-2.0
"""What the worker is given to do, for those who cannot import the Airflow that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Where the states of the tasks of each job are left, in Airflow's home.
STATES = "states.json"


@dataclass(frozen=True)
class Job:
    """One run of a DAG.

    :param dag_id: which
    :param conf: its params
    :param environment: what is different in the environment of its tasks
    :param ours: from here on, Airflow's local settings are those of ``deploy/``
    """

    dag_id: str
    conf: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    ours: bool = False
