# SPDX-License-Identifier: Apache-2.0
"""What a watcher remembers, beyond a restart of the triggerer where Airflow offers it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any

from twitch_provider.helix.live import LiveWatch

log = logging.getLogger(__name__)


class Memory:
    """Keeps a watch in the store of its asset's state; without one, nothing is kept.

    :param store: the trigger's ``asset_state_store``: Airflow 3.3 and newer set it, others have none
    :param identity: what it watches, over which connection: an asset may have several watchers, and each has
        a memory of its own
    """

    def __init__(self, store: Any, identity: Sequence[str]) -> None:
        self._store = store
        digest = hashlib.sha256(json.dumps(sorted(identity)).encode()).hexdigest()
        self._key = f"twitch_live_{digest[:16]}"

    async def recall(self, watch: LiveWatch) -> LiveWatch:
        """Return a watch that goes on where the last one ended; the same one if nothing is remembered.

        :param watch: one that has seen nothing yet
        """
        if self._store is None:
            return watch
        try:
            found = await self._store.aget(self._key)
            return watch if found is None else watch.remember(found)
        except Exception as error:
            # Also where several assets share one watcher: Airflow does not say whose the state would be.
            log.warning("Who was live before this start is not known, so this is a first one: %s", error)
            return watch

    async def keep(self, watch: LiveWatch) -> None:
        """Remember a watch. What goes wrong is logged: watching matters more than remembering.

        :param watch: as it is now
        """
        if self._store is None:
            return
        try:
            await self._store.aset(self._key, watch.as_json())
        except Exception as error:
            log.warning("Who is live could not be stored, so a restart would not know: %s", error)
