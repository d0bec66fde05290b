# SPDX-License-Identifier: Apache-2.0
"""The cells of ``make matrix``; it is the matrix itself that installs and runs them."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.matrix import __main__ as matrix
from tests.matrix.cells import CELLS, Cell, find_python, pick

THIS = f"{sys.version_info[0]}.{sys.version_info[1]}"


def pins_of(cell: Cell) -> dict[str, str]:
    return dict(line.split("==") for line in cell.pins.read_text().splitlines())


@pytest.fixture
def no_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without Python: its PATH is this folder, and pyenv's is below."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def test_every_cell_has_pins_and_no_pins_are_left_over(root: Path) -> None:
    assert {cell.pins for cell in CELLS} == set((root / "constraints").glob("airflow-*.txt"))


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_a_stock_airflow_has_what_our_floors_ask(cell: Cell, root: Path) -> None:
    pins = pins_of(cell)
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert pins["apache-airflow"] == cell.release.airflow
    extras = project["optional-dependencies"]
    for line in (*project["dependencies"], *extras["metrics"], *extras["test"]):
        requirement = Requirement(line)
        assert requirement.specifier.contains(pins[requirement.name]), line


def test_both_ends_differ_in_pandas() -> None:
    ends = [pins_of(cell)["pandas"].split(".")[0] for cell in pick(["oldest", "newest"])]
    assert ends == ["2", "3"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["3.3.2/3.13"], ["3.3.2/3.13"]),
        (["2.11.0"], ["2.11.0/3.11", "2.11.0/3.12"]),
        (["3.3.2/3.13", "2.11.0", "3.3.2/3.13"], ["3.3.2/3.13", "2.11.0/3.11", "2.11.0/3.12"]),
        ([], [cell.name for cell in CELLS]),
    ],
)
def test_picks_cells_by_name(words: list[str], names: list[str]) -> None:
    assert [cell.name for cell in pick(words)] == names


def test_the_ends_are_on_a_python_that_is_here(no_python: Path) -> None:
    (no_python / "python3").symlink_to(sys.executable)
    if THIS == "3.13":
        assert [cell.name for cell in pick(["oldest", "newest"])] == ["2.11.0/3.11", "3.3.2/3.13"]
    else:
        assert [cell.name for cell in pick(["oldest", "newest"])] == [f"2.11.0/{THIS}", f"3.3.2/{THIS}"]


def test_a_cell_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert matrix.main(["2.10.0"]) == 2
    assert "there is no 2.10.0" in capsys.readouterr().err


def test_a_name_that_does_not_run_is_no_python(no_python: Path) -> None:
    shim = no_python / f"python{THIS}"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert find_python(THIS) is None
    here = no_python / "pyenv" / "versions" / f"{THIS}.0" / "bin" / "python"
    here.parent.mkdir(parents=True)
    here.symlink_to(sys.executable)
    assert find_python(THIS) == here


def test_a_python_of_another_version_does_not_do(no_python: Path) -> None:
    (no_python / "python3").symlink_to(sys.executable)
    assert find_python("3.9") is None


def test_a_cell_without_its_python_fails_with_a_message(
    no_python: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "_build", lambda folder: folder / "no.whl")
    assert matrix.main(["3.1.8/3.12"]) == 1
    said = capsys.readouterr()
    assert "3.1.8/3.12 NOT RUN: no Python 3.12" in said.err
    assert "NOT RUN: no Python 3.12" in said.out.splitlines()[-1]
