# SPDX-License-Identifier: Apache-2.0
"""A file system that is nearly full: told at 85 %, and over below 80 %."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime

FULL_PERCENT, FREE_PERCENT = 85, 80


@dataclass(frozen=True)
class Disk:
    """The file system of a folder.

    :param folder: that was looked at
    :param instant: of the run that looked, aware UTC
    :param name: of the file system, equal for all workers and containers that share it
    :param percent: of its blocks or its inodes that are in use, the larger of both
    :param free_bytes: that are left
    """

    folder: str
    instant: datetime
    name: str
    percent: int
    free_bytes: int

    @classmethod
    def of(cls, folder: str, instant: datetime) -> Disk:
        """Measure the file system of a folder as ``df`` does: what is reserved for root is not free.

        :param folder: that exists
        :param instant: of the run, aware UTC
        :raises OSError: it cannot be looked at
        """
        found = os.statvfs(folder)
        blocks = _percent(found.f_blocks - found.f_bfree, found.f_bavail)
        inodes = _percent(found.f_files - found.f_ffree, found.f_favail)
        return cls(folder, instant, f"{found.f_fsid:x}", max(blocks, inodes), found.f_bavail * found.f_frsize)

    @property
    def full(self) -> bool:
        """Whether somebody has to make room."""
        return self.percent >= FULL_PERCENT


def _percent(used: int, free: int) -> int:
    # Some file systems count no inodes.
    return round(100 * used / (used + free)) if used + free > 0 else 0
