# SPDX-License-Identifier: Apache-2.0
"""The keys of one run's objects.

A key depends on the run's ``run_after`` (the tick) and never on the clock: the same run always writes the
same keys, and a run that starts late does not move into another partition.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.lake.instants import in_utc

#: What lies below the prefix besides the datasets of users.
RESERVED = frozenset(
    {"top_streams", "top_games", "all_streams"}
    | {"raw", "rejects", "manifests", "incomplete", "adhoc", "latest"}
    | {"metrics", "compacted", "reports"}
    # Where the documentation has Airflow keep XComs: the bucket's lifecycle rule deletes them.
    | {"xcom"}
)


def dataset_name(name: str, *, allowed: Collection[str] = ()) -> str:
    """Check the name that a user gives a dataset.

    Two underscores are for a dataset that a task writes beside its first (:func:`dataset_beside`), so that
    no two names meet.

    :param name: for example ``by_language``
    :param allowed: reserved names that may be used here
    :raises TwitchParameterError: it is invalid or reserved
    """
    if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name):
        raise TwitchParameterError(
            f"dataset must be a name of a-z, 0-9 and single underscores that begins and ends with a letter "
            f"or a digit, not {name!r:.60}",
            parameter="dataset",
        )
    if name in RESERVED.difference(allowed):
        raise TwitchParameterError(
            f"dataset {name!r} is a name of the lake's own: use another one than "
            f"{', '.join(sorted(RESERVED))}",
            parameter="dataset",
        )
    return name


def dataset_beside(first: str, content: str) -> str:
    """Return the name of a dataset that a task writes beside its first: ``{first}__{content}``.

    :param first: for example ``by_language``
    :param content: for example ``streams``
    """
    return f"{first}__{content}"


@dataclass(frozen=True)
class SnapshotKeys:
    """The keys of one run, in Hive-style partitions by UTC day and hour.

    :param prefix: of the lake in the bucket; may be empty
    :param dag_id: whose manifests these are
    :param run_after: the tick; any time zone, but it must have one
    :param adhoc: whether the run is ad hoc: all of it then lies under ``adhoc/``
    :raises TwitchParameterError: ``run_after`` has no time zone
    """

    prefix: str
    dag_id: str
    run_after: datetime
    adhoc: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "run_after", in_utc(self.run_after, "run_after"))

    @property
    def tick(self) -> str:
        """The run's name in keys, which sorts by time: ``20261123T163500Z``."""
        return self.run_after.strftime("%Y%m%dT%H%M%SZ")

    @property
    def day(self) -> str:
        """The day's partition: ``dt=2026-11-23``."""
        return self.run_after.strftime("dt=%Y-%m-%d")

    def data(self, dataset: str, suffix: str = ".csv") -> str:
        """Key of a table: that of ``top_streams`` ends in ``streams_data_{tick}.csv``.

        :param dataset: for example ``top_streams``
        :param suffix: of the file
        """
        return self._table(dataset, dataset, suffix)

    def incomplete(self, dataset: str, suffix: str = ".csv", *, try_id: str = "") -> str:
        """Key of a table that is known to lack rows: it is never among complete ones.

        :param dataset: for example ``all_streams``
        :param suffix: of the file
        :param try_id: of the try whose raw object lies under ``incomplete/`` too; empty: it has its usual key
        """
        return self._table(f"incomplete/{dataset}", dataset, suffix, _ending(try_id))

    def raw(self, dataset: str) -> str:
        """Key of the pages as Helix answered them.

        :param dataset: for example ``top_games``
        """
        return self._partitioned(f"raw/{dataset}", f"pages_{self.tick}.jsonl.gz")

    def incomplete_raw(self, dataset: str, try_id: str) -> str:
        """Key of pages that no snapshot can be made of, or a part of one only: a later try may ask Twitch.

        :param dataset: for example ``all_streams``
        :param try_id: of the try that read them; empty: what the keys of all tries begin with
        """
        return self._partitioned(
            f"incomplete/raw/{dataset}", f"pages_{self.tick}_{try_id}{try_id and '.jsonl.gz'}"
        )

    def rejects(self, dataset: str, *, try_id: str = "") -> str:
        """Key of the rows that cleaning refused.

        :param dataset: for example ``top_streams``
        :param try_id: of the try whose raw object lies under ``incomplete/``; empty: it has its usual key
        """
        folder = "incomplete/rejects" if try_id else "rejects"
        return self._partitioned(f"{folder}/{dataset}", f"rejects_{self.tick}{_ending(try_id)}.csv")

    def latest(self, dataset: str) -> str:
        """Return the fixed key of a dataset's newest table.

        :param dataset: for example ``top_streams``
        """
        return self._below(f"latest/{dataset}.csv")

    @property
    def manifest(self) -> str:
        """Key of the manifest: no manifest, no snapshot."""
        return self._partitioned(f"manifests/{self.dag_id}", f"{self.tick}.json")

    @property
    def manifests(self) -> str:
        """The folder of all manifests of this DAG, ending in ``/``."""
        return self._below(f"manifests/{self.dag_id}/")

    @property
    def record(self) -> SnapshotKeys:
        """The keys of a run at this tick that is not ad hoc."""
        return replace(self, adhoc=False)

    def _table(self, folder: str, dataset: str, suffix: str, ending: str = "") -> str:
        content = dataset.rpartition("_")[2]
        return self._partitioned(folder, f"{content}_data_{self.tick}{ending}{suffix}")

    def _partitioned(self, folder: str, name: str) -> str:
        return self._below(f"{folder}/{self.day}/{self.run_after:hour=%H}/{name}")

    def _below(self, path: str) -> str:
        folder = "adhoc/" if self.adhoc else ""
        return f"{self.prefix.strip('/')}/{folder}{path}".lstrip("/")


def _ending(try_id: str) -> str:
    return try_id and f"_{try_id}"
