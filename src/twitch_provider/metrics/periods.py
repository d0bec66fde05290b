# SPDX-License-Identifier: Apache-2.0
"""One hour or day: whether it differs from what is published, and publishing it.

Nothing is derived from what has changed: what a period would be computed from is compared with what its
manifest says that it was. A late, repeated or vanished snapshot so reaches all periods in which the clock, or
a gate, decides otherwise than before, and no other.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import parquet

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.store import Store
from twitch_provider.metrics.clock import GATED, Period
from twitch_provider.metrics.completeness import completeness, completeness_table
from twitch_provider.metrics.engine import open_engine
from twitch_provider.metrics.fetch import fetch_games, fetch_streams, require_rows
from twitch_provider.metrics.gather import gather
from twitch_provider.metrics.history import History, digest_of
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.manifest import MetricsManifest, MetricsObject, scopes_of
from twitch_provider.metrics.publish import Seen, publish
from twitch_provider.metrics.publisher import NOBODY, Published, Publisher
from twitch_provider.metrics.snapshots import Snapshot
from twitch_provider.metrics.tables import TABLES, MetricsTable
from twitch_provider.metrics.writing import write_table

log = logging.getLogger(__name__)


class Attempt(NamedTuple):
    """What a try of publishing came to.

    :param done: False if another try was faster: begin anew
    :param published: by this try, or an earlier one of its run; None if what lies there is right
    """

    done: bool
    published: Published | None = None


class Made(NamedTuple):
    """A table that was computed.

    :param table: its name, or the dataset of a compacted one
    :param key: where it is published
    :param rows: how many
    :param path: of the file
    """

    table: str
    key: str
    rows: int
    path: Path

    def describe(self) -> MetricsObject:
        """Return what a manifest says of it."""
        with self.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return MetricsObject(self.key, self.path.stat().st_size, sha256, self.rows, self.table)


@dataclass(frozen=True)
class Work:
    """What a period is computed from.

    :param kind: ``hour`` or ``day``
    :param begin: aware UTC
    :param history: snapshots
    :param may_vanish: whether snapshots that are missing were withdrawn; of an older day they have expired
    :param publisher: who publishes it
    """

    kind: str
    begin: datetime
    history: History
    may_vanish: bool = True
    publisher: Publisher = NOBODY

    @cached_property
    def period(self) -> Period:
        """Of the clock."""
        return self.history.period(self.kind, self.begin)

    @cached_property
    def needed(self) -> list[Snapshot]:
        """The snapshots whose tables are read."""
        return self.history.needed(self.period.needed)

    @cached_property
    def earlier(self) -> list[Snapshot]:
        """The snapshots that the sessions of a day read besides."""
        return self.history.needed(self.period.needed_earlier) if self.kind == "day" else []

    @cached_property
    def report(self) -> list[dict[str, Any]]:
        """The rows of a day's completeness report."""
        if self.kind == "hour":
            return []
        return completeness(self.history.found.snapshots, self.history.clock, self.begin.date())

    @cached_property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """The manifests of all snapshots that matter, with their entity tags."""
        rows = {(row.dataset, row.run_after) for row in self.period.rows}
        found = self.history.found.snapshots
        of_rows = [each for each in found if (each.dataset, each.run_after) in rows]
        snapshots = [*of_rows, *self.needed, *self.earlier]
        if self.kind == "day":
            day = self.begin.date()
            snapshots += [each for each in found if each.run_after.date() == day]
        return tuple(sorted({(each.manifest, each.etag) for each in snapshots}))

    @cached_property
    def refused(self) -> tuple[str, ...]:
        """The manifests of a day's ticks that cannot be read."""
        day = f"/dt={self.begin:%Y-%m-%d}/"
        return tuple(sorted(key for key in self.history.found.refused if day in key and self.kind == "day"))

    @cached_property
    def digest(self) -> str:
        """Of all that the tables are a function of."""
        if self.kind == "hour":
            return digest_of(self.period, self.needed)
        read = [*self.needed, *self.earlier, *self.history.compacted(self.begin.date())]
        return digest_of(self.period, read, [[vars(row) for row in self.period.earlier], self.report])

    def manifest(self, objects: Iterable[MetricsObject]) -> MetricsManifest:
        """Return the manifest of its tables.

        :param objects: that are published
        """
        return MetricsManifest(
            period=self.kind,
            begin=utc_text(self.begin, "begin"),
            digest=self.digest,
            scopes=scopes_of(self.period),
            inputs=self.inputs,
            refused=self.refused,
            objects=tuple(objects),
        )

    def require_snapshots(self, present: MetricsManifest) -> None:
        """Check that the snapshots of an older day have not expired since it was published.

        :param present: the manifest that lies there
        :raises TwitchDataError: none of them is left
        """
        day = self.begin.date()
        had = any(f"/dt={day}/" in manifest for manifest, _ in present.inputs)
        left = any(each.run_after.date() == day for each in self.history.found.snapshots)
        if had and not left and not self.may_vanish:
            raise TwitchDataError(f"The manifests of {day} are not there: they may have expired.")

    def tables(self, store: Store, keys: MetricsKeys, folder: Path) -> Iterator[Made]:
        """Compute the tables from files of this machine.

        :param store: of the lake
        :param keys: of metrics
        :param folder: a temporary one
        :raises TwitchDataError: a table of the lake is missing, or is not as its manifest or the schema says
        :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
        """
        with open_engine(folder) as engine:  # first of all: it may not be installed
            if self.kind == "hour":
                streams = fetch_streams(store, self.needed, folder)
                engine.load(self.period, streams, fetch_games(store, self.needed, folder))
            else:
                files = gather(store, keys, self.history, self.period, folder)
                engine.load(self.period, files.streams, files.games, earlier=files.earlier)
                for dataset, path in files.compacted.items():
                    rows = parquet.read_metadata(path).num_rows
                    yield Made(dataset, keys.compacted(dataset, self.begin.date()), rows, path)
            require_rows(store, engine, self.needed)
            for table, made in engine.compute():
                yield self._made(keys, table, made, folder)
        if self.kind == "day":
            report = completeness_table(self.report).to_reader()
            yield self._made(keys, TABLES["completeness"], report, folder)

    def _made(self, keys: MetricsKeys, table: MetricsTable, rows: pa.RecordBatchReader, folder: Path) -> Made:
        path = folder / table.file_name(self.begin)
        written = write_table(rows, path, {"twitch.digest": self.digest})
        return Made(table.name, keys.table(table, self.begin), written, path)


