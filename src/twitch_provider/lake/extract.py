# SPDX-License-Identifier: Apache-2.0
"""What ``extract`` hands on: the raw object of a run and what it took to get it.

Twitch cannot be asked about the past. A run that is cleared days later finds its own raw object here; that of
a crawl says itself what the crawl did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, ObjectEntry, describe, withdraw
from twitch_provider.lake.raw_lines import (
    Page,
    RawBody,
    RawPage,
    Report,
    dump_pages,
    iter_bodies,
    iter_lines,
    load_pages,
)
from twitch_provider.lake.spool import Spooled
from twitch_provider.lake.store import Store

GZIP = "application/gzip"

#: A run that begins later than this after its tick must not ask Twitch: now is not then. Two intervals and
#: a little leave room for a run that waited for the one before it, and for retries.
TOO_LATE = timedelta(minutes=12)


def is_too_late(run_after: datetime, now: datetime) -> bool:
    """Whether a run's tick is too long ago for what Twitch says now to be filed under it.

    :param run_after: the tick
    :param now: aware UTC
    """
    return now - run_after > TOO_LATE


@dataclass(frozen=True)
class Extract:
    """A reference to raw pages; small enough for XCom.

    :param raw: the object; its ``rows`` are pages
    :param requests: requests to Helix that it took, retries included
    :param transport: further counters of the transport by name
    :param first_answer_at: aware UTC
    :param last_answer_at: aware UTC
    :param report: what a crawl did; None where nothing was crawled
    """

    raw: ObjectEntry
    requests: int
    transport: Mapping[str, int]
    first_answer_at: datetime
    last_answer_at: datetime
    report: Mapping[str, Any] | None = field(default=None, repr=False)

    def as_xcom(self) -> dict[str, Any]:
        """Return it as plain texts and numbers."""
        return asdict(self) | {
            "first_answer_at": utc_text(self.first_answer_at, "first_answer_at"),
            "last_answer_at": utc_text(self.last_answer_at, "last_answer_at"),
        }

    @classmethod
    def from_xcom(cls, value: Mapping[str, Any]) -> Extract:
        """Take it back from XCom.

        :param value: what :meth:`as_xcom` gave
        """
        instants = {
            name: datetime.fromisoformat(value[name]) for name in ("first_answer_at", "last_answer_at")
        }
        return cls(**{**value, **instants, "raw": ObjectEntry(**value["raw"])})

    def pages(self, store: Store) -> list[RawPage]:
        """Read the pages back.

        :param store: of the lake
        :raises TwitchDataError: the object is gone, damaged or another one
        """
        return load_pages(self._object(store))

    def bodies(self, store: Store) -> Iterator[RawBody]:
        """Read the pages of a crawl back, one at a time; only the gzipped object is held whole.

        :param store: of the lake
        :raises TwitchDataError: the object is gone, damaged or another one
        """
        return iter_bodies(BytesIO(self._object(store)))

    def _object(self, store: Store) -> bytes:
        body = store.get(self.raw.key)
        if body is None:
            raise TwitchDataError(
                f"{store.uri(self.raw.key)} is gone, and Twitch cannot be asked about the past: "
                "leave this run as it is."
            )
        if describe(self.raw.key, body, rows=self.raw.rows) != self.raw:
            raise TwitchDataError(
                f"{store.uri(self.raw.key)} is not what extract wrote: run this DAG run again from extract."
            )
        return body


def keep(
    store: Store, keys: SnapshotKeys, dataset: str, pages: Iterable[Page], *, stats: Mapping[str, int]
) -> Extract:
    """Write the pages untouched to ``raw/``; what an earlier try of this run published is withdrawn first.

    :param store: of the lake
    :param keys: of the run
    :param dataset: whose raw pages these are
    :param pages: in the order of reading
    :param stats: what the hook counted; its ``requests`` are for these pages only
    :raises TwitchDataError: there is not one page
    :raises TwitchStoreError: the store failed
    """
    pages = list(pages)
    if not pages:
        raise TwitchDataError(f"{dataset}: no page was read: nothing is kept, run the task again.")
    body = dump_pages(pages)
    raw = describe(keys.raw(dataset), body, rows=len(pages))
    withdraw(store, keys, keep={raw.key})
    store.put(raw.key, body, content_type=GZIP)
    instants = [page.answered_at for page in pages]
    return Extract(raw, *_tallied(stats, len(pages)), min(instants), max(instants))


def keep_spool(
    store: Store, keys: SnapshotKeys, dataset: str, spooled: Spooled, *, stats: Mapping[str, int]
) -> Extract:
    """Write the raw object of a crawl to ``raw/``; what an earlier try published is withdrawn first.

    :param store: of the lake
    :param keys: of the run
    :param dataset: whose raw pages these are
    :param spooled: the pages and the crawl's report
    :param stats: what the hook counted; its ``requests`` are for these pages only
    :raises TwitchStoreError: the store failed
    """
    raw = spooled.entry(keys.raw(dataset))
    withdraw(store, keys, keep={raw.key})
    store.put_file(raw.key, spooled.file, content_type=GZIP)
    first, last = spooled.first_answer_at, spooled.last_answer_at
    return Extract(raw, *_tallied(stats, spooled.pages), first, last, spooled.report)


def find(store: Store, keys: SnapshotKeys, dataset: str) -> Extract | None:
    """Find the raw object that this run wrote earlier.

    What it took is read from the run's manifest; where that is gone, from the report of its crawl; where
    nothing was crawled, a page stands for a request.

    :param store: of the lake
    :param keys: of the run
    :param dataset: whose raw pages these are
    :returns: None where the run has none
    :raises TwitchDataError: the object is damaged or none of ours
    """
    key = keys.raw(dataset)
    body = store.get(key)
    if body is None:
        return None
    instants: list[datetime] = []
    report: Mapping[str, Any] | None = None
    for line in iter_lines(BytesIO(body)):
        if isinstance(line, Report):
            report = line.values
        else:
            instants.append(line.answered_at)
    if not instants:
        raise TwitchDataError(f"{store.uri(key)} holds no page: delete it, and leave this run as it is.")
    raw = describe(key, body, rows=len(instants))
    manifest = store.get(keys.manifest)
    if manifest is not None and raw in (known := Manifest.from_json(manifest)).objects:
        took = known.requests, known.transport
    else:
        counted = (report or {}).get("requests")
        took = (counted if isinstance(counted, int) else len(instants)), {}
    return Extract(raw, *took, min(instants), max(instants), report)


def find_crawl(store: Store, keys: SnapshotKeys, dataset: str) -> Extract | None:
    """Find the raw object of the crawl that this run made earlier.

    :param store: of the lake
    :param keys: of the run
    :param dataset: whose raw pages these are
    :returns: None where the run has none; with its report
    :raises TwitchDataError: the object is damaged or none of ours, or its crawl was not finished
    """
    found = find(store, keys, dataset)
    if found is not None and found.report is None:
        raise TwitchDataError(
            f"{store.uri(found.raw.key)} has no report, so its crawl was not finished, and Twitch cannot be "
            "asked about the past: delete it, and leave this run as it is."
        )
    return found


def _tallied(stats: Mapping[str, int], pages: int) -> tuple[int, dict[str, int]]:
    """Part the requests from the other counters; a page stands for a request where nobody counted."""
    further = {name: count for name, count in stats.items() if name != "requests"}
    return stats.get("requests", pages), further
