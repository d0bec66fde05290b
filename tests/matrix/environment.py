# SPDX-License-Identifier: Apache-2.0
"""A cell's environment: a stock Airflow as of its time, and our wheel beside it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.matrix.cells import Cell

OURS = "airflow-provider-twitch"
#: What a deployment that is interested in us has beside Airflow.
STOCK = ("apache-airflow-providers-amazon", "apache-airflow-providers-http")


class CellError(Exception):
    """A cell failed before its tests ran."""


class Environment:
    """The environment of a cell, kept between runs for as long as its pins are the same.

    :param cell: the cell
    :param interpreter: a Python of the cell's version
    """

    def __init__(self, cell: Cell, interpreter: Path) -> None:
        self.cell = cell
        self.interpreter = interpreter
        self.python = cell.folder / "bin" / "python"

    def prepare(self, wheel: Path) -> dict[str, str]:
        """Create the environment, install the wheel, check that Airflow finds it, and return every version.

        :param wheel: ours
        :raises CellError: the wheel does not go with this Airflow
        """
        self._make_stock()
        before = self._versions()
        self._uv(
            "install", "--reinstall-package", OURS, "--constraint", self.cell.pins, f"{wheel}[metrics,test]"
        )
        after = self._versions()
        moved = sorted(name for name in before if name != OURS and before[name] != after.get(name))
        if moved:
            raise CellError(f"our wheel moved what was there: {', '.join(moved)}")
        unpinned = sorted(after.keys() - _pinned(self.cell.pins) - {OURS})
        if unpinned:
            raise CellError(f"{self.cell.pins.name} lacks {', '.join(unpinned)}: make constraints")
        self._uv("check")
        if OURS not in self.run("-m", "airflow", "providers", "list", "--output", "plain"):
            raise CellError(f"`airflow providers list` does not name {OURS}")
        where = self.run("-c", "import twitch_provider; print(twitch_provider.__file__)").strip()
        if not Path(where).is_relative_to(self.cell.folder):
            raise CellError(f"the tests would run against {where}, which is not the installed wheel")
        return after

    def env(self) -> dict[str, str]:
        """Return the variables for what runs in it: none of the caller's Python or Airflow."""
        foreign = ("AIRFLOW", "PYTHON", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {**kept, "PATH": f"{self.python.parent}{os.pathsep}{kept.get('PATH', os.defpath)}"}

    def run(self, *arguments: str) -> str:
        """Run its Python with an Airflow home that is thrown away, and return what it printed.

        :raises CellError: it failed
        """
        with tempfile.TemporaryDirectory() as home:
            return _run(self.python, *arguments, env={**self.env(), "AIRFLOW_HOME": home})

    def _make_stock(self) -> None:
        made_of = hashlib.sha256(self.cell.pins.read_bytes() + str(self.interpreter).encode()).hexdigest()
        stamp = self.cell.folder / "made-of"
        if stamp.is_file() and stamp.read_text() == made_of:
            return
        shutil.rmtree(self.cell.folder, ignore_errors=True)
        _run(sys.executable, "-m", "uv", "venv", "--quiet", "--python", self.interpreter, self.cell.folder)
        airflow = f"apache-airflow=={self.cell.release.airflow}"
        self._uv("install", "--constraint", self.cell.pins, airflow, *STOCK)
        stamp.write_text(made_of)

    def _versions(self) -> dict[str, str]:
        lines = self._uv("freeze").splitlines()
        # A wheel from a file is `name @ address`.
        return dict((line.split("==") if "==" in line else line.split(" @ "))[:2] for line in lines)

    def _uv(self, command: str, *arguments: str | Path) -> str:
        quiet = () if command == "freeze" else ("--quiet",)
        python = ("--python", self.python)
        return _run(sys.executable, "-m", "uv", "pip", command, *quiet, *python, *arguments, env=self.env())


def _pinned(pins: Path) -> set[str]:
    return {line.split("==")[0] for line in pins.read_text().splitlines()}


def _run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        line = " ".join(map(str, command))
        raise CellError(f"{line}\n{(done.stdout + done.stderr).strip()}")
    return done.stdout
