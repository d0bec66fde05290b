# SPDX-License-Identifier: Apache-2.0
"""The run that publishes an hour or a day, and what it has published."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from twitch_provider.lake.store import Store
from twitch_provider.metrics.manifest import MetricsManifest

#: Metadata of a period's manifest: whose it is, and whether the period had been published before.
_RUN, _AGAIN = "twitch-run", "twitch-again"


@dataclass(frozen=True)
class Published:
    """A period that this run published.

    :param key: of its manifest
    :param manifest: that lies there
    :param again: whether it had been published before
    """

    key: str
    manifest: MetricsManifest
    again: bool


@dataclass(frozen=True)
class Publisher:
    """The run that publishes.

    A try may die after it has published, and before its task has told anybody: the next one finds nothing to
    publish, but knows its run by the metadata of the manifest, and tells it.

    :param dag_id: of the run
    :param run_id: of the run
    :param retry: whether this is not the first try of its task
    """

    dag_id: str = ""
    run_id: str = ""
    retry: bool = False

    def metadata(self, *, again: bool) -> dict[str, str]:
        """Return what is written beside a manifest; names of runs may be longer than metadata can be.

        :param again: whether the period had been published before
        """
        run = hashlib.sha256(f"{self.dag_id}\n{self.run_id}".encode(errors="surrogatepass")).hexdigest()
        return {_RUN: run, _AGAIN: str(again).lower()}

    def published_before(self, store: Store, key: str, manifest: MetricsManifest) -> Published | None:
        """Return what an earlier try of this run published, None if it was another run.

        :param store: of the lake
        :param key: of the manifest
        :param manifest: that lies there
        :raises TwitchStoreError: the store failed
        """
        there = store.stat(key) if self.retry else None
        for again in (False, True):
            if there is not None and self.metadata(again=again).items() <= dict(there.metadata).items():
                return Published(key, manifest, again)
        return None


#: Where nobody is told: no run's.
NOBODY = Publisher()
