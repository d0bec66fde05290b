# SPDX-License-Identifier: Apache-2.0
"""The tick of a run: what its keys are named by, in every version of Airflow."""

from __future__ import annotations

from datetime import datetime
from typing import Any

#: Airflow 2's kinds of run that belong to a place in the schedule; the others begin when somebody asks.
_BY_SCHEDULE = ("scheduled", "backfill")


def tick(dag_run: Any) -> datetime:
    """Return when a run was due: ``run_after``, or what stood for it before Airflow 3.

    There, a scheduled run falls due at the end of its data interval. A manual one has the interval before it,
    which may be hours old, and one that datasets started has theirs: those two were due when they were made,
    and that is their logical date.

    :param dag_run: of the context
    """
    if (run_after := getattr(dag_run, "run_after", None)) is not None:
        due: datetime = run_after
    elif dag_run.run_type in _BY_SCHEDULE and dag_run.data_interval_end is not None:
        due = dag_run.data_interval_end
    else:
        due = dag_run.logical_date
    return due
