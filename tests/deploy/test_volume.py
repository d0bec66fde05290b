# SPDX-License-Identifier: Apache-2.0
"""The user data with a real volume, a loop device in a mount namespace of its own: for root only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy.conftest import Stack
from tests.deploy.machine import Machine

REAL = ("blkid", "mkfs.ext4", "mountpoint", "resize2fs", "df")
# The second start is one of the same machine, the third that of another one with the same volume.
DRIVE = r"""
set -eu
start() {
  bash "$MACHINE/user-data" >"$MACHINE/output-$1" 2>&1 || { cat "$MACHINE/output-$1" >&2; exit 1; }
}
start 1
echo history >"$VOLUMES/postgres"
cp "$HOME_FOLDER/.env" "$MACHINE/env-1"
size() { df --output=size --block-size=1M "$1" | tail -n 1 | tr -d ' '; }
echo "size $(size "$HOME_FOLDER") $(size "$VOLUMES")"
truncate --size 128M "$MACHINE/disk"
losetup --set-capacity "$LOOP"
start 2
echo "size $(size "$HOME_FOLDER") $(size "$VOLUMES")"
umount "$VOLUMES" "$HOME_FOLDER"
test ! -e "$HOME_FOLDER/.env"
: >"$MACHINE/etc/fstab"
start 3
echo "kept $(cat "$VOLUMES/postgres") $(stat --format %a "$HOME_FOLDER/volumes")"
cmp "$HOME_FOLDER/.env" "$MACHINE/env-1" && echo "same settings"
"""


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[str]:
    """A loop device of 64 MB."""
    if os.geteuid() or not all(map(shutil.which, ("losetup", "unshare", *REAL))):
        pytest.skip("needs root, util-linux and e2fsprogs")
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(64 * 2**20)
    found = subprocess.run(
        ["losetup", "--find", "--show", disk], capture_output=True, text=True, check=False, timeout=30
    )
    if found.returncode:
        pytest.skip(f"no loop device: {found.stderr}")
    device = found.stdout.strip()
    yield device
    subprocess.run(["losetup", "--detach", device], check=True, timeout=30)


def test_the_volume_outlives_the_machine_and_grows(tmp_path: Path, minimal: Stack, loop: str) -> None:
    machine = Machine(tmp_path, real=REAL)
    (tmp_path / "bin" / "mount").write_text(
        '#!/bin/bash\nexec /bin/mount --fstab "$MACHINE/etc/fstab" "$@"\n'
    )
    (tmp_path / "bin" / "mount").chmod(0o755)
    # Real devices are small: 300 MiB must be free otherwise.
    script = machine.here(minimal.script()).replace(">= 300", ">= 30")
    start = tmp_path / "image" / "start.sh"
    start.write_text(start.read_text().replace("< 300)", "< 30)").replace("< 3000)", "< 3)"))
    (tmp_path / "user-data").write_text(script)
    device = machine.device(minimal.script())
    device.parent.mkdir(parents=True)
    device.symlink_to(loop)
    volumes = tmp_path / "var/lib/docker/volumes"
    try:
        done = machine.run(
            *("unshare", "--mount", "bash", "-c", DRIVE),
            LOOP=loop,
            VOLUMES=str(volumes),
            HOME_FOLDER=str(machine.home),
        )
    finally:
        device.unlink()
    if "unshare failed" in done.stderr or re.search("mount: .*permission denied", done.stderr):
        pytest.skip(done.stderr)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, *kept = done.stdout.splitlines()
    sizes = [[int(each) for each in line.split()[1:]] for line in (first, second)]
    assert sizes[0][0] == sizes[0][1] < 64
    if "Permission denied to resize" not in (tmp_path / "output-2").read_text():  # as in some containers
        assert 100 < sizes[1][0] == sizes[1][1] < 128
    assert kept == ["kept history 701", "same settings"]
    assert not volumes.joinpath("postgres").exists()
