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
from twitch_provider.exceptions import TwitchDataError, TwitchIncompleteError, TwitchParameterError
from twitch_provider.pipelines.snapshot import reference

if TYPE_CHECKING:
    from twitch_provider.crawl.light_page import LightPage
    from twitch_provider.crawl.report import CrawlReport
    from twitch_provider.hooks.twitch_async import TwitchAsyncHook
    from twitch_provider.lake.extract import Extract
    from twitch_provider.lake.formats import Format
    from twitch_provider.lake.manifest import Manifest
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
    :param interval: how often a snapshot is due: a gap is then a warning in the log
    :raises TwitchParameterError: one of them is invalid
    """

    strategy: str = "languages"
    on_incomplete: str = "keep"
    seconds: float = 220.0
    interval: timedelta | None = None

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
    """Crawl and publish what arrived; a run that is too late does so from the raw pages it kept earlier.

    :returns: ``{"uri": …, "manifest": …, "rows": …, "complete": …, "completeness": …}``
    :raises TwitchIncompleteError: a part of the list is missing, and ``on_incomplete`` is ``fail``; the raw
        pages are kept
    :raises AirflowFailException: the same of raw pages that no retry can change: those of a run that is too
        late, or too many rows that cleaning refused
    :raises TwitchError: crawling or writing failed
    :raises AirflowSkipException: it is too late to ask Twitch, and there are no raw pages
    """
    from twitch_provider.lake.publish import publish as publish_tables

    if (extracted := run.earlier_extract(dataset)) is not None:
        table = _rebuild(run, extracted, options)
    else:
        raw, stats = _crawl(run, dataset, options, hook)
        if (earlier := _complete_snapshot_to_keep(run, raw)) is not None:
            return _crawl_reference(run, earlier, dataset)
        extracted, table = _keep(run, dataset, options, raw, stats)
    if few := _few_rows(table):
        log.warning("%s", few)
        if options.on_incomplete == "fail":
            raise AirflowFailException(few)
    manifest = publish_tables(
        run.store,
        run.keys,
        {dataset: table},
        extract=extracted,
        run_id=run.run_id,
        published_at=datetime.now(UTC),
        file_format=file_format,
        interval=options.interval,
        complete=_is_complete(extracted.report) and not few,
    )
    return _crawl_reference(run, manifest, dataset)


def _rebuild(run: Run, extracted: Extract, options: CrawlOptions) -> CleanTable:
    from twitch_provider.lake.all_streams import transform

    if extracted.report is None:
        raise AirflowFailException(
            f"{run.store.uri(extracted.raw.key)} has no report, so its crawl was not finished, and Twitch "
            "cannot be asked about the past: delete it, and leave this run as it is."
        )
    if options.on_incomplete == "fail" and not _is_complete(extracted.report):
        # The raw pages are what they are: no retry changes them.
        raise AirflowFailException(_lacks(extracted.report))
    return transform(extracted.bodies(run.store), run_after=run.keys.run_after)


def _complete_snapshot_to_keep(run: Run, raw: RawObject) -> Manifest | None:
    """Return the manifest of an earlier try that is complete, if this crawl is not."""
    from twitch_provider.lake.all_streams import transform
    from twitch_provider.lake.manifest import published

    earlier = published(run.store, run.keys)
    if earlier is None or not earlier.complete:
        return None
    lacks = "" if _is_complete(raw.report) else _lacks(raw.report)
    lacks = lacks or _few_rows(transform(raw.bodies(), run_after=run.keys.run_after))
    if not lacks:
        return None
    log.warning("%s Keeping the complete snapshot of an earlier try.", lacks)
    return earlier


def _keep(
    run: Run, dataset: str, options: CrawlOptions, raw: RawObject, stats: Mapping[str, int]
) -> tuple[Extract, CleanTable]:
    from twitch_provider.lake.all_streams import transform
    from twitch_provider.lake.extract import keep

    extracted = keep(run.store, run.keys, dataset, raw, stats=stats)
    if options.on_incomplete == "fail" and not _is_complete(raw.report):
        raise TwitchIncompleteError(_lacks(raw.report))
    return extracted, transform(raw.bodies(), run_after=run.keys.run_after)


def _crawl_reference(run: Run, manifest: Manifest, dataset: str) -> dict[str, Any]:
    completeness = (manifest.crawl or {}).get("completeness")
    return {
        **reference(run, manifest, dataset),
        "complete": manifest.complete,
        "completeness": completeness,
    }


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


def _is_complete(report: Mapping[str, Any] | None) -> bool:
    return (report or {}).get("complete") is True


def _lacks(report: Mapping[str, Any] | None) -> str:
    what = (report or {}).get("why_incomplete") or "a part of the list is missing"
    return f"The crawl is incomplete, its table is not published; {what}."


def _crawl(
    run: Run, dataset: str, options: CrawlOptions, hook: TwitchAsyncHook
) -> tuple[RawObject, Mapping[str, int]]:
    from twitch_provider.lake.previous import read_previous
    from twitch_provider.lake.raw_lines import RawWriter

    known = read_previous(run.store, run.keys, dataset, within=MAX_AGE)
    writer = RawWriter()
    report, stats = asyncio.run(_read_all(hook, options, known, writer.add))
    if not report.broadcasters:
        raise TwitchDataError("Twitch lists not one live stream: nothing is kept, retrying.")
    return writer.finish(report.as_dict()), stats


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
