# SPDX-License-Identifier: Apache-2.0
"""What ``extract`` hands on: the raw object of a run and what it took to get it.

Twitch cannot be asked about the past. A run that is cleared days later finds its own raw object here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, ObjectEntry, describe, withdraw
from twitch_provider.lake.raw import Page, RawPage, dump_pages, load_pages
from twitch_provider.lake.store import Store

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
    """

    raw: ObjectEntry
    requests: int
    transport: Mapping[str, int]
    first_answer_at: datetime
    last_answer_at: datetime

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
        return load_pages(body)


def keep(
    store: Store, keys: SnapshotKeys, dataset: str, pages: Iterable[Page], *, tally: Mapping[str, int]
) -> Extract:
    """Write the pages untouched to ``raw/``; what an earlier try of this run published is withdrawn first.

    :param store: of the lake
    :param keys: of the run
    :param dataset: whose raw pages these are
    :param pages: in the order of reading
    :param tally: what the hook counted; its ``requests`` are for these pages only
    :raises TwitchDataError: there is not one page
    :raises TwitchStoreError: the store failed
    """
    pages = list(pages)
    if not pages:
        raise TwitchDataError(f"{dataset}: no page was read: nothing is kept, run the task again.")
    body = dump_pages(pages)
    raw = describe(keys.raw(dataset), body, rows=len(pages))
    withdraw(store, keys, keep={raw.key})
    store.put(raw.key, body, content_type="application/gzip")
    further = {name: count for name, count in tally.items() if name != "requests"}
    return _extract(raw, pages, tally.get("requests", len(pages)), further)


def find(store: Store, keys: SnapshotKeys, dataset: str) -> Extract | None:
    """Find the raw object that this run wrote earlier.

    What it took is read from the run's manifest; where that is gone, a page stands for a request.

    :param store: of the lake
    :param keys: of the run
    :param dataset: whose raw pages these are
    :returns: None where the run has none
    """
    key = keys.raw(dataset)
    body = store.get(key)
    if body is None:
        return None
    pages = load_pages(body)
    entry = describe(key, body, rows=len(pages))
    manifest = store.get(keys.manifest)
    if manifest is not None and entry in (known := Manifest.from_json(manifest)).objects:
        return _extract(entry, pages, known.requests, known.transport)
    return _extract(entry, pages, len(pages), {})


def _extract(raw: ObjectEntry, pages: Iterable[Page], requests: int, transport: Mapping[str, int]) -> Extract:
    instants = [page.answered_at for page in pages]
    return Extract(raw, requests, dict(transport), min(instants), max(instants))
