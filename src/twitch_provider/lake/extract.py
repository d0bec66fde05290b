# SPDX-License-Identifier: Apache-2.0
"""A run asks Twitch once: its raw object in the store, and the reference to it that ``extract`` passes on.

The raw object is created on condition that the key is free, and never replaced or deleted by us. So whatever
is found at its key is what the run is built from: by a retry, by a try that was frozen and wakes, after an
answer of the store that was lost, and by a run that is cleared days later. The format of the object is
defined in :mod:`.raw_lines`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from twitch_provider.exceptions import TwitchDataError, TwitchRawObjectError, TwitchStoreError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import ObjectEntry, describe, describe_like
from twitch_provider.lake.raw_header import Owner, RawHeader
from twitch_provider.lake.raw_lines import MAX_CLOCK_DIFFERENCE, RawObject, iter_bodies, load_pages
from twitch_provider.lake.raw_pages import RawBody, RawPage
from twitch_provider.lake.shapes import require_plain, require_shape
from twitch_provider.lake.store import Store

GZIP = "application/gzip"

#: How to have a run ask Twitch again, which is not possible for a tick in the past.
WAY_OUT = (
    "delete it by hand, with the run's manifest if there is one, and clear the run if it is recent enough to "
    "ask Twitch again"
)


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extract:
    """A reference to raw pages; small enough for XCom.

    :param raw: the object; its ``rows`` are pages
    :param header: what the object says of itself
    :param first_answer_at: aware UTC
    :param last_answer_at: aware UTC
    :param clock_difference_seconds: the largest difference between Twitch's ``Date`` and the receipt
    """

    raw: ObjectEntry
    header: RawHeader
    first_answer_at: datetime
    last_answer_at: datetime
    clock_difference_seconds: int
    #: The object's bytes where they are in hand.
    _body: bytes | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, key: str, dataset: str, raw: RawObject) -> Extract:
        """Describe a raw object.

        :param key: of the object
        :param dataset: whose raw pages these are
        :param raw: the object
        """
        return cls(
            raw=describe(key, raw.body, rows=raw.pages, kind="raw", dataset=dataset),
            header=raw.header,
            first_answer_at=raw.first_answer_at,
            last_answer_at=raw.last_answer_at,
            clock_difference_seconds=round(raw.clock_difference.total_seconds()),
            _body=raw.body,
        )

    @property
    def clock_difference(self) -> timedelta:
        """The largest difference between Twitch's ``Date`` and the receipt, in whole seconds."""
        return timedelta(seconds=self.clock_difference_seconds)

    def as_xcom(self) -> dict[str, Any]:
        """Return it as plain texts and numbers."""
        return {
            "raw": asdict(self.raw),
            "header": self.header.as_dict(),
            "first_answer_at": utc_text(self.first_answer_at, "first_answer_at"),
            "last_answer_at": utc_text(self.last_answer_at, "last_answer_at"),
            "clock_difference_seconds": self.clock_difference_seconds,
        }

    @classmethod
    def from_xcom(cls, value: Mapping[str, Any]) -> Extract:
        """Restore what :meth:`as_xcom` returned.

        :raises TwitchRawObjectError: it is of another version
        """
        try:
            extract = cls(
                raw=ObjectEntry(**value["raw"]),
                header=RawHeader.from_dict(value["header"]),
                first_answer_at=datetime.fromisoformat(value["first_answer_at"]),
                last_answer_at=datetime.fromisoformat(value["last_answer_at"]),
                clock_difference_seconds=value["clock_difference_seconds"],
            )
            require_shape(extract, cls)
            require_plain(extract.raw.key)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise TwitchRawObjectError(
                "What extract returned through XCom is of another version: clear extract too."
            ) from None
        return extract

    def pages(self, store: Store) -> list[RawPage]:
        """Read the pages back.

        :raises TwitchRawObjectError: the object is missing, damaged or another one
        """
        body = self._object(store)
        try:
            return load_pages(body)
        except TwitchDataError as error:
            raise unusable(store, self.raw.key, error) from None

    def bodies(self, store: Store) -> Iterator[RawBody]:
        """Read the pages of a crawl back, one at a time; only the gzipped object is held whole.

        :raises TwitchRawObjectError: the object is missing, damaged or another one
        """
        body = self._object(store)
        try:
            yield from iter_bodies(body)
        except TwitchDataError as error:
            raise unusable(store, self.raw.key, error) from None

    def _object(self, store: Store) -> bytes:
        body = self._body or store.get(self.raw.key)
        if body is None:
            raise TwitchRawObjectError(
                f"{store.uri(self.raw.key)} is missing: it has expired, or was deleted. Twitch cannot be "
                "asked about the past: leave this run as it is."
            )
        if describe_like(self.raw, body) != self.raw:
            raise TwitchRawObjectError(
                f"{store.uri(self.raw.key)} is not what extract wrote: run this DAG run again from extract."
            )
        return body


