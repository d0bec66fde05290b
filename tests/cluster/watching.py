# SPDX-License-Identifier: Apache-2.0
"""Looks again and again while the cluster runs, such as at every process title: every user can read these."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY = 0.2


class Watching(ABC):
    """Looks again and again, from ``with`` to the end of the block.

    :param every: seconds between two looks
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @abstractmethod
    def look(self) -> None:
        """Look once."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(self._every):
            self.look()


class Titles(Watching):
    """Collects titles."""

    def __init__(self) -> None:
        super().__init__(_EVERY)
        self._seen: dict[bytes, None] = {}

    def seen(self) -> bytes:
        """Return each title once, a line each."""
        return b"\n".join(list(self._seen))

    def look(self) -> None:
        """Note what stands there now."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self._seen[path.read_bytes().replace(b"\0", b" ").strip()] = None
            except OSError:
                continue
