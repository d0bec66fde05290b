# SPDX-License-Identifier: Apache-2.0
"""The first line of a raw object: whose it is, what was asked for and how, and what it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from twitch_provider.exceptions import TwitchOwnerError
from twitch_provider.lake.formats import Format
from twitch_provider.lake.shapes import require_plain, require_shape

#: The format of raw objects; what a reader does not know, it refuses.
RAW_FORMAT = 2


@dataclass(frozen=True)
class Owner:
    """The task whose raw object it is, which all of its tries share.

    :param dag_id: Airflow's name of the DAG
    :param run_id: Airflow's name of the run
    :param task_id: of the task that asks Twitch
    :param map_index: of a mapped task; -1 for others
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    def __str__(self) -> str:
        mapped = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"task {self.task_id}{mapped} of run {self.run_id!r} of DAG {self.dag_id}"

    def require(self, other: Owner, where: str) -> None:
        """Check that an object is this owner's.

        :param other: the owner that the object names
        :param where: the object's address
        :raises TwitchOwnerError: it is another's, naming what to change
        """
        if other == self:
            return
        if other.dag_id != self.dag_id:
            remedy = "give one of the DAGs another prefix or dataset"
        elif other.run_id != self.run_id:
            remedy = "two runs of this DAG have the same second: trigger this one again"
        else:
            remedy = "give each task, and each mapped one, a dataset of its own"
        raise TwitchOwnerError(f"{where} belongs to {other}, not to {self}: {remedy}.")


@dataclass(frozen=True)
class RawHeader:
    """What a raw object says of itself.

    :param owner: whose it is
    :param try_id: eight random hex digits of the try that asked
    :param scope: ``asks``: what Twitch was asked for; ``writes``: the form of the tables
    :param adhoc: whether the params of the run differ from the DAG's own
    :param run_type: Airflow's
    :param interval_seconds: how often a snapshot is due; None where none is
    :param provider_version: of this package
    :param loopback: whether Twitch's host was this machine: a simulator, whose clock may be anywhere
    :param requests: to Helix that it took, retries included
    :param transport: further counters of the transport by name
    :param points_left: of the rate limit, after the last answer; None where no answer said
    :param report: what a crawl did; None where nothing was crawled
    """

    owner: Owner
    try_id: str
    scope: Mapping[str, Mapping[str, Any]]
    adhoc: bool
    run_type: str
    interval_seconds: int | None
    provider_version: str
    loopback: bool = False
    requests: int = 0
    transport: Mapping[str, int] = field(default_factory=dict)
    points_left: int | None = None
    report: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def cut_short(self) -> bool:
        """Whether a crawl lost a part of the list: its raw object then lies under ``incomplete/``."""
        return self.report is not None and self.report.get("complete") is not True

    def as_dict(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return {"raw": RAW_FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> RawHeader:
        """Restore what :meth:`as_dict` returned; what a newer version adds is ignored.

        :raises ValueError: it is not a header, or one of another format
        :raises TypeError: likewise
        :raises KeyError: likewise
        """
        if value["raw"] != RAW_FORMAT:
            raise ValueError(f"format {value['raw']!r:.20}")
        names = {each.name for each in fields(cls)}
        known = {name: each for name, each in value.items() if name in names}
        Format(**known["scope"]["writes"])
        header = cls(**{**known, "owner": Owner(**known["owner"])})
        require_shape(header, cls)
        require_plain(header.owner.dag_id, header.owner.task_id, header.try_id)
        return header
