# SPDX-License-Identifier: Apache-2.0
"""A DAG run: its tick, where it reads and writes, what it has there, and whether Twitch may be asked."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from twitch_provider import __version__
from twitch_provider.exceptions import TwitchDataError, TwitchRawObjectError, TwitchTooLateError
from twitch_provider.pipelines.scope import changed_params

if TYPE_CHECKING:
    from twitch_provider.config import LakeConfig
    from twitch_provider.lake.extract import Extract
    from twitch_provider.lake.keys import SnapshotKeys
    from twitch_provider.lake.raw_header import Owner, RawHeader
    from twitch_provider.lake.store import Store

log = logging.getLogger(__name__)

#: A run that is cleared, or caught up with, later than this after its tick must not ask Twitch: now is not
#: then. Two intervals and a little leave room for a run that waited for the one before it, and for retries.
TOO_LATE = timedelta(minutes=12)

#: Airflow 2's types of run that belong to a place in the schedule; the others start on request.
_BY_SCHEDULE = ("scheduled", "backfill")


@dataclass(frozen=True)
class Run:
    """A run, and where it reads and writes.

    :param store: the bucket
    :param keys: of the run's objects, if this try is the one that asks Twitch
    :param owner: the task, which owns what it writes
    :param run_type: Airflow's
    :param interval: how often a snapshot is due; None where none is
    :param changed: the params whose values differ from the DAG's own: if there are any, the run is ad hoc
    :param refused: why Twitch must not be asked for this run; empty where it may
    :param try_id: eight random hex digits
    """

    store: Store
    keys: SnapshotKeys
    owner: Owner
    run_type: str = "manual"
    interval: timedelta | None = None
    changed: tuple[str, ...] = ()
    refused: str = ""
    try_id: str = field(default_factory=lambda: secrets.token_hex(4))

    @classmethod
    def open(
        cls,
        context: Mapping[str, Any],
        config: LakeConfig,
        *,
        dataset: str = "",
        interval: timedelta | None = None,
        max_lateness: timedelta | None = None,
    ) -> Run:
        """Open the lake for a run. Nothing is asked of S3 before the first read or write.

        :param context: of the task
        :param config: of the lake
        :param dataset: whose manifests these are; empty: the DAG's own, which lie under its id alone
        :param interval: how often a snapshot is due; None where none is
        :param max_lateness: ask Twitch no later than this after the tick; None: however late
        """
        from twitch_provider.lake.keys import SnapshotKeys
        from twitch_provider.lake.raw_header import Owner

        dag_run, ti = context["dag_run"], context["ti"]
        folder = f"{dag_run.dag_id}.{dataset}" if dataset else dag_run.dag_id
        changed = changed_params(context)
        keys = SnapshotKeys(config.prefix, folder, tick(dag_run), adhoc=bool(changed))
        return cls(
            store=open_store(config),
            keys=keys,
            owner=Owner(dag_run.dag_id, dag_run.run_id, ti.task_id, ti.map_index),
            run_type=str(getattr(dag_run.run_type, "value", dag_run.run_type)),
            interval=interval,
            changed=changed,
            refused=_too_late(context, keys.run_after, max_lateness),
        )

    @classmethod
    def of_dag(cls, context: Mapping[str, Any], **options: Any) -> Run:
        """Open the lake for a run of a DAG of ours.

        :param context: of the task; its params have ``bucket`` and ``prefix``, where null means the options
            of the section ``[twitch]``
        :param options: of :meth:`open`
        :raises TwitchConfigError: no bucket is set, or its name or the prefix is invalid
        """
        from twitch_provider.config import LakeConfig

        params = context["params"]
        return cls.open(context, LakeConfig.resolve(params["bucket"], params["prefix"]), **options)

    @property
    def both_keys(self) -> tuple[SnapshotKeys, SnapshotKeys]:
        """Where the run may lie: the DAG's own params may have changed since an earlier try."""
        return self.keys, replace(self.keys, adhoc=not self.keys.adhoc)

    def keys_of(self, extracted: Extract) -> SnapshotKeys:
        """Return where a raw object's tables lie: whether a run is ad hoc is decided once, when it is made.

        :param extracted: of this run
        """
        return replace(self.keys, adhoc=extracted.header.adhoc)

    def find(self, dataset: str) -> Extract | None:
        """Return the raw object that this run has, which a snapshot is then made of, however late.

        :param dataset: whose raw pages these are
        :returns: None where it has none
        :raises TwitchOwnerError: what lies there belongs to another run or task
        :raises TwitchRawObjectError: what lies there is damaged
        """
        from twitch_provider.lake import extract

        taken = None
        for keys in self.both_keys:
            try:
                found = extract.find(self.store, keys, dataset)
            except TwitchRawObjectError as error:
                if keys == self.keys:
                    raise
                log.warning("Ignoring what may be another run's: %s", error)
                continue
            if found is not None and found.header.owner == self.owner:
                return found
            taken = taken or (found if keys == self.keys else None)
        if taken is not None:
            self.owner.require(taken.header.owner, self.store.uri(taken.raw.key))
        return None

    def why_not_ask(self, dataset: str) -> str:
        """Say why Twitch must not be asked for this run; empty where it may be.

        :param dataset: whose raw pages it would be
        :raises TwitchOwnerError: another run or task has published this snapshot
        """
        from twitch_provider.lake.manifest import published

        if self.refused:
            return self.refused
        for keys in self.both_keys:
            where = self.store.uri(keys.manifest)
            try:
                manifest = published(self.store, keys)
            except TwitchDataError:
                if keys == self.keys:
                    return f"{where} cannot be read, and may be the manifest of this run"
                continue
            if manifest is None:
                continue
            if keys == self.keys:
                manifest.require_owner(self.owner, dataset, where)
            if manifest.run_id == self.owner.run_id and not manifest.cut_short:
                return f"the run has its manifest ({where}), and its raw object has expired"
        return ""

    def require_in_time(self, dataset: str) -> None:
        """Check that Twitch may be asked for this run.

        :param dataset: whose raw pages it would be
        :raises TwitchTooLateError: it may not
        :raises TwitchOwnerError: another run or task has published this snapshot
        """
        if reason := self.why_not_ask(dataset):
            raise self.too_late(reason)

    def too_late(self, reason: str) -> TwitchTooLateError:
        """Return the error for a run that has no raw object, and that Twitch must not be asked for.

        :param reason: of :meth:`why_not_ask`
        """
        return TwitchTooLateError(
            f"The run of {self.keys.tick} has no raw object, and Twitch cannot be asked about the past: "
            f"{reason}. Leave it as it is, or trigger a new run."
        )

    def header(
        self,
        *,
        asks: Mapping[str, Any],
        writes: Mapping[str, Any],
        stats: Mapping[str, int],
        loopback: bool,
        points_left: int | None,
        report: Mapping[str, Any] | None = None,
    ) -> RawHeader:
        """Return the first line of the raw object that this try has read.

        :param asks: what Twitch was asked for
        :param writes: the form of the tables
        :param stats: what the hook counted
        :param loopback: whether Twitch's host was this machine
        :param points_left: of the rate limit, after the last answer
        :param report: what a crawl did
        """
        from twitch_provider.lake.raw_header import RawHeader

        due = self.interval if not self.changed else None
        return RawHeader(
            owner=self.owner,
            try_id=self.try_id,
            scope={"asks": dict(asks), "writes": dict(writes)},
            adhoc=bool(self.changed),
            run_type=self.run_type,
            interval_seconds=None if due is None else round(due.total_seconds()),
            provider_version=__version__,
            loopback=loopback,
            requests=stats.get("requests", 0),
            transport={name: count for name, count in stats.items() if name != "requests"},
            points_left=points_left,
            report=report,
        )


def _too_late(context: Mapping[str, Any], due: datetime, max_lateness: timedelta | None) -> str:
    """Say why a run must not ask Twitch, by what Airflow knows of it; empty where it may."""
    dag_run, now = context["dag_run"], datetime.now(UTC)
    if getattr(dag_run.run_type, "value", dag_run.run_type) == "backfill":
        return "it is a backfill"
    if (getattr(dag_run, "clear_number", None) or 0) > 0 and now - due > TOO_LATE:
        return f"it was cleared more than {_minutes(TOO_LATE)} after its tick"
    began = getattr(dag_run, "start_date", None) or now
    if getattr(context.get("dag"), "catchup", False) and began - due > TOO_LATE:
        return f"its DAG catches up, and it began more than {_minutes(TOO_LATE)} after its tick"
    if max_lateness is not None and now - due > max_lateness:
        return f"max_lateness is {_minutes(max_lateness)}, and its tick is {_minutes(now - due)} ago"
    return ""


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} minutes"


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
