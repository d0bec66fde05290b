# SPDX-License-Identifier: Apache-2.0
"""The snapshot of every live stream: crawl, raw pages, table, manifest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from twitch_provider.compat import AirflowFailException
from twitch_provider.exceptions import (
    TwitchDataError,
    TwitchIncompleteError,
    TwitchParameterError,
    TwitchRawObjectError,
)
from twitch_provider.pipelines.snapshot import reference

if TYPE_CHECKING:
    from twitch_provider.crawl.light_page import LightPage
    from twitch_provider.crawl.report import CrawlReport
    from twitch_provider.hooks.twitch_async import TwitchAsyncHook
    from twitch_provider.lake.extract import Extract
    from twitch_provider.lake.formats import Format
    from twitch_provider.lake.previous import Known
    from twitch_provider.lake.raw_lines import RawObject
    from twitch_provider.lake.tables import CleanTable
    from twitch_provider.pipelines.run import Run

log = logging.getLogger(__name__)

#: How to crawl, and whether long lists are then started at the last crawl's checkpoints too.
STRATEGIES = {"languages": False, "checkpoints": True}
#: What to do with a crawl that lost a part of the list.
ON_INCOMPLETE = ("keep", "fail")
#: The dataset that a DAG has one of: its manifests lie under the DAG's own id.
ALL_STREAMS = "all_streams"
#: Bodies that stay in memory until they are cleaned: those of 250,000 streams. Those of a larger crawl are
#: decompressed one by one.
HELD_BYTES = 2**27
#: The part of the rows that cleaning may refuse in a snapshot that is called complete.
MAX_REFUSED = 0.01
#: An older snapshot says little about who is live: a third of the broadcasts ended meanwhile.
MAX_AGE = timedelta(minutes=30)


@dataclass(frozen=True)
class CrawlOptions:
    """How to crawl.

    :param strategy: one of :data:`STRATEGIES`
    :param on_incomplete: one of :data:`ON_INCOMPLETE`
    :param seconds: that the crawl may take
    :raises TwitchParameterError: one of them is invalid
    """

    strategy: str = "languages"
    on_incomplete: str = "keep"
    seconds: float = 220.0

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("strategy", self.strategy, [*STRATEGIES]),
            ("on_incomplete", self.on_incomplete, ON_INCOMPLETE),
        ):
            if value not in choices:
                raise TwitchParameterError(
                    f"{name} must be {' or '.join(choices)}, not {value!r:.60}", parameter=name
                )
        number = isinstance(self.seconds, int | float) and not isinstance(self.seconds, bool)
        if not number or not 1 <= self.seconds <= 3600:
            raise TwitchParameterError(
                f"crawl_seconds must be between 1 and 3600, not {self.seconds!r:.60}",
                parameter="crawl_seconds",
            )


def publish(
    run: Run, dataset: str, options: CrawlOptions, hook: TwitchAsyncHook, file_format: Format
) -> dict[str, Any]:
    """Crawl and publish what arrived; a run that has its raw pages publishes those.

    :returns: as :func:`~twitch_provider.pipelines.snapshot.reference`, and ``"completeness"``
    :raises TwitchIncompleteError: a part of the list is missing, and ``on_incomplete`` is ``fail``; the raw
        pages are kept
    :raises AirflowFailException: the same of raw pages that no retry can change: those of a run that is too
        late, or too many rows that cleaning refused
    :raises TwitchTooLateError: the run has no raw pages, and it is too late to ask Twitch
    :raises TwitchOwnerError: what lies there belongs to another run or task
    :raises TwitchError: crawling or writing failed
    """
    extracted, table = _obtain(run, dataset, options, hook, file_format)
    return _publish(run, dataset, extracted, table, options.on_incomplete)


def rebuild(run: Run, dataset: str) -> dict[str, Any]:
    """Publish the raw pages that a run has; Twitch is not asked.

    :returns: as :func:`publish`
    :raises TwitchTooLateError: the run has none
    :raises TwitchError: reading or writing failed
    """
    if (found := run.find(dataset)) is not None:
        return _publish(run, dataset, found, _rebuild(run, found), "keep")
    if (late := _find_incomplete(run, dataset)) is not None:
        return _publish(run, dataset, *late, "keep")
    raise run.too_late(run.refused)


def _publish(
    run: Run, dataset: str, extracted: Extract, table: CleanTable, on_incomplete: str
) -> dict[str, Any]:
    from twitch_provider.lake.publish import publish as publish_table
    from twitch_provider.pipelines.stats import send_snapshot

    keys, header = run.keys_of(extracted), extracted.header
    few = _few_rows(table)
    if few:
        log.warning("%s", few)
        if on_incomplete == "fail":
            raise AirflowFailException(few)
    now = datetime.now(UTC)
    manifest = publish_table(
        run.store,
        keys,
        {dataset: table},
        extract=extracted,
        published_at=now,
        complete=not header.cut_short and not few,
    )
    send_snapshot(run, manifest, now)
    if header.cut_short and manifest.complete:
        log.warning("%s Keeping the complete snapshot of another try.", _lacks(header.report))
    completeness = (manifest.crawl or {}).get("completeness")
    return {**reference(run.store, keys, manifest, dataset), "completeness": completeness}


def _obtain(
    run: Run, dataset: str, options: CrawlOptions, hook: TwitchAsyncHook, file_format: Format
) -> tuple[Extract, CleanTable]:
    """Return the raw object to publish, and its table."""
    if (found := run.find(dataset)) is not None:
        return found, _rebuild(run, found)
    if (reason := run.why_not_ask(dataset)) and (late := _find_incomplete(run, dataset)) is not None:
        if options.on_incomplete == "fail":
            # The raw pages are what they are: no retry changes them.
            lacks = _lacks(late[0].header.report)
            raise AirflowFailException(f"{lacks} No later try can ask Twitch: {reason}.")
        return late
    if reason:
        raise run.too_late(reason)
    return _ask(run, dataset, options, hook, file_format)


def _find_incomplete(run: Run, dataset: str) -> tuple[Extract, CleanTable] | None:
    """Find what an earlier try read, if none read all of it: what the manifest lists, or the newest."""
    from twitch_provider.lake.extract import find_incomplete
    from twitch_provider.lake.manifest import published

    for keys in run.both_keys:
        try:
            manifest = published(run.store, keys)
        except TwitchDataError:
            manifest = None
        listed = manifest.raw.key if manifest is not None and manifest.raw else ""
        found = find_incomplete(run.store, keys, dataset, run.owner)
        for extracted in sorted(found, key=lambda each: each.raw.key != listed):
            try:
                return extracted, _rebuild(run, extracted)
            except TwitchRawObjectError as error:
                log.warning("%s", error)
    return None


def _rebuild(run: Run, extracted: Extract) -> CleanTable:
    from twitch_provider.lake.all_streams import transform
    from twitch_provider.lake.extract import unusable

    try:
        table = transform(extracted.bodies(run.store), run_after=run.keys.run_after)
        _few_rows(table)
    except TwitchRawObjectError:
        raise
    except TwitchDataError as error:
        raise unusable(run.store, extracted.raw.key, error) from None
    return table


def _ask(
    run: Run, dataset: str, options: CrawlOptions, hook: TwitchAsyncHook, file_format: Format
) -> tuple[Extract, CleanTable]:
    from twitch_provider.lake.extract import keep, set_aside

    raw = _crawl(run, dataset, options, hook, file_format)
    try:
        table = _table(run, raw)
    except TwitchDataError as error:
        aside = set_aside(run.store, run.keys, dataset, raw)
        raise TwitchDataError(f"{error} The answers are kept in {run.store.uri(aside.raw.key)}.") from None
    if raw.header.cut_short:
        extracted = set_aside(run.store, run.keys, dataset, raw)
        if options.on_incomplete == "fail":
            raise TwitchIncompleteError(_lacks(raw.header.report))
        return extracted, table
    extracted = keep(run.store, run.keys, dataset, raw)
    # Another try was faster, or an answer of the store was lost: what lies there counts.
    return extracted, table if extracted.header.try_id == run.try_id else _rebuild(run, extracted)


def _table(run: Run, raw: RawObject) -> CleanTable:
    """Clean what this try has read.

    :raises TwitchDataError: nothing can be published of it
    """
    from twitch_provider.lake.all_streams import transform

    raw.check_clocks()
    if not (raw.header.report or {}).get("broadcasters"):
        raise TwitchDataError("Twitch lists not one live stream, so nothing is published: try again.")
    table = transform(raw.bodies(), run_after=run.keys.run_after)
    _few_rows(table)
    return table


def _few_rows(table: CleanTable) -> str:
    """Say that cleaning refused more rows than a snapshot may lack; empty where it did not.

    :raises TwitchDataError: it refused all of them
    """
    refused, rows = table.counts["rejects"], table.counts["rows_in"]
    if refused <= rows * MAX_REFUSED:
        return ""
    reason = next(iter(table.rejected))
    message = f"Cleaning refused {refused:,} of {rows:,} rows ({reason}); Twitch's answers may have changed"
    if not table.counts["rows_out"]:
        raise TwitchDataError(f"{message}: nothing is published.")
    return f"{message}: the snapshot is not complete."


def _lacks(report: Mapping[str, Any] | None) -> str:
    what = (report or {}).get("why_incomplete") or "a part of the list is missing"
    return f"The crawl is incomplete, its table is not published; {what}."


def _crawl(
    run: Run, dataset: str, options: CrawlOptions, hook: TwitchAsyncHook, file_format: Format
) -> RawObject:
    from twitch_provider.lake.previous import read_previous
    from twitch_provider.lake.raw_lines import RawWriter

    known = read_previous(run.store, run.keys, dataset, within=MAX_AGE)
    writer, loopback = RawWriter(hold=HELD_BYTES), True

    def keep(page: LightPage) -> None:
        nonlocal loopback
        loopback &= page.loopback
        writer.add(page)

    report, stats = asyncio.run(_read_all(hook, options, known, keep))
    if not writer.pages:
        raise TwitchDataError("Twitch lists not one live stream: nothing is kept, retrying.")
    header = run.header(
        asks={"strategy": options.strategy},
        writes=file_format.as_dict(),
        stats=stats,
        loopback=loopback,
        points_left=report.points_left,
        report=report.as_dict(),
    )
    return writer.finish(header)


async def _read_all(
    hook: TwitchAsyncHook, options: CrawlOptions, known: Known | None, keep: Callable[[LightPage], None]
) -> tuple[CrawlReport, Mapping[str, int]]:
    from twitch_provider.hooks.lineage import report_reading

    async with hook:
        report_reading(hook, "streams")
        from_checkpoints = STRATEGIES[options.strategy]
        report = await hook.crawl(
            keep, remembered=known, from_checkpoints=from_checkpoints, seconds=options.seconds
        )
        return report, dict(hook.stats)
