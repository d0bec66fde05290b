# SPDX-License-Identifier: Apache-2.0
"""What a watcher remembers, beyond a restart of the triggerer where Airflow offers it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any

from twitch_provider.triggers.live import LiveWatch

log = logging.getLogger(__name__)


#: How often a store is asked that does not answer: it may be down together with the triggerer, for a while.
MOST_TRIES = 10


class Memory:
    """Keeps a watch in the store of its asset's state; without one, nothing is kept.

    :param store: the trigger's ``asset_state_store``: Airflow 3.3 and newer set it, others have none
    :param identity: what it watches, over which connection: an asset may have several watchers, and each has
        a memory of its own
    """

    def __init__(self, store: Any, identity: Sequence[str]) -> None:
        self._store = store
        self._tries = MOST_TRIES
        digest = hashlib.sha256(json.dumps(sorted(identity)).encode()).hexdigest()
        self._key = f"twitch_live_{digest[:16]}"

    async def recall(self, watch: LiveWatch) -> LiveWatch | None:
        """Return a watch that goes on where the last one ended; the same one if nothing is remembered.

        :param watch: one that has seen nothing yet
        :returns: None where the store does not answer: ask again, and tell and keep nothing until then
        """
        if self._store is None:
            return watch
        try:
            found = await self._store.aget(self._key)
            return watch if found is None else watch.remember(found)
        except ValueError as error:
            # It remembers something else; or several assets share one watcher, and Airflow does not say whose
            # the state would be.
            log.warning("Who was live before this start is not known, so this is a first one: %s", error)
            return watch
        except Exception as error:
            self._tries -= 1
            if self._tries <= 0:
                log.warning("Who was live before this start cannot be found out, so this is a first one.")
                return watch
            log.warning("Who was live before this start is asked again at the next poll: %s", error)
            return None

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
