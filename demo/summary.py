# SPDX-License-Identifier: Apache-2.0
"""The content of the lake, read back from the manifests and the CSVs."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from demo.errors import DemoError
from demo.settings import DAG_ID
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest

Row = dict[str, str]


@dataclass(frozen=True)
class Snapshot:
    """One published run.

    :param games: the rows of its table of games, by rank
    :param streams: the rows of its table of streams
    :param rejects: the rows that were rejected, each with its reason
    """

    keys: SnapshotKeys
    manifest: Manifest
    games: list[Row]
    streams: list[Row]
    rejects: list[Row]

    @property
    def viewers(self) -> int:
        """Viewers of all streams."""
        return sum(int(row["viewer_count"]) for row in self.streams)

    @property
    def languages(self) -> list[tuple[str, int]]:
        """Each language with its number of streams, the most frequent first."""
        return Counter(row["language"] for row in self.streams if row["language"]).most_common()

    @property
    def mature(self) -> int:
        """Number of streams that are marked as mature."""
        return sum(row["is_mature"] == "true" for row in self.streams)

    @property
    def rejected(self) -> list[tuple[str, int]]:
        """Each reason for rejecting rows, with their number."""
        return Counter(row["reason"] for row in self.rejects).most_common()

    @property
    def filtered(self) -> list[tuple[str, int]]:
        """Each reason for filtering valid rows out, with their number."""
        reasons: Counter[str] = Counter()
        for account in self.manifest.counts.values():
            reasons.update(account["filtered_by_reason"])
        return reasons.most_common()

    def total(self, count: str) -> int:
        """Return one of the manifest's counts (``rows_in``, ``duplicates`` …), over all tables."""
        return sum(int(account[count]) for account in self.manifest.counts.values())


def read_snapshot(get: Callable[[str], bytes | None], prefix: str, tick: datetime) -> Snapshot:
    """Read one run back.

    :param get: returns the bytes of a key, or None if it does not exist
    :param prefix: of the lake
    :param tick: the run's ``run_after``
    :raises DemoError: the run published nothing, or an object that its manifest lists is missing
    """
    keys = SnapshotKeys(prefix, DAG_ID, tick)

    def fetch(key: str) -> bytes:
        body = get(key)
        if body is None:
            raise DemoError(f"The run of {tick:%H:%M} UTC published no snapshot: {key} is missing.")
        return body

    def rows(key: str) -> list[Row]:
        return list(csv.DictReader(io.StringIO(fetch(key).decode(), newline="")))

    manifest = Manifest.from_json(fetch(keys.manifest))
    written = {entry.key for entry in manifest.objects}
    refused = [keys.rejects(dataset) for dataset in ("top_streams", "top_games")]
    return Snapshot(
        keys,
        manifest,
        games=rows(keys.data("top_games")),
        streams=rows(keys.data("top_streams")),
        rejects=[row for key in refused if key in written for row in rows(key)],
    )
