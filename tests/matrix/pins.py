# SPDX-License-Identifier: Apache-2.0
"""Resolve the pins of every cell as of its time: ``python -m tests.matrix.pins`` (``make constraints``).

A user's Airflow is pinned by that release's own constraints. Airflow makes them by resolving all of its
providers at once; so does this, with nothing newer than the release. pandas is what shows the difference:
alone, it would be pandas 3 everywhere, but other providers held it at 2.1.4 in Airflow 2.11.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.matrix.cells import ROOT, Cell, pick

#: 1.3 leaves an event loop unclosed beside ``asyncio.run``, and the test in which that shows fails. 1.4 came
#: out after the older Airflows; nothing of theirs depends on it.
NEWER_TOOL = "pytest-asyncio=2026-05-30"


def main(*words: str) -> None:
    """Resolve anew.

    :param words: the cells, as :func:`tests.matrix.cells.pick` takes them
    """
    for cell in pick(words):
        print(f"Resolving {cell.name} as of {cell.release.as_of}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            everything = Path(folder) / "everything.in"
            everything.write_text(f"apache-airflow[all]=={cell.release.airflow}\n")
            stock = Path(folder) / "stock.txt"
            _compile(cell, everything, output=stock)
            # Only what we need beside Airflow is kept. Where our floors are too high, this fails.
            ours = ["--extra", "test", "--constraint", str(stock)]
            if cell.release.as_of < NEWER_TOOL.split("=")[1]:
                ours += ["--exclude-newer-package", NEWER_TOOL]
            _compile(cell, ROOT / "pyproject.toml", *ours, output=cell.pins)


def _compile(cell: Cell, source: Path, *options: str, output: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--upgrade", "--no-header"]
    command += ["--no-annotate", "--python-version", cell.python, "--exclude-newer", cell.release.as_of]
    subprocess.run([*command, *options, "--output-file", str(output), str(source)], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
