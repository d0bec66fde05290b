# SPDX-License-Identifier: Apache-2.0
"""The fixed keys under ``latest/``, for tools that cannot look for the newest table."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime

from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.store import Stat, Store

#: The metadata of such an object: the tick of the run that wrote it, and the digest of its bytes.
_TICK, _DIGEST = "run-after", "sha256"

#: How often another run may replace the object while this one is about to.
_ROUNDS = 5

log = logging.getLogger(__name__)


def put_latest(store: Store, keys: SnapshotKeys, dataset: str, body: bytes, *, content_type: str) -> None:
    """Replace a dataset's fixed key, unless a newer run wrote it.

    Compare-and-set: a run that writes at the same time is noticed, and the newer tick stays.

    :param store: of the lake
    :param keys: of the run, which must not be ad hoc
    :param dataset: whose table it is
    :param body: the table, as plain CSV
    :param content_type: its media type
    :raises TwitchStoreError: the store failed
    """
    key = keys.latest(dataset)
    for _ in range(_ROUNDS):
        if replace_older(store, key, body, keys.run_after, store.stat(key), content_type=content_type):
            return
    log.warning("%s: other runs replace it all the time, leaving it to them.", store.uri(key))


def replace_older(
    store: Store,
    key: str,
    body: bytes,
    run_after: datetime,
    present: Stat | None,
    *,
    content_type: str,
    more: Mapping[str, str] | None = None,
) -> bool:
    """Replace what lies at a key, unless a newer run wrote it.

    :param store: of the lake
    :param key: under ``latest/``
    :param body: its bytes
    :param run_after: the tick of the run
    :param present: what was seen there
    :param content_type: its media type
    :param more: of its metadata
    :returns: False if another run, or another try of this one, has replaced it since
    :raises TwitchStoreError: the store failed
    """
    tick = utc_text(run_after, "run_after")
    metadata = {_TICK: tick, _DIGEST: hashlib.sha256(body).hexdigest(), **(more or {})}
    if present is not None and _is_newer_or_equal(present, metadata):
        return True
    etag = present and present.etag
    return store.replace(key, body, content_type=content_type, metadata=metadata, etag=etag)


def _is_newer_or_equal(present: Stat, metadata: dict[str, str]) -> bool:
    # What has no tick was written by an older version, or not by us.
    tick = present.metadata.get(_TICK, "")
    return tick > metadata[_TICK] or {name: present.metadata.get(name) for name in metadata} == metadata
