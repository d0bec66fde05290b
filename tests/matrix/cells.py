# SPDX-License-Identifier: Apache-2.0
"""The supported versions of Airflow and Python, and where a Python is installed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Release:
    """A release of Airflow.

    :param airflow: its version
    :param as_of: the day after it came out on PyPI: nothing newer is in its pins
    :param pythons: that it and we support
    :param held: what its published constraints hold below what the resolver finds
    :param deprecates: pattern of modules, none of them ours, whose deprecations it meets and we cannot fix
    """

    airflow: str
    as_of: str
    pythons: tuple[str, ...]
    held: tuple[str, ...] = ()
    deprecates: str = ""


#: Oldest first.
RELEASES = (
    # Amazon MWAA has these two, pinned by Airflow's own constraints. Airflow 2 and its Flask deprecate
    # each other, and Python 3.12 deprecates what the botocore of that time calls.
    Release(
        airflow="2.11.0",
        as_of="2025-05-21",
        pythons=("3.11", "3.12"),
        held=("cryptography==42.0.8", "duckdb==1.2.2"),
        deprecates="(?!twitch_provider|tests)",
    ),
    Release("3.0.6", "2025-08-30", ("3.11", "3.12"), deprecates="botocore"),
    Release("3.1.8", "2026-03-13", ("3.11", "3.12", "3.13")),
    # Its OpenTelemetry looks entry points up as Python 3.11 no longer likes it.
    Release("3.2.2", "2026-05-30", ("3.11", "3.12", "3.13"), deprecates=r"opentelemetry\.util\."),
    Release("3.3.2", "2026-09-18", ("3.11", "3.12", "3.13")),
)


@dataclass(frozen=True)
class Cell:
    """A release of Airflow on one Python."""

    release: Release
    python: str

    @property
    def name(self) -> str:
        """As it is picked with ``CELLS``: ``3.3.2/3.13``."""
        return f"{self.release.airflow}/{self.python}"

    @property
    def pins(self) -> Path:
        """The constraints of a stock Airflow of that day, and the test tools of that day."""
        return ROOT / "constraints" / f"airflow-{self.release.airflow}-python{self.python}.txt"

    @property
    def folder(self) -> Path:
        """Its virtual environment."""
        return ROOT / ".matrix" / f"airflow-{self.release.airflow}-python{self.python}"


CELLS = tuple(Cell(release, python) for release in RELEASES for python in release.pythons)


def pick(words: Sequence[str]) -> list[Cell]:
    """Return the cells that words name.

    :param words: ``3.3.2/3.13`` for a cell, ``3.3.2`` for all of a release, ``oldest`` or ``newest`` for that
        release on one Python that is here; nothing means every cell
    :raises ValueError: there is no such cell
    """
    picked: list[Cell] = []
    for word in words:
        ends = {"oldest": CELLS[0].release, "newest": CELLS[-1].release}
        if word in ends:
            cells = [cell for cell in CELLS if cell.release == ends[word]]
            cells = cells if word == "oldest" else cells[::-1]
            found = [next((cell for cell in cells if find_python(cell.python)), cells[0])]
        else:
            found = [cell for cell in CELLS if word in {cell.name, cell.release.airflow}]
        if not found:
            known = " ".join(cell.name for cell in CELLS)
            raise ValueError(f"CELLS: there is no {word}; there are oldest, newest and {known}")
        picked += [cell for cell in found if cell not in picked]
    return picked or list(CELLS)


def find_python(version: str) -> Path | None:
    """Return an interpreter that runs, on the PATH or among pyenv's; None if it was not found.

    A name on the PATH need not run: pyenv has shims for versions that are not chosen.

    :param version: such as ``3.12``
    """
    return next((found for path in _candidates(version) if (found := _ask(path, version))), None)


def _candidates(version: str) -> Iterator[Path]:
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for name in (f"python{version}", "python3", "python"):
        yield from (folder / name for folder in folders)
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from sorted(versions.glob(f"{version}.*/bin/python"))


def _ask(path: Path, version: str) -> Path | None:
    if not path.is_file():
        return None
    # Some are built without these two, which Airflow needs. A shim answers with what it stands for.
    ask = "import sqlite3, ssl, sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    try:
        done = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    said, _, executable = done.stdout.strip().partition(" ")
    return Path(executable) if done.returncode == 0 and said == version else None
