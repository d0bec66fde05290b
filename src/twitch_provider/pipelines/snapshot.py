# SPDX-License-Identifier: Apache-2.0
"""A snapshot, step by step: extract asks Twitch, transform cleans, load publishes.

A DAG calls the steps in tasks of their own; an operator calls :func:`publish`, which runs all three and
keeps the pages in memory between them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from twitch_provider.pipelines.outputs import connect

if TYPE_CHECKING:
    from twitch_provider.helix.messages import Page
    from twitch_provider.hooks.twitch import TwitchHook
    from twitch_provider.lake import raw_lines
    from twitch_provider.lake.extract import Extract
    from twitch_provider.lake.formats import Format
    from twitch_provider.lake.manifest import Manifest
    from twitch_provider.lake.tables import CleanTable
    from twitch_provider.pipelines.run import Run


class Snapshot(Protocol):
    """What to ask Twitch for, and what tables to make of it."""

    @property
    def raw_dataset(self) -> str:
        """Return the dataset that the raw pages are filed under."""
        ...

    def read(self, hook: TwitchHook) -> Iterator[Page]:
        """Read the pages from Helix.

        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        ...

    def clean(self, pages: Iterable[raw_lines.Page], run_after: datetime) -> dict[str, CleanTable]:
        """Make the table of each dataset.

        :raises TwitchDataError: the pages cannot become a snapshot
        """
        ...


def extract(run: Run, snapshot: Snapshot) -> Extract:
    """Ask Twitch and keep its answers under ``raw/``; a run that is too late returns what it kept earlier.

    :raises AirflowSkipException: it is too late to ask Twitch, and the run kept nothing
    :raises TwitchError: reading or writing failed
    """
    return run.earlier_extract(snapshot.raw_dataset) or _ask(run, snapshot, connect())[0]


def transform(run: Run, snapshot: Snapshot, extracted: Extract) -> dict[str, CleanTable]:
    """Turn raw pages into clean, typed tables; rows that cleaning refuses are kept aside.

    :raises TwitchDataError: the raw object is gone or damaged, or cannot become a snapshot
    """
    return snapshot.clean(extracted.pages(run.store), run.keys.run_after)


def load(
    run: Run,
    extracted: Extract,
    tables: Mapping[str, CleanTable],
    *,
    file_format: Format | None = None,
    latest: bool = False,
    interval: timedelta | None = None,
) -> dict[str, dict[str, Any]]:
    """Publish the tables, then ``latest/``, then the manifest.

    :param run: whose snapshot this is
    :param extracted: of :func:`extract`
    :param tables: of :func:`transform`
    :param file_format: of the tables; None for the DAG's own, which are always plain CSV
    :param latest: replace the fixed keys under ``latest/`` too, where no newer run wrote them
    :param interval: how often a snapshot is due: a gap is then a warning in the log
    :returns: for each dataset where it lies: :func:`reference`
    :raises TwitchStoreError: the store failed
    """
    from twitch_provider.lake.publish import publish

    manifest = publish(
        run.store,
        run.keys,
        tables,
        extract=extracted,
        run_id=run.run_id,
        published_at=datetime.now(UTC),
        latest=latest,
        interval=interval,
        file_format=file_format,
    )
    return {dataset: reference(run, manifest, dataset) for dataset in tables}


def publish(run: Run, snapshot: Snapshot, hook: TwitchHook, file_format: Format) -> dict[str, dict[str, Any]]:
    """Run all three steps; what was read is not fetched from S3 again.

    :returns: for each dataset where it lies: :func:`reference`
    :raises AirflowSkipException: it is too late to ask Twitch, and the run kept nothing
    :raises TwitchError: reading or writing failed
    """
    if (extracted := run.earlier_extract(snapshot.raw_dataset)) is not None:
        tables = transform(run, snapshot, extracted)
    else:
        extracted, pages = _ask(run, snapshot, hook)
        tables = snapshot.clean(pages, run.keys.run_after)
    return load(run, extracted, tables, file_format=file_format)


def _ask(run: Run, snapshot: Snapshot, hook: TwitchHook) -> tuple[Extract, list[Page]]:
    from twitch_provider.lake.extract import keep
    from twitch_provider.lake.raw_lines import RawObject

    before = hook.stats.copy()  # of an operator that is executed again
    pages = list(snapshot.read(hook))
    raw = RawObject.of(pages)
    return keep(run.store, run.keys, snapshot.raw_dataset, raw, stats=hook.stats - before), pages


def reference(run: Run, manifest: Manifest, dataset: str) -> dict[str, Any]:
    """Return where a table lies: ``{"uri": …, "manifest": …, "rows": …}``, for XCom and asset events."""
    key_of = run.keys.data if manifest.complete else run.keys.incomplete
    (table,) = (entry for entry in manifest.objects if entry.key.startswith(key_of(dataset, ".")))
    return {
        "uri": run.store.uri(table.key),
        "manifest": run.store.uri(run.keys.manifest),
        "rows": table.rows,
    }


def dataset_names(dataset: Any, *, beside: Sequence[str] = (), allowed: Collection[str] = ()) -> list[str]:
    """Check the names of an operator's datasets.

    :param dataset: the first one, as a template rendered it
    :param beside: further ones, by their content
    :param allowed: reserved names that this operator may use
    :raises TwitchParameterError: the name is invalid, or is reserved
    """
    from twitch_provider.lake.keys import dataset_beside, dataset_name
    from twitch_provider.pipelines.templates import native

    given = native(dataset)
    name = dataset_name("" if given is None else str(given), allowed=allowed)
    return [name, *(dataset_beside(name, content) for content in beside)]
