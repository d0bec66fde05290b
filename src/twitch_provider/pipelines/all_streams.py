# SPDX-License-Identifier: Apache-2.0
"""Every live stream into the lake: crawl, raw pages, table, manifest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from twitch_provider.exceptions import TwitchDataError, TwitchIncompleteError, TwitchParameterError
from twitch_provider.pipelines.tick import tick

if TYPE_CHECKING:
    from twitch_provider.config import LakeConfig
    from twitch_provider.lake.all_streams import Columns
    from twitch_provider.lake.formats import Format
    from twitch_provider.lake.keys import SnapshotKeys
    from twitch_provider.lake.manifest import Manifest
    from twitch_provider.lake.previous import Known
    from twitch_provider.lake.store import Store

log = logging.getLogger(__name__)

#: How a crawl may go about it, and whether it then begins long lists at remembered cursors too.
STRATEGIES = {"languages": False, "cursors": True}
#: What becomes of a crawl that lost a part of the list.
ON_INCOMPLETE = ("keep", "fail")
#: The dataset that a DAG has one of: its manifests lie under the DAG's own name.
ALL_STREAMS = "all_streams"
#: The part of the rows that cleaning may refuse in a snapshot that is called complete.
MOST_REFUSED = 0.01
#: An older snapshot tells little of who is live: a third of the broadcasters ended meanwhile.
MEMORY = timedelta(minutes=30)


@dataclass(frozen=True)
class Plan:
    """How to crawl.

    :param strategy: one of :data:`STRATEGIES`
    :param on_incomplete: one of :data:`ON_INCOMPLETE`
    :param seconds: that the crawl may take
    :param interval: how often a snapshot is due: a gap is then a warning in the log
    :raises TwitchParameterError: one of them is none
    """

    strategy: str = "languages"
    on_incomplete: str = "keep"
    seconds: float = 220.0
    interval: timedelta | None = None

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("crawl", self.strategy, [*STRATEGIES]),
            ("on_incomplete", self.on_incomplete, ON_INCOMPLETE),
        ):
            if value not in choices:
                raise TwitchParameterError(
                    f"{name} wants {' or '.join(choices)}, not {value!r:.60}", parameter=name
                )
        number = isinstance(self.seconds, int | float) and not isinstance(self.seconds, bool)
        if not number or not 1 <= self.seconds <= 3600:
            raise TwitchParameterError(
                f"crawl_seconds wants 1 to 3600, not {self.seconds!r:.60}", parameter="crawl_seconds"
            )


def publish_crawl(
    dag_run: Any, config: LakeConfig, dataset: str, plan: Plan, file_format: Format
) -> dict[str, Any]:
    """Crawl, and publish what came; a run that comes too late does so from its own raw pages.

    :param dag_run: of the context
    :param config: of the lake
    :param dataset: its name
    :param plan: how to crawl
    :param file_format: of the table
    :returns: ``{"uri": …, "manifest": …, "rows": …, "complete": …, "completeness": …}``
    :raises TwitchIncompleteError: a part of the list is missing, and ``on_incomplete`` is ``fail``; the raw
        pages are kept
    :raises AirflowFailException: the same of a run that comes too late
    :raises TwitchError: crawling or writing failed
    :raises AirflowSkipException: it is too late to ask Twitch, and there are no raw pages
    """
    from twitch_provider.lake import all_streams, extract
    from twitch_provider.lake.keys import SnapshotKeys
    from twitch_provider.lake.manifest import published
    from twitch_provider.lake.previous import read_previous
    from twitch_provider.lake.publish import publish
    from twitch_provider.lake.spool import Spool

    store, run_after = config.store(), tick(dag_run)
    dag_id = dag_run.dag_id if dataset == ALL_STREAMS else f"{dag_run.dag_id}.{dataset}"
    keys = SnapshotKeys(config.prefix, dag_id, run_after)
    if extract.is_too_late(run_after, datetime.now(UTC)):
        extracted = extract.find_crawl(store, keys, dataset)
        if extracted is None:
            raise AirflowSkipException(f"Too late for {keys.tick}: Twitch cannot be asked about the past")
        if plan.on_incomplete == "fail" and not _is_complete(extracted.report):
            # The raw pages are what they are: no retry mends them.
            raise AirflowFailException(_lacks(extracted.report))
        columns = all_streams.transform(extracted.bodies(store), run_after=run_after)
    else:
        known = read_previous(store, keys, dataset, within=MEMORY)
        with Spool() as spool:
            report, stats = asyncio.run(_crawl(config.twitch_conn_id, plan, known, spool.add))
            if not report["broadcasters"]:
                raise TwitchDataError(
                    "Twitch lists not one live stream: nothing is kept, the task asks again."
                )
            spooled = spool.finish(report)
            if (before := published(store, keys)) and before.complete:
                # Looked at before anything of it is withdrawn.
                lacks = "" if _is_complete(report) else _lacks(report)
                lacks = lacks or _few_rows(all_streams.transform(spooled.bodies(), run_after=run_after))
                if lacks:
                    log.warning("%s The complete snapshot of an earlier try stays.", lacks)
                    return _reference(store, keys, dataset, before)
            extracted = extract.keep_spool(store, keys, dataset, spooled, stats=stats)
            if plan.on_incomplete == "fail" and not _is_complete(report):
                raise TwitchIncompleteError(_lacks(report))
            columns = all_streams.transform(spooled.bodies(), run_after=run_after)
    if few := _few_rows(columns):
        log.warning("%s", few)
        if plan.on_incomplete == "fail":
            raise AirflowFailException(few)
    manifest = publish(
        store,
        keys,
        {dataset: columns},
        extract=extracted,
        run_id=dag_run.run_id,
        published_at=datetime.now(UTC),
        formats={dataset: file_format},
        interval=plan.interval,
        complete=_is_complete(extracted.report) and not few,
    )
    return _reference(store, keys, dataset, manifest)


def _reference(store: Store, keys: SnapshotKeys, dataset: str, manifest: Manifest) -> dict[str, Any]:
    table_at = keys.data if manifest.complete else keys.incomplete
    (table,) = (entry for entry in manifest.objects if entry.key.startswith(table_at(dataset, ".")))
    return {
        "uri": store.uri(table.key),
        "manifest": store.uri(keys.manifest),
        "rows": table.rows,
        "complete": manifest.complete,
        "completeness": (manifest.crawl or {}).get("completeness"),
    }


def _few_rows(columns: Columns) -> str:
    """Say that cleaning refused more rows than a snapshot may lack; empty where it did not.

    :raises TwitchDataError: it refused all of them
    """
    counts = columns.counts
    refused, rows = counts["rejects"], counts["rows_in"]
    if refused <= rows * MOST_REFUSED:
        return ""
    reason = next(iter(columns.rejected))
    said = (
        f"Cleaning refused {refused:,} of {rows:,} rows, most likely as Twitch's answers changed ({reason})"
    )
    if not counts["rows_out"]:
        raise TwitchDataError(f"{said}: nothing is published.")
    return f"{said}: the snapshot is not complete."


def _is_complete(report: Mapping[str, Any] | None) -> bool:
    return (report or {}).get("complete") is True


def _lacks(report: Mapping[str, Any] | None) -> str:
    report = report or {}
    cut = [f"chain {label}: {why}" for label, why in (report.get("cut") or {}).items()]
    more = f" (and {len(cut) - 1} chains more)" if len(cut) > 1 else ""
    what = cut[0] if cut else f"an estimated {report.get('completeness') or 0:.2%} of all streams came"
    return f"The crawl is incomplete, its table is not published; {what}{more}."


async def _crawl(
    conn_id: str, plan: Plan, known: Known | None, keep: Callable[[Any], None]
) -> tuple[dict[str, Any], dict[str, int]]:
    from twitch_provider.hooks.lineage import report_reading
    from twitch_provider.hooks.twitch_async import TwitchAsyncHook

    async with TwitchAsyncHook(conn_id) as hook:
        report_reading(hook, "streams")
        report = await hook.crawl(
            keep, remembered=known, from_cursors=STRATEGIES[plan.strategy], seconds=plan.seconds
        )
        return report.as_dict(), dict(hook.stats)
