# SPDX-License-Identifier: Apache-2.0
"""A store whose user can be killed at any of its operations."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.lake.conftest import MemoryStore

from twitch_provider.lake.manifest import Manifest


class Killed(BaseException):
    """The worker is killed."""


class CrashingStore(MemoryStore):
    """A store that fails at the operation ``fail_at``, or kills its caller."""

    def __init__(self, *, kills: bool = False) -> None:
        super().__init__()
        self.kills = kills

    def _do(self, operation: str, key: str) -> None:
        if self.kills and len(self.calls) + 1 == self.fail_at:
            self.calls.append((operation, key))
            raise Killed
        super()._do(operation, key)


def check_manifests(store: Any) -> None:
    """Every manifest describes what is there, and only incomplete tables are under ``incomplete/``."""
    for key, body in store.objects.items():
        if "/manifests/" in key:
            manifest = Manifest.from_json(body)
            for entry in manifest.objects:
                present = store.objects[entry.key]
                assert (len(present), hashlib.sha256(present).hexdigest()) == (entry.bytes, entry.sha256)
                if entry.kind == "table":
                    assert ("/incomplete/" in entry.key) is not manifest.complete
                assert ("/adhoc/" in entry.key) is manifest.adhoc
