# SPDX-License-Identifier: Apache-2.0
"""The stored state of a watcher, which survives a restart of the triggerer from Airflow 3.3 on."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any

from twitch_provider.triggers.watch import LiveWatch

log = logging.getLogger(__name__)


#: How often to try a store that does not answer: it may be down for a while, as the triggerer was.
MOST_TRIES = 10


class Memory:
    """Stores a watch in the state of its asset; without a store, it does nothing.

    :param store: the trigger's ``asset_state_store``: set by Airflow 3.3 and newer, None before
    :param identity: what it watches, over which connection: an asset may have several watchers, each with
        its own state
    """

    def __init__(self, store: Any, identity: Sequence[str]) -> None:
        self._store = store
        self._tries = MOST_TRIES
        digest = hashlib.sha256(json.dumps(sorted(identity)).encode()).hexdigest()
        self._key = f"twitch_live_{digest[:16]}"

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
            await self._store.aset(self._key, watch.as_json())
        except Exception as error:
            log.warning("Cannot store the state of the watched channels, a restart would lose it: %s", error)