def publish_period(store: Store, keys: MetricsKeys, seen: Seen, work: Work) -> Attempt:
    """Publish an hour or a day, unless what lies there was computed from the same.

    :param store: of the lake
    :param keys: of metrics
    :param seen: what lay there before the snapshots were listed
    :param work: of the period
    :raises TwitchDataError: a table of the lake is missing, or is not as its manifest or the schema says;
        what was published stays
    :raises TwitchConfigError: DuckDB is not installed, or its bounds are reached
    :raises TwitchStoreError: the store failed
    """
    key = keys.manifest(work.kind, work.begin)
    present = seen.manifest(key)
    if present is not None:
        work.require_snapshots(present)
    if present is not None and present.digest == work.digest:
        manifest = work.manifest(present.objects)
        if manifest == present:
            return Attempt(done=True, published=work.publisher.published_before(store, key, present))
        return Attempt(done=_write(store, seen, work, key, manifest, {}) is not None)
    with TemporaryDirectory(prefix="twitch_metrics_") as folder:
        made = list(work.tables(store, keys, Path(folder)))
        manifest = work.manifest(sorted((each.describe() for each in made), key=lambda each: each.key))
        files = {each.key: each.path for each in made}
        published = _write(store, seen, work, key, manifest, files)
    return Attempt(done=published is not None, published=published)


def _write(
    store: Store,
    seen: Seen,
    work: Work,
    key: str,
    manifest: MetricsManifest,
    files: dict[str, Path],
) -> Published | None:
    """Publish what was computed; None if another try was faster."""
    published = Published(key, manifest, again=key in seen)
    if not publish(
        store, seen, key, manifest, files, metadata=work.publisher.metadata(again=published.again)
    ):
        return None
    _log(store, work, published, rewritten=bool(files))
    return published


def _log(store: Store, work: Work, published: Published, *, rewritten: bool) -> None:
    covered = "; ".join(
        f"{scope}: {each['samples']} samples, {each['covered_seconds']:,} s covered"
        for scope, each in published.manifest.scopes.items()
    )
    log.info(
        "%s %s of %s (%s); manifest %s",
        "Published" if rewritten else "Found unchanged, with other manifests,",
        f"the {work.kind}",
        published.manifest.begin,
        covered or "no snapshots",
        store.uri(published.key),
    )
    for row in work.period.rows:
        if row.status == GATED:
            snapshot = work.history.by_table[row.dataset, row.run_after]
            log.warning("%s does not count: %s", store.uri(snapshot.manifest), row.reason)
