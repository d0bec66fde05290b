# SPDX-License-Identifier: Apache-2.0
"""Our requirements against what managed services pin; ``make managed-test`` also resolves and installs."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.managed.sets import FOLDER, ROOT, SETS, PinSet

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = [
    Requirement(line) for line in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["metrics"])
]
PIN = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*==[0-9][0-9a-z.]*")

all_sets = pytest.mark.parametrize("pin_set", SETS, ids=lambda pin_set: pin_set.name)


def test_every_set_has_pins_and_no_pins_are_left_over() -> None:
    assert {pin_set.file for pin_set in SETS} == set(FOLDER.glob("*"))


@all_sets
def test_a_file_has_pins_and_nothing_else(pin_set: PinSet) -> None:
    lines = pin_set.file.read_text().splitlines()
    assert lines == sorted(set(lines))
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    assert len({line.split("==")[0] for line in lines}) == len(lines)


@all_sets
def test_no_requirement_of_ours_contradicts_a_pin(pin_set: PinSet) -> None:
    pins = pin_set.pins()
    contradicted = {
        str(ours): pins[name]
        for ours in OURS
        if (name := canonicalize_name(ours.name)) in pins
        and not ours.specifier.contains(pins[name], prereleases=True)
    }
    assert contradicted == {}


@all_sets
def test_a_whole_set_pins_what_decides(pin_set: PinSet) -> None:
    pins = pin_set.pins()
    assert pins.get("apache-airflow", pin_set.airflow) == pin_set.airflow
    named = {canonicalize_name(ours.name) for ours in OURS} & pins.keys()
    # Some have no msgspec, some no DuckDB: then any version will do.
    assert not pin_set.whole or len(named) >= len(OURS) - 2
    assert named or "apache-airflow-providers-common-compat" in pins


@all_sets
def test_its_python_is_one_of_ours(pin_set: PinSet) -> None:
    assert f"Programming Language :: Python :: {pin_set.python}" in PROJECT["classifiers"]
    assert pin_set.source
    assert pin_set.as_of


@all_sets
def test_the_documents_name_it(pin_set: PinSet) -> None:
    """Which sets were checked, and which of them in part, is in the table of docs/versions.md."""
    row = next(
        line
        for line in (ROOT / "docs" / "versions.md").read_text().splitlines()
        if line.startswith(f"| `{pin_set.name}` |")
    )
    assert f"| {pin_set.airflow} | {pin_set.python} |" in row
    assert row.endswith("| whole |" if pin_set.whole else "| in part |")
