# SPDX-License-Identifier: Apache-2.0
"""A snapshot, step by step: extract asks Twitch, transform cleans, load publishes.

A DAG calls the steps in tasks of their own; an operator calls :func:`publish`, which runs all three and
keeps the pages in memory between them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from twitch_provider.config import option_is_true
from twitch_provider.exceptions import TwitchDataError
from twitch_provider.pipelines.outputs import connect

if TYPE_CHECKING:
    from twitch_provider.helix.messages import Page
    from twitch_provider.hooks.twitch import TwitchHook
    from twitch_provider.lake import raw_pages
    from twitch_provider.lake.extract import Extract
    from twitch_provider.lake.formats import Format
    from twitch_provider.lake.keys import SnapshotKeys
    from twitch_provider.lake.manifest import Manifest
    from twitch_provider.lake.store import Store
    from twitch_provider.lake.tables import CleanTable
    from twitch_provider.pipelines.run import Run


log = logging.getLogger(__name__)

#: The form of the tables of our own DAGs.
PLAIN_CSV = {"file_format": "csv", "compression": "none"}


class Snapshot(Protocol):
    """What to ask Twitch for, and what tables to make of it."""

    @property
    def raw_dataset(self) -> str:
        """Return the dataset that the raw pages are filed under."""
        ...

    @property
    def asks(self) -> Mapping[str, Any]:
        """Return what Twitch is asked for, by the names of the arguments, as values of JSON."""
        ...

    def read(self, hook: TwitchHook) -> Iterator[Page]:
        """Read the pages from Helix.

        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        ...

    def clean(self, pages: Iterable[raw_pages.Page], run_after: datetime) -> dict[str, CleanTable]:
        """Make the table of each dataset.

        :raises TwitchDataError: the pages cannot become a snapshot
        """
        ...


def extract(run: Run, snapshot: Snapshot) -> Extract:
    """Ask Twitch and keep its answers under ``raw/``; a run that has them already does not repeat that.

    :raises TwitchTooLateError: the run has none, and it is too late to ask Twitch
    :raises TwitchOwnerError: what lies there belongs to another run or task
    :raises TwitchError: reading or writing failed
    """
    from twitch_provider.lake.summary import cost

    extracted = _obtain(run, snapshot, connect, PLAIN_CSV)[0]
    header, raw = extracted.header, extracted.raw
    log.info(
        "%s: %s pages, %s; %s",
        "Asked Twitch" if header.try_id == run.try_id else "Found what Twitch answered this run before",
        f"{raw.rows:,}",
        cost(header.requests, header.points_left),
        run.store.uri(raw.key),
    )
    return extracted


def transform(run: Run, snapshot: Snapshot, extracted: Extract) -> dict[str, CleanTable]:
    """Turn raw pages into clean, typed tables; rows that cleaning refuses are kept aside.

    :raises TwitchRawObjectError: the raw object is missing or damaged, or cannot become a snapshot
    """
    from twitch_provider.lake.extract import unusable
    from twitch_provider.lake.summary import account

    pages, place = extracted.pages(run.store), run.store.uri(extracted.raw.key)
    try:
        tables = _clean(snapshot, pages, run)
    except TwitchDataError as error:
        raise unusable(run.store, extracted.raw.key, error) from None
    counts = {dataset: table.counts for dataset, table in tables.items()}
    log.info("Cleaned %s; of %s", account(counts), place)
    return tables


def load(
    run: Run, extracted: Extract, tables: Mapping[str, CleanTable], *, latest: bool = False
) -> dict[str, dict[str, Any]]:
    """Publish the tables, then the manifest, then ``latest/``.

    :param run: whose snapshot this is
    :param extracted: of :func:`extract`; it says in which form the tables are written
    :param tables: of :func:`transform`
    :param latest: replace the fixed keys under ``latest/`` too, where no newer run wrote them
    :returns: for each dataset where it lies: :func:`reference`
    :raises TwitchConfigError: ``[twitch] escape_formulas`` is neither true nor false
    :raises TwitchStoreError: the store failed
    """
    from twitch_provider.lake.publish import publish
    from twitch_provider.pipelines.stats import send_snapshot

    keys, now = run.keys_of(extracted), datetime.now(UTC)
    formulas = not (latest and option_is_true("escape_formulas"))
    manifest = publish(
        run.store, keys, tables, extract=extracted, published_at=now, latest=latest, formulas=formulas
    )
    send_snapshot(run, manifest, now)
    return {dataset: reference(run.store, keys, manifest, dataset) for dataset in tables}


