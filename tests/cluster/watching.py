# SPDX-License-Identifier: Apache-2.0
"""Notes every process title of the machine while the cluster runs: what stands there, every user can read."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY = 0.2


class Titles:
    """Collects titles from ``with`` to the end of the block."""

    def __init__(self) -> None:
        self._seen: dict[bytes, None] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def seen(self) -> bytes:
        """Return each title once, a line each."""
        return b"\n".join(list(self._seen))

    def _collect(self) -> None:
        while not self._end.wait(_EVERY):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self._seen[path.read_bytes().replace(b"\0", b" ").strip()] = None
                except OSError:
                    continue
