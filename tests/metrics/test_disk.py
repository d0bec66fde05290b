# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.lake.conftest import MemoryStore

from twitch_provider.metrics.alerts import Told, tell
from twitch_provider.metrics.disk import Disk
from twitch_provider.metrics.situation import Found
from twitch_provider.metrics.watch import WatchList


def test_measures_as_df_does_and_the_scarcer_of_blocks_and_inodes(
    monkeypatch: pytest.MonkeyPatch, noon: datetime
) -> None:
    # 50 blocks of 1,000 are reserved for root: 760 in use of the 950 that others share.
    found = {"f_blocks": 1000, "f_bfree": 240, "f_bavail": 190, "f_frsize": 4096, "f_fsid": 0xAB}
    few = {"f_files": 100, "f_ffree": 9, "f_favail": 9}
    none = {"f_files": 0, "f_ffree": 0, "f_favail": 0}
    for inodes, percent in ((few, 91), (none, 80)):
        monkeypatch.setattr(os, "statvfs", lambda _, inodes=inodes: SimpleNamespace(**found, **inodes))
        assert Disk.of("/logs", noon) == Disk("/logs", noon, "ab", percent, 190 * 4096)


def test_a_real_folder_has_a_disk_and_a_missing_one_has_none(tmp_path: Path, noon: datetime) -> None:
    here, below = Disk.of(str(tmp_path), noon), tmp_path / "logs"
    below.mkdir()
    assert Disk.of(str(below), noon).name == here.name
    assert 0 <= here.percent <= 100
    with pytest.raises(OSError, match="No such file"):
        Disk.of(str(tmp_path / "missing"), noon)


def test_a_full_disk_is_told_once_and_once_more_when_there_is_room(noon: datetime) -> None:
    store = MemoryStore()

    def run(number: int, percent: int | None, name: str = "ab") -> list[str]:
        tick = noon + timedelta(minutes=15 * number)
        disk = None if percent is None else Disk("/logs", tick, name, percent, 3_210_000_000)
        found = Found([], ({}, {}), {}, WatchList(()), disk)
        told: Told = tell(store, "state.json", lambda: found, f"run {number}", tick)
        return [each["text"] for each in (*told.alerts, *told.all_clears)]

    assert run(0, 84) == []
    full = "The disk of /logs is 85% full, 3.2 GB are left: make room before Airflow or its database stops."
    assert run(1, 85) == [full]
    # Still too full, not looked at, or another worker's.
    assert run(2, 97) == run(3, 80) == run(4, None) == run(5, 10, "cd") == []
    assert run(6, 79) == ["The disk of /logs has room again: 79% full, 3.2 GB are left."]
    assert run(7, 79) == []
    assert run(8, 90, "cd") == [full.replace("85%", "90%")]
