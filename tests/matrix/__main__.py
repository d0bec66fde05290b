# SPDX-License-Identifier: Apache-2.0
"""Run the test suite on every supported version: ``python -m tests.matrix`` (``make matrix``).

Each cell is a stock Airflow, pinned as of its time, with our wheel installed beside it. The tests run against
that wheel, not against ``src``. Left out are those whose subject is this checkout and not an Airflow: the
demo, the packaging, the documents, the browser. ``make test`` and ``make ui-test`` run them, on the newest.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.matrix.cells import ROOT, Cell, find_python, pick
from tests.matrix.environment import CellError, Environment

#: Their subject is the checkout.
LEFT_OUT = (
    "tests/benchmarks",
    "tests/cluster",
    "tests/demo",
    "tests/deploy",
    "tests/kills",
    "tests/packaging",
    "tests/test_docs.py",
    "tests/ui",
)
MOST_SECONDS = 1800


@dataclass
class Result:
    """The result of a cell."""

    cell: Cell
    state: str
    pandas: str = ""
    compat: str = ""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0


def main(arguments: Sequence[str]) -> int:
    """Run the cells, print the table, and return the exit status.

    :param arguments: the cells, as :func:`tests.matrix.cells.pick` takes them, and options
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.matrix", description="Run the suite in every cell."
    )
    parser.add_argument(
        "cells", nargs="*", help="3.3.2/3.13, 3.3.2, oldest or newest; all of them by default"
    )
    parser.add_argument("--jobs", type=int, default=1, help="how many cells run at a time")
    options = parser.parse_args(arguments)
    try:
        cells = pick(options.cells)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        wheel = _build(Path(folder))
        with ThreadPoolExecutor(options.jobs) as pool:
            # One cell has all processors, several share them.
            processes = "auto" if options.jobs == 1 else "0"
            results = list(pool.map(lambda cell: _run(cell, wheel, processes), cells))
    print(f"\n{table(results)}")
    return int(any(result.state != "passed" for result in results))


def _build(folder: Path) -> Path:
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def _run(cell: Cell, wheel: Path, processes: str) -> Result:
    interpreter = find_python(cell.python)
    if interpreter is None:
        print(f"{cell.name} NOT RUN: no Python {cell.python} on the PATH or among pyenv's.", file=sys.stderr)
        return Result(cell, f"NOT RUN: no Python {cell.python}")
    started = time.monotonic()
    result = Result(cell, "FAILED")
    try:
        environment = Environment(cell, interpreter)
        versions = environment.prepare(wheel)
        result.pandas = versions["pandas"]
        result.compat = versions["apache-airflow-providers-common-compat"]
        print(f"{cell.name} ready after {time.monotonic() - started:.0f} s, testing.", flush=True)
        _test(environment, result, processes)
    except CellError as error:
        print(f"{cell.name} FAILED: {error}", file=sys.stderr)
    result.seconds = time.monotonic() - started
    return result


def _test(environment: Environment, result: Result, processes: str) -> None:
    report = environment.cell.folder / "tests.xml"
    report.unlink(missing_ok=True)
    command: list[str | Path] = [environment.python, "-m", "pytest", "tests", "--quiet", "--tb=short"]
    command += ["--numprocesses", processes, "--dist=worksteal"]
    command += ["-p", "no:cacheprovider", f"--junitxml={report}", *(f"--ignore={name}" for name in LEFT_OUT)]
    if deprecates := environment.cell.release.deprecates:
        # As pyproject.toml has it, but for that. (-W takes no patterns.)
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        filters = project["tool"]["pytest"]["ini_options"]["filterwarnings"]
        filters = [*filters, f"ignore::DeprecationWarning:{deprecates}"]
        command.append("--override-ini=filterwarnings=" + "\n".join(filters))
    log = environment.cell.folder / "tests.log"
    try:
        with log.open("wb") as output:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment.env(),
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=MOST_SECONDS,
            )
    except subprocess.TimeoutExpired as error:
        raise CellError(f"the tests took longer than {MOST_SECONDS} s; see {log}") from error
    # In one piece, so that the output of cells that run together does not mix.
    print(f"\n== {environment.cell.name}\n{log.read_text(errors='replace')}", flush=True)
    if not report.is_file():
        raise CellError("pytest ended without a report")
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - pytest has just written it
    counts = {name: int(suite.get(name, 0)) if suite is not None else 0 for name in COUNTED}
    result.failed = counts["failures"] + counts["errors"]
    result.skipped = counts["skipped"]
    result.passed = counts["tests"] - result.failed - result.skipped
    if done.returncode == 0 and result.passed:
        result.state = "passed"


COUNTED = ("tests", "failures", "errors", "skipped")


def table(results: Sequence[Result]) -> str:
    """Return the results as a table."""
    rows = [("Airflow", "Python", "pandas", "common-compat", "passed", "failed", "skipped", "seconds", "")]
    rows += [
        (
            *(result.cell.release.airflow, result.cell.python, result.pandas, result.compat),
            *(str(result.passed), str(result.failed), str(result.skipped), f"{result.seconds:.0f}"),
            result.state,
        )
        for result in results
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
