# SPDX-License-Identifier: Apache-2.0
"""Anyone can build the files of a release again, and compare them with what the index has."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

#: Another day, and another way to write it.
ELSEWHERE = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONHASHSEED": "7"}


@pytest.fixture(scope="module")
def elsewhere(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same files, built from another folder: private, of another time, in another environment."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    for path in tree.rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
        path.chmod(0o700 if path.stat().st_mode & 0o100 else 0o600)
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist", "--outdir", str(folder)]
    environment = os.environ | ELSEWHERE
    subprocess.run([*command, str(tree)], check=True, capture_output=True, umask=0o077, env=environment)
    return folder


def test_the_wheel_is_the_same_byte_for_byte(wheel: Path, elsewhere: Path) -> None:
    assert (elsewhere / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_sdist_is_the_same_byte_for_byte(sdist: Path, elsewhere: Path) -> None:
    assert (elsewhere / sdist.name).read_bytes() == sdist.read_bytes()
