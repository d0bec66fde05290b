# SPDX-License-Identifier: Apache-2.0
"""The keys of what metrics publish: fixed for each hour and day, since readers take whatever lies there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from twitch_provider.metrics.tables import MetricsTable

#: How long a period is.
LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


@dataclass(frozen=True)
class MetricsKeys:
    """Keys below ``metrics/``, ``compacted/`` and ``reports/``, in partitions by UTC day.

    :param prefix: of the lake in the bucket; may be empty
    """

    prefix: str

    def folder(self, name: str, day: date) -> str:
        """Return the partition of a table, or of the manifests, ending in ``/``.

        :param name: of the table, or ``manifests``
        :param day: UTC
        """
        return self._below(f"metrics/{name}/dt={day.isoformat()}/")

    def table(self, table: MetricsTable, begin: datetime) -> str:
        """Return the key of a table of one period.

        :param table: for example ``games_hour``
        :param begin: of the hour or day, UTC
        """
        return self.folder(table.name, begin.date()) + table.file_name(begin)

    def manifest(self, kind: str, begin: datetime) -> str:
        """Return the key of a period's manifest: no manifest, no metrics.

        :param kind: ``hour`` or ``day``
        :param begin: of it, UTC
        """
        return self.folder("manifests", begin.date()) + (f"{begin:%H}.json" if kind == "hour" else "day.json")

    def index(self, day: date) -> str:
        """Return the key of what the manifests of a day's ticks said when they were last read.

        :param day: UTC
        """
        return self.folder("index", day) + "manifests.json.gz"

    def digest(self, day: date) -> str:
        """Return the key of what the overview keeps of a closed day.

        :param day: UTC
        """
        return self.folder("overview", day) + "day.json.gz"

    def watch(self, name: str, day: date) -> str:
        """Return the key of what the detector of spikes keeps of a day.

        :param name: ``watch`` for viewers of the site and of categories, ``watch_channels`` for those of
            channels, ``detectors`` for what was learned of the days before
        :param day: UTC
        """
        return self.folder(name, day) + f"{name}.json.gz"

    @property
    def alerts(self) -> str:
        """The key of which alerts are open, and which were told."""
        return self._below("metrics/alerts/state.json")

    def compacted(self, dataset: str, day: date) -> str:
        """Return the key of a day's snapshots of one dataset in one table.

        :param dataset: for example ``all_streams``
        :param day: of the ticks, UTC
        """
        return self._below(f"compacted/{dataset}/dt={day.isoformat()}/{dataset}.parquet")

    def latest(self, name: str) -> str:
        """Return the key of a table for tools that cannot look for the newest one.

        :param name: for example ``site_by_hour``
        """
        return self._below(f"latest/{name}.csv")

    def report(self, day: date) -> str:
        """Return the key of the report of a closed day.

        :param day: UTC
        """
        return self._below(f"reports/dt={day.isoformat()}/twitch_{day.isoformat()}.html")

    @property
    def overview(self) -> str:
        """The key of what the page and the report show."""
        return self._below("latest/overview.json")

    @property
    def all_compacted(self) -> str:
        """The folder of the compacted tables of all datasets, ending in ``/``."""
        return self._below("compacted/")

    @property
    def snapshots(self) -> str:
        """The folder of the manifests of all DAGs, ending in ``/``."""
        return self._below("manifests/")

    def adhoc(self, dag_id: str, day: date) -> str:
        """Return the folder of the manifests of a DAG's ad hoc runs, ending in ``/``.

        :param dag_id: of the snapshots
        :param day: UTC
        """
        return self._below(f"adhoc/manifests/{dag_id}/dt={day.isoformat()}/")

    def _below(self, path: str) -> str:
        return f"{self.prefix.strip('/')}/{path}".lstrip("/")
