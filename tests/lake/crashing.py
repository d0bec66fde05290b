# SPDX-License-Identifier: Apache-2.0
"""A store whose user can be killed at any of its operations."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.lake.conftest import MemoryStore

from twitch_provider.lake.manifest import Manifest


class Killed(BaseException):
    """The worker is no more."""


class CrashingStore(MemoryStore):
    """A store that fails at the operation ``fail_at``, or kills whoever asked for it."""

    def __init__(self, *, kills: bool = False) -> None:
        super().__init__()
        self.kills = kills

    def _do(self, operation: str, key: str) -> None:
        if self.kills and len(self.diary) + 1 == self.fail_at:
            self.diary.append((operation, key))
            raise Killed
        super()._do(operation, key)


def check_manifests(store: Any) -> None:
    """Every manifest describes what is there, to the byte, and each on its side of ``incomplete/``."""
    for key, body in store.objects.items():
        if "/manifests/" in key:
            manifest = Manifest.from_json(body)
            for entry in manifest.objects:
                present = store.objects[entry.key]
                assert (len(present), hashlib.sha256(present).hexdigest()) == (entry.bytes, entry.sha256)
                if "_data_" in entry.key:
                    assert ("/incomplete/" in entry.key) is not manifest.complete
