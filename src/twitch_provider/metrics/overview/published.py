# SPDX-License-Identifier: Apache-2.0
"""Published hours and days: what their manifests say, and their tables as files of this machine.

Another run may replace a period while it is read. So all tables of a period are checked against one reading
of its manifest, and both are read again where they differ. What differs still is left out, with a note.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.store import Store
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.manifest import MetricsManifest

#: How many objects are read at once.
READERS = 8
#: How often a period is read.
_ROUNDS = 3

T = TypeVar("T")
R = TypeVar("R")

#: ``hour`` or ``day``, and its beginning.
Period = tuple[str, datetime]


class Published:
    """What is published, as far as it was read.

    :param store: of the lake
    :param keys: of metrics
    :param folder: a temporary one
    """

    def __init__(self, store: Store, keys: MetricsKeys, folder: Path) -> None:
        self._store, self._keys, self._folder = store, keys, folder
        self._manifests: dict[Period, MetricsManifest | None] = {}
        self._files: dict[tuple[Period, str], Path] = {}
        #: A sentence for each period that could not be read.
        self.notes: dict[Period, str] = {}

    def look(self, kind: str, begins: Iterable[datetime]) -> None:
        """Read manifests.

        :param kind: ``hour`` or ``day``
        :param begins: aware UTC
        :raises TwitchStoreError: the store failed
        """
        new = sorted({(kind, begin) for begin in begins} - self._manifests.keys())
        self._manifests |= zip(new, in_parallel(self._manifest, new), strict=True)

    def manifest(self, kind: str, begin: datetime) -> MetricsManifest | None:
        """Return a manifest that was read; None where nothing is published, or it cannot be read.

        :param kind: ``hour`` or ``day``
        :param begin: aware UTC
        """
        return self._manifests.get((kind, begin))

    def fetch(self, kind: str, wanted: Mapping[datetime, Collection[str]]) -> dict[str, dict[datetime, Path]]:
        """Write tables into the folder.

        :param kind: ``hour`` or ``day``
        :param wanted: names of tables, by the beginning of their period
        :returns: for each table its files by the beginning of their period
        :raises TwitchStoreError: the store failed
        """
        self.look(kind, wanted)
        periods = [((kind, begin), sorted(tables)) for begin, tables in sorted(wanted.items())]
        files: dict[str, dict[datetime, Path]] = defaultdict(dict)
        for (period, _), paths in zip(periods, in_parallel(self._tables, periods), strict=True):
            for table, path in paths.items():
                files[table][period[1]] = path
        return files

    def _manifest(self, period: Period) -> MetricsManifest | None:
        sentence = ""
        key = self._keys.manifest(*period)
        for _ in range(_ROUNDS):
            body = self._store.get(key)
            try:
                return None if body is None else MetricsManifest.from_json(body)
            except TwitchDataError:
                sentence = f"{self._store.uri(key)} is being written, or is not a manifest of this version's"
        self._leave_out(period, sentence)
        return None

    def _tables(self, wanted: tuple[Period, list[str]]) -> dict[str, Path]:
        period, tables = wanted
        differs = ""
        for turn in range(_ROUNDS):
            if turn:
                self._manifests[period] = self._manifest(period)
            manifest = self._manifests[period]
            if manifest is None:
                return {}
            objects = {each.table: each for each in manifest.objects}
            bodies = {}
            for table in tables:
                if turn == 0 and (period, table) in self._files:
                    continue
                body = self._store.get(objects[table].key) if table in objects else None
                if body is None or hashlib.sha256(body).hexdigest() != objects[table].sha256:
                    differs = table
                    break
                bodies[table] = body
            else:
                self._files |= {
                    (period, table): self._write(period, table, body) for table, body in bodies.items()
                }
                return {table: self._files[period, table] for table in tables}
        place = self._store.uri(self._keys.manifest(*period))
        self._leave_out(period, f"its table {differs} is not as {place} says")
        return {}

    def _write(self, period: Period, table: str, body: bytes) -> Path:
        path = self._folder / f"{table}_{period[1]:%Y%m%d%H}.parquet"
        path.write_bytes(body)
        return path

    def _leave_out(self, period: Period, why: str) -> None:
        kind, begin = period
        self._manifests[period] = None
        self.notes[period] = f"The {kind} of {utc_text(begin, 'begin')} is left out: {why}."


def in_parallel(function: Callable[[T], R], values: Iterable[T]) -> list[R]:
    """Return what a function returns of each value, some at a time, in order.

    :param function: which reads from the store
    :param values: its arguments
    """
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(function, values))
