# SPDX-License-Identifier: Apache-2.0
"""What ``make sbom`` wrote; it runs these."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.packaging.sbom import FOLDER, ROOT, RUNTIME

from twitch_provider import __version__

ENV = {**os.environ, "PYTHONPATH": ""}


@pytest.fixture(scope="module")
def path() -> Path:
    return FOLDER / f"airflow-provider-twitch-{__version__}.cdx.json"


@pytest.fixture(scope="module")
def sbom(path: Path) -> Any:
    return json.loads(path.read_text())


def test_names_every_package_that_the_wheel_installs(sbom: Any) -> None:
    script = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    done = subprocess.run([RUNTIME, "-c", script], capture_output=True, text=True, check=True, env=ENV)
    installed = {name_and_version(each) for each in done.stdout.split()}
    listed = {(canonicalize_name(each["name"]), each["version"]) for each in sbom["components"]}
    assert len(listed) > 100
    assert installed - listed == {("airflow-provider-twitch", __version__)}
    assert listed <= installed


def name_and_version(pin: str) -> tuple[str, str]:
    name, version = pin.split("==")
    return canonicalize_name(name), version


def test_is_of_this_version_and_what_it_requires(sbom: Any) -> None:
    component = sbom["metadata"]["component"]
    assert (component["name"], component["version"]) == ("airflow-provider-twitch", __version__)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = {
        canonicalize_name(Requirement(line).name)
        for line in (*project["dependencies"], *project["optional-dependencies"]["metrics"])
    }
    (direct,) = (each["dependsOn"] for each in sbom["dependencies"] if each["ref"] == component["bom-ref"])
    assert {canonicalize_name(each.split("==")[0]) for each in direct} == required


def test_every_package_has_its_address_in_the_index(sbom: Any) -> None:
    for each in sbom["components"]:
        assert each["purl"] == f"pkg:pypi/{canonicalize_name(each['name'])}@{each['version']}"


def test_a_licence_that_is_not_allowed_fails(tmp_path: Path) -> None:
    allowed = (ROOT / "pyproject.toml").read_text()
    shorter = allowed.replace("ISC License (ISCL);", "")
    assert shorter != allowed
    (tmp_path / "pyproject.toml").write_text(shorter)
    command = [sys.executable, "-m", "piplicenses", f"--python={RUNTIME}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ISC License (ISCL) not in allow-only licenses" in done.stderr


def test_names_no_path_of_the_machine_that_made_it(path: Path) -> None:
    text = path.read_text()
    assert str(ROOT) not in text
    assert re.findall(r'"(?:file:|/[a-z]+/)[^"]*"', text) == []
