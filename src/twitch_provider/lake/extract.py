# SPDX-License-Identifier: Apache-2.0
"""What ``extract`` passes on: where a run's raw object is in the store, and what it took to get it.

Twitch cannot be asked about the past: a run that is cleared days later finds its own raw object here. The
format of the object is defined in :mod:`.raw_lines`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import ObjectEntry, describe, published, withdraw
from twitch_provider.lake.raw_lines import RawBody, RawObject, RawPage, iter_bodies, load_pages
from twitch_provider.lake.store import Store

GZIP = "application/gzip"


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
        """Restore what :meth:`as_xcom` returned."""
        instants = {
            name: datetime.fromisoformat(value[name]) for name in ("first_answer_at", "last_answer_at")
        }
        return cls(**{**value, **instants, "raw": ObjectEntry(**value["raw"])})

    def pages(self, store: Store) -> list[RawPage]:
        """Read the pages back.

        :raises TwitchDataError: the object is missing, damaged or another one
        """
        return load_pages(self._object(store))

    def bodies(self, store: Store) -> Iterator[RawBody]:
        """Read the pages of a crawl back, one at a time; only the gzipped object is held whole.

        :raises TwitchDataError: the object is missing, damaged or another one
        """
        return iter_bodies(self._object(store))

    def _object(self, store: Store) -> bytes:
        body = store.get(self.raw.key)
        if body is None:
            raise TwitchDataError(
                f"{store.uri(self.raw.key)} is missing, and Twitch cannot be asked about the past: "
                "leave this run as it is."
            )
        if describe(self.raw.key, body, rows=self.raw.rows) != self.raw:
            raise TwitchDataError(
                f"{store.uri(self.raw.key)} is not what extract wrote: run this DAG run again from extract."
            )
        return body


def keep(
    store: Store, keys: SnapshotKeys, dataset: str, raw: RawObject, *, stats: Mapping[str, int]
) -> Extract:
    """Write a raw object to ``raw/``; what an earlier try of this run published is withdrawn first.

    :param store: of the lake
    :param keys: of the run
    :param dataset: whose raw pages these are
    :param raw: the pages, and what the crawl did where there was one
    :param stats: what the hook counted; its ``requests`` are for these pages only
    :raises TwitchStoreError: the store failed
    """
    entry = describe(keys.raw(dataset), raw.body, rows=raw.pages)
    withdraw(store, keys, keep={entry.key})
    store.put(entry.key, raw.body, content_type=GZIP)
    further = {name: count for name, count in stats.items() if name != "requests"}
    return _extract(entry, raw, stats.get("requests", raw.pages), further)


def find(store: Store, keys: SnapshotKeys, dataset: str) -> Extract | None:
    """Find the raw object that this run wrote earlier.

    What it took is read from the run's manifest; where that is missing, from the report of its crawl; where
    nothing was crawled, one request per page is assumed.

    :returns: None where the run has none
    :raises TwitchDataError: the object is damaged or was not written by us
    """
    key = keys.raw(dataset)
    body = store.get(key)
    if body is None:
        return None
    try:
        raw = RawObject.read(body)
    except TwitchDataError as error:
        raise TwitchDataError(f"{store.uri(key)}: {error}") from None
    entry = describe(key, body, rows=raw.pages)
    manifest = published(store, keys)
    if manifest is not None and entry in manifest.objects:
        return _extract(entry, raw, manifest.requests, manifest.transport)
    counted = (raw.report or {}).get("requests")
    return _extract(entry, raw, counted if isinstance(counted, int) else raw.pages, {})


def _extract(entry: ObjectEntry, raw: RawObject, requests: int, transport: Mapping[str, int]) -> Extract:
    return Extract(entry, requests, transport, raw.first_answer_at, raw.last_answer_at, raw.report)
