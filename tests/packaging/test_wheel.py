# SPDX-License-Identifier: Apache-2.0
"""What a user's ``pip install`` brings."""

from __future__ import annotations

import email
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from twitch_provider import __version__, page


@pytest.fixture(scope="module")
def files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def metadata(files: dict[str, bytes]) -> Message:
    return email.message_from_bytes(next(body for name, body in files.items() if name.endswith("/METADATA")))


def test_carries_every_module_of_the_package(files: dict[str, bytes], root: Path) -> None:
    source = root / "src"
    modules = {path.relative_to(source).as_posix() for path in source.rglob("*.py")}
    assert modules
    assert modules <= files.keys()


def test_is_typed(files: dict[str, bytes]) -> None:
    assert "twitch_provider/py.typed" in files


def test_carries_the_reference_dags(files: dict[str, bytes], root: Path) -> None:
    for dag in (root / "dags").glob("*.py"):
        assert files[f"twitch_provider/example_dags/{dag.name}"] == dag.read_bytes()


def test_carries_the_page_and_the_licences_of_its_libraries(files: dict[str, bytes]) -> None:
    folder = "twitch_provider/page/static/"
    assert {f"{folder}{name}" for name in (*page.FILES, *page.MODULES)} <= files.keys()
    for library in ("d3.min.js", "plot.min.js"):
        licences = [name for name in files if name.endswith(f"{library}.LICENSE.txt")]
        assert len(licences) == 2, "beside it, and among those of the distribution"


def test_carries_nothing_but_the_package(files: dict[str, bytes]) -> None:
    information = f"airflow_provider_twitch-{__version__}.dist-info"
    assert {name.split("/")[0] for name in files} == {"twitch_provider", information}
    assert not [name for name in files if "__pycache__" in name or "tests" in name]


def test_airflow_finds_the_provider(files: dict[str, bytes]) -> None:
    points = next(body for name, body in files.items() if name.endswith("/entry_points.txt")).decode()
    assert "[apache_airflow_provider]" in points
    assert "provider_info = twitch_provider.get_provider_info:get_provider_info" in points


def test_names_version_and_licence(files: dict[str, bytes], metadata: Message, root: Path) -> None:
    assert metadata["Name"] == "airflow-provider-twitch"
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0 AND ISC AND MIT"
    licence = next(body for name, body in files.items() if name.endswith("/licenses/LICENSE"))
    assert licence == (root / "LICENSE").read_bytes()


def test_has_floors_and_no_caps(metadata: Message) -> None:
    requirements = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    assert requirements
    for requirement in requirements:
        assert [specifier.operator for specifier in requirement.specifier] == [">="], str(requirement)
    assert metadata["Requires-Python"] == ">=3.11"