def keep(store: Store, keys: SnapshotKeys, dataset: str, raw: RawObject) -> Extract:
    """Create a run's raw object, unless the run has one: then that one counts.

    :param store: of the lake
    :param keys: of the run
    :param dataset: whose raw pages these are
    :param raw: the pages
    :returns: of what lies there now; its header's ``try_id`` is that of the try that asked
    :raises TwitchOwnerError: what lies there belongs to another run or task
    :raises TwitchRawObjectError: what lies there is damaged
    :raises TwitchStoreError: the store failed
    """
    key = keys.raw(dataset)
    if store.create(key, raw.body, content_type=GZIP):
        return Extract.of(key, dataset, raw)
    found = find(store, keys, dataset)
    if found is None:
        raise TwitchStoreError(
            f"{store.uri(key)} was there and is not any more: the next try looks again.", key=store.uri(key)
        )
    raw.header.owner.require(found.header.owner, store.uri(key))
    return found


def set_aside(store: Store, keys: SnapshotKeys, dataset: str, raw: RawObject) -> Extract:
    """Keep pages that no complete snapshot can be made of, so that a later try may ask Twitch again.

    :param store: of the lake
    :param keys: of the run
    :param dataset: whose raw pages these are
    :param raw: the pages
    :raises TwitchStoreError: the store failed
    """
    key = keys.incomplete_raw(dataset, raw.header.try_id)
    store.put(key, raw.body, content_type=GZIP)
    return Extract.of(key, dataset, raw)


def find(store: Store, keys: SnapshotKeys, dataset: str) -> Extract | None:
    """Find the raw object at the key of a run, which may be another owner's.

    :returns: None where the key does not exist
    :raises TwitchRawObjectError: the object is damaged or was not written by us
    """
    return read(store, keys.raw(dataset), dataset)


def find_incomplete(store: Store, keys: SnapshotKeys, dataset: str, owner: Owner) -> list[Extract]:
    """Find what tries of this run read of a list that none of them read to its end.

    :param store: of the lake
    :param keys: of the run
    :param dataset: whose raw pages these are
    :param owner: the task
    :returns: the newest first; those that cannot be read, or whose clocks are not believed, are left out
    :raises TwitchStoreError: the store failed
    """
    found = []
    for key in store.list(keys.incomplete_raw(dataset, "")):
        try:
            extract = read(store, key, dataset)
        except TwitchRawObjectError as error:
            log.warning("%s", error)
            continue
        if extract is not None and extract.header.cut_short and extract.header.owner == owner:
            found.append(extract)
    believed = [
        each for each in found if each.header.loopback or each.clock_difference <= MAX_CLOCK_DIFFERENCE
    ]
    return sorted(believed, key=lambda each: (each.last_answer_at, each.raw.key), reverse=True)


def read(store: Store, key: str, dataset: str) -> Extract | None:
    """Read the raw object at a key.

    :param store: of the lake
    :param key: of the object
    :param dataset: whose raw pages these are
    :returns: None where there is no such key
    :raises TwitchRawObjectError: the object is damaged or was not written by us
    """
    body = store.get(key)
    if body is None:
        return None
    try:
        return Extract.of(key, dataset, RawObject.read(body))
    except TwitchDataError as error:
        raise unusable(store, key, error) from None


def unusable(store: Store, key: str, error: TwitchDataError) -> TwitchRawObjectError:
    """Return the error for a raw object that is there, and that no snapshot can be made of.

    :param store: of the lake
    :param key: of the object
    :param error: what is wrong with it
    """
    reason = str(error).rstrip(".")
    return TwitchRawObjectError(f"No snapshot can be made of {store.uri(key)} ({reason}): {WAY_OUT}.")
