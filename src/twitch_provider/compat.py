# SPDX-License-Identifier: Apache-2.0
"""Airflow's classes and functions under one name, wherever the installed Airflow keeps them.

Airflow 3 moved them to the Task SDK, some only in 3.1 or 3.2, and warns of the old places. Each name is
looked up when it is first imported, so that importing one does not import the others.
"""

from __future__ import annotations

from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import (
        AssetOrTimeSchedule,
        BaseHook,
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        Context,
        CronTriggerTimetable,
        PokeReturnValue,
        Variable,
    )
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
    )
    from airflow.sdk.execution_time.xcom import XCom
    from airflow.sdk.lineage import get_hook_lineage_collector
    from airflow.sdk.log import mask_secret
    from airflow.sdk.observability.stats import Stats
    from airflow.sdk.plugins_manager import AirflowPlugin

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowPlugin",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AssetOrTimeSchedule",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "Context",
    "CronTriggerTimetable",
    "PokeReturnValue",
    "Stats",
    "Variable",
    "XCom",
    "allowed_run_types",
    "conf",
    "get_hook_lineage_collector",
    "mask_secret",
]

_EXCEPTIONS = ("airflow.sdk.exceptions", "airflow.exceptions")  # 3.1, older

#: The modules that have had a name, newest first: an older place may still exist and warn.
_PLACES = {
    "AirflowException": _EXCEPTIONS,
    "AirflowFailException": _EXCEPTIONS,
    "AirflowNotFoundException": _EXCEPTIONS,
    "AirflowPlugin": ("airflow.sdk.plugins_manager", "airflow.plugins_manager"),  # 3.2, older
    "AirflowSensorTimeout": _EXCEPTIONS,
    "AirflowSkipException": _EXCEPTIONS,
    "AssetOrTimeSchedule": ("airflow.sdk", "airflow.timetables.assets"),
    "BaseHook": ("airflow.sdk", "airflow.hooks.base"),
    "BaseOperator": ("airflow.sdk", "airflow.models.baseoperator"),
    "BaseOperatorLink": ("airflow.sdk", "airflow.models.baseoperatorlink"),
    "BaseSensorOperator": ("airflow.sdk", "airflow.sensors.base"),
    "Context": ("airflow.sdk", "airflow.utils.context"),
    "CronTriggerTimetable": ("airflow.sdk", "airflow.timetables.trigger"),
    "PokeReturnValue": ("airflow.sdk", "airflow.sensors.base"),
    # Of the process that runs the task: it is not the scheduler's, airflow.observability.stats.
    "Stats": ("airflow.sdk.observability.stats", "airflow.stats"),  # 3.2, older
    "Variable": ("airflow.sdk", "airflow.models.variable"),
    "XCom": ("airflow.sdk.execution_time.xcom", "airflow.models.xcom"),
    "conf": ("airflow.sdk.configuration", "airflow.configuration"),
    "get_hook_lineage_collector": ("airflow.sdk.lineage", "airflow.lineage.hook"),
    # It may block: never call it on an event loop.
    "mask_secret": (
        "airflow.sdk.log",
        "airflow.sdk.execution_time.secrets_masker",  # 3.0
        "airflow.utils.log.secrets_masker",
    ),
}


def allowed_run_types(*run_types: str) -> dict[str, list[str]]:
    """Return the argument of ``@dag`` that refuses runs of other types; empty before Airflow 3.2.

    :param run_types: such as ``scheduled``, ``manual``
    """
    from airflow.sdk import DAG

    return {"allowed_run_types": list(run_types)} if "allowed_run_types" in signature(DAG).parameters else {}


if not TYPE_CHECKING:  # else mypy would take any name for granted

    def __getattr__(name: str) -> Any:
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        for place in _PLACES[name]:
            try:
                found = getattr(import_module(place), name)
            except AttributeError:
                continue
            except ModuleNotFoundError as error:
                if not f"{place}.".startswith(f"{error.name}."):
                    raise  # the place exists, and what it needs is missing
                continue
            globals()[name] = found
            return found
        raise ImportError(
            f"no {name} in {', '.join(_PLACES[name])}: airflow-provider-twitch needs Airflow 2.11 or newer"
        )
