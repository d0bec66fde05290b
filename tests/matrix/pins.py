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
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from tests.matrix.cells import ROOT, Cell, pick

#: The test tools may be as new as this in every cell: the suite needs some that are newer than its Airflow.
TOOLS_AS_OF = "2026-05-30"


def main(*words: str) -> None:
    """Resolve the pins of cells.

    :param words: the cells, as :func:`tests.matrix.cells.pick` takes them
    """
    for cell in pick(words):
        print(f"Resolving {cell.name} as of {cell.release.as_of}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            everything = Path(folder) / "everything.in"
            requirements = (f"apache-airflow[all]=={cell.release.airflow}", *cell.release.held)
            everything.write_text("\n".join(requirements))
            stock = Path(folder) / "stock.txt"
            _compile(cell, everything, output=stock)
            # Of all providers, only some for other databases hold DuckDB back; a deployment has none of them,
            # unless its constraints have been published with that version.
            held = stock.read_text().splitlines()
            kept = (line for line in held if not line.startswith("duckdb==") or line in cell.release.held)
            stock.write_text("\n".join(kept))
            # Only what we need beside Airflow is kept. Where our floors are too high, this fails.
            ours = ["--extra", "metrics", "--extra", "test", "--constraint", str(stock)]
            if cell.release.as_of < TOOLS_AS_OF:
                ours += [f"--exclude-newer-package={tool}={TOOLS_AS_OF}" for tool in _tools()]
            _compile(cell, ROOT / "pyproject.toml", *ours, output=cell.pins)


def _tools() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(line).name for line in project["optional-dependencies"]["test"]]


def _compile(cell: Cell, source: Path, *options: str, output: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--upgrade", "--no-header"]
    command += ["--no-annotate", "--python-version", cell.python, "--exclude-newer", cell.release.as_of]
    subprocess.run([*command, *options, "--output-file", str(output), str(source)], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
