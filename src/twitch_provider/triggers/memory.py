# SPDX-License-Identifier: Apache-2.0
"""The stored state of a watcher, which survives a restart of the triggerer from Airflow 3.3 on."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Collection
from typing import Any
from weakref import WeakValueDictionary

from twitch_provider.triggers.watch import LiveWatch

log = logging.getLogger(__name__)


#: How often to try a store that does not answer: it may be down for a while, as the triggerer was.
MOST_TRIES = 10

#: One lock for each key, held by its memories: reading and writing a value are two calls.
_LOCKS: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


class Memory:
    """Stores a watch in the state of its asset; without a store, it does nothing.

    One value has the states of all channels that are watched over a connection for the same events, by login:
    a watcher whose list of channels is edited finds what it stored of the others.

    :param store: the trigger's ``asset_state_store``: set by Airflow 3.3 and newer, None before
    :param twitch_conn_id: the connection that it watches over
    :param events: the events that it emits: an asset may have a watcher for each, with its own state
    """

    def __init__(self, store: Any, twitch_conn_id: str, events: Collection[str]) -> None:
        self._store = store
        self._tries = MOST_TRIES
        digest = hashlib.sha256(json.dumps([twitch_conn_id, *sorted(set(events))]).encode()).hexdigest()
        self._key = f"twitch_live_{digest[:16]}"
        self._lock = _LOCKS.setdefault(self._key, asyncio.Lock())

    async def recall(self, watch: LiveWatch) -> LiveWatch | None:
        """Return a watch that continues where the last one ended; the same one if no state is stored.

        :returns: None if the store does not answer: retry, and neither emit events nor store until then
        """
        if self._store is None:
            return watch
        try:
            found = await self._store.aget(self._key)
            return watch if found is None else watch.restored(found)
        except ValueError as error:
            # Another state; or several assets share one watcher, and Airflow does not say whose state to use.
            log.warning("No previous state of the watched channels: %s", error)
            return watch
        except Exception as error:
            self._tries -= 1
            if self._tries <= 0:
                log.warning("No previous state of the watched channels: the store does not answer.")
                return watch
            log.warning(
                "Cannot read the previous state of the watched channels, retrying on the next poll: %s", error
            )
            return None

    async def keep(self, watch: LiveWatch) -> None:
        """Store a watch. A failure is only logged: watching is more important than storing."""
        if self._store is None:
            return
        try:
            async with self._lock:
                found = await self._store.aget(self._key)
                others = found if isinstance(found, dict) else {}
                await self._store.aset(self._key, {**others, **watch.as_json()})
        except Exception as error:
            log.warning("Cannot store the state of the watched channels, a restart would lose it: %s", error)
