# SPDX-License-Identifier: Apache-2.0
"""A DAG run: its tick, where it reads and writes, and whether Twitch may still be asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from twitch_provider.compat import AirflowSkipException

if TYPE_CHECKING:
    from twitch_provider.config import LakeConfig
    from twitch_provider.lake.extract import Extract
    from twitch_provider.lake.keys import SnapshotKeys
    from twitch_provider.lake.store import Store

#: A run that begins later than this after its tick must not ask Twitch: now is not then. Two intervals and
#: a little leave room for a run that waited for the one before it, and for retries.
TOO_LATE = timedelta(minutes=12)

#: Airflow 2's types of run that belong to a place in the schedule; the others start on request.
_BY_SCHEDULE = ("scheduled", "backfill")


@dataclass(frozen=True)
class Run:
    """A run, and where it reads and writes.

    :param store: the bucket
    :param keys: of the run's objects
    :param run_id: Airflow's name of the run
    """

    store: Store
    keys: SnapshotKeys
    run_id: str

    @classmethod
    def open(cls, dag_run: Any, config: LakeConfig, *, dataset: str = "") -> Run:
        """Open the lake for a run. Nothing is asked of S3 before the first read or write.

        :param dag_run: of the task's context
        :param config: of the lake
        :param dataset: whose manifests these are; empty: the DAG's own, which lie under its id alone
        """
        from twitch_provider.lake.keys import SnapshotKeys

        owner = f"{dag_run.dag_id}.{dataset}" if dataset else dag_run.dag_id
        keys = SnapshotKeys(config.prefix, owner, tick(dag_run))
        return cls(open_store(config), keys, dag_run.run_id)

    @classmethod
    def of_dag(cls, dag_run: Any, params: Mapping[str, Any]) -> Run:
        """Open the lake for a run of a DAG of ours.

        :param dag_run: of the task's context
        :param params: ``bucket`` and ``prefix``; null means the options of the section ``[twitch]``
        :raises TwitchConfigError: no bucket is set, or its name is invalid
        """
        from twitch_provider.config import LakeConfig

        return cls.open(dag_run, LakeConfig.resolve(params["bucket"], params["prefix"]))

    def earlier_extract(self, dataset: str) -> Extract | None:
        """Return what this run extracted earlier, if it is too late to ask Twitch now; else None.

        :raises AirflowSkipException: it is too late, and the run extracted nothing
        :raises TwitchDataError: the raw object is damaged
        """
        from twitch_provider.lake import extract

        if datetime.now(UTC) - self.keys.run_after <= TOO_LATE:
            return None
        found = extract.find(self.store, self.keys, dataset)
        if found is None:
            tick = self.keys.tick
            raise AirflowSkipException(f"Too late for {tick}: Twitch cannot be asked about the past")
        return found


def open_store(config: LakeConfig) -> Store:
    """Open the bucket of the lake."""
    from twitch_provider.aws.store import S3Store

    return S3Store(config.bucket, config.aws_conn_id or None, config.s3_extra_args)


def tick(dag_run: Any) -> datetime:
    """Return when a run was due: ``run_after``, or what stood for it before Airflow 3.

    There, a scheduled run is due at the end of its data interval. A manual one has the interval before it,
    which may be hours old, and one that datasets started has theirs: those two were due when they were
    created, which is their logical date.
    """
    if (run_after := getattr(dag_run, "run_after", None)) is not None:
        due: datetime = run_after
    elif dag_run.run_type in _BY_SCHEDULE and dag_run.data_interval_end is not None:
        due = dag_run.data_interval_end
    else:
        due = dag_run.logical_date
    return due