def publish(run: Run, snapshot: Snapshot, hook: TwitchHook, file_format: Format) -> dict[str, dict[str, Any]]:
    """Run all three steps; what was read is not fetched from S3 again.

    :returns: for each dataset where it lies: :func:`reference`
    :raises TwitchTooLateError: the run has no raw object, and it is too late to ask Twitch
    :raises TwitchOwnerError: what lies there belongs to another run or task
    :raises TwitchError: reading or writing failed
    """
    extracted, tables = _obtain(run, snapshot, lambda: hook, file_format.as_dict())
    return load(run, extracted, tables or transform(run, snapshot, extracted))


def _obtain(
    run: Run, snapshot: Snapshot, hook: Callable[[], TwitchHook], writes: Mapping[str, Any]
) -> tuple[Extract, dict[str, CleanTable] | None]:
    """Return the run's raw object, and the tables of what this try has asked Twitch for, if it is that."""
    if (found := run.find(snapshot.raw_dataset)) is not None:
        return found, None
    run.require_in_time(snapshot.raw_dataset)
    return _ask(run, snapshot, hook(), writes)


def _ask(
    run: Run, snapshot: Snapshot, hook: TwitchHook, writes: Mapping[str, Any]
) -> tuple[Extract, dict[str, CleanTable] | None]:
    from twitch_provider.lake.extract import keep, set_aside
    from twitch_provider.lake.raw_lines import RawObject

    before = hook.stats.copy()  # of an operator that is executed again
    pages: list[Page] = []
    refused: TwitchDataError | None = None
    try:
        # Not a list of it: the pages before an error are kept.
        pages.extend(snapshot.read(hook))
    except TwitchDataError as error:
        refused = error
    if not pages:
        raise refused or TwitchDataError("Twitch answered no page, so there is nothing to store: try again.")
    header = run.header(
        asks=snapshot.asks,
        writes=writes,
        stats=hook.stats - before,
        loopback=all(page.loopback for page in pages),
        points_left=next((page.rate_limit.remaining for page in reversed(pages) if page.rate_limit), None),
    )
    raw = RawObject.of(pages, header)
    tables: dict[str, CleanTable] = {}
    if refused is None:
        try:
            raw.check_clocks()
            tables = _clean(snapshot, pages, run)
        except TwitchDataError as error:
            refused = error
    if refused is not None:
        aside = set_aside(run.store, run.keys, snapshot.raw_dataset, raw)
        raise TwitchDataError(f"{refused} The answers are kept in {run.store.uri(aside.raw.key)}.")
    extracted = keep(run.store, run.keys, snapshot.raw_dataset, raw)
    # Another try was faster, or an answer of the store was lost: what lies there counts.
    return extracted, tables if extracted.header.try_id == run.try_id else None


def _clean(snapshot: Snapshot, pages: Iterable[raw_pages.Page], run: Run) -> dict[str, CleanTable]:
    """Make the tables, if there is anything in them.

    :raises TwitchDataError: every row was refused
    """
    tables = snapshot.clean(pages, run.keys.run_after)
    counts = [table.counts for table in tables.values()]
    if any(each["rejects"] for each in counts) and not any(each["rows_out"] for each in counts):
        table = next(table for table in tables.values() if table.rejected)
        raise TwitchDataError(
            f"Cleaning refused every row ({next(iter(table.rejected))}), so nothing is published: Twitch's "
            "answers may have changed."
        )
    return tables


def reference(store: Store, keys: SnapshotKeys, manifest: Manifest, dataset: str) -> dict[str, Any]:
    """Return where a table lies and what it is, for XCom and asset events.

    :param store: of the lake
    :param keys: of the run
    :param manifest: that lists the table
    :param dataset: whose table it is
    :returns: ``{"uri": …, "manifest": …, "rows": …, "run_after": …, "run_type": …, "complete": …, "adhoc": …,
        "scope": …}``
    :raises TwitchDataError: the manifest does not list it
    """
    from twitch_provider.lake.instants import utc_text

    table, place = manifest.table(dataset), store.uri(keys.manifest)
    if table is None:
        raise TwitchDataError(f"{place} lists no table {dataset}: clear the task that wrote it.")
    return {
        "uri": store.uri(table.key),
        "manifest": place,
        "rows": table.rows,
        "run_after": utc_text(manifest.run_after, "run_after"),
        "run_type": manifest.run_type,
        "complete": manifest.complete,
        "adhoc": manifest.adhoc,
        "scope": manifest.scope,
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
