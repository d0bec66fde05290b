# SPDX-License-Identifier: Apache-2.0
"""The image's recipe, without a Docker engine; ``replay_dockerfile.py`` carries its lines out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement


@dataclass(frozen=True)
class Pin:
    """A package of a file of ``pip``, with the hashes of its files."""

    name: str
    version: str
    hashes: frozenset[str]


def hashed(root: Path, name: str) -> Iterator[Pin]:
    """Each package of one of the image's files."""
    for block in re.split(r"\n(?=\S)", (root / "constraints" / f"{name}.txt").read_text()):
        requirement = re.match(r"([\w-]+)==(\S+)", block)
        assert requirement, block
        yield Pin(
            requirement[1], requirement[2], frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", block))
        )


def test_extends_the_official_image_of_the_pinned_airflow(stages: list[Any], pins: dict[str, str]) -> None:
    assert re.fullmatch(
        rf"apache/airflow:{re.escape(pins['apache-airflow'])}-python3\.\d+(@sha256:[0-9a-f]{{64}})?",
        stages[-1].base,
    )


@pytest.mark.parametrize(
    ("stage", "name", "file"), [(0, "image-wheel", "constraints/image-wheel.txt"), (1, "image", "/image.txt")]
)
def test_installs_only_what_has_a_hash(
    stages: list[Any], root: Path, stage: int, name: str, file: str
) -> None:
    commands = [rest for keyword, rest in stages[stage].steps if keyword == "RUN" and "pip" in rest]
    installed = [each for command in commands for each in re.findall(r"pip install ([^&]+)", command)]
    assert (
        f"--require-hashes --no-deps --requirement {'constraints' if not stage else ''}/{name}.txt"
        in installed[0]
    )
    assert all("--no-index --no-deps /dist/*.whl" in each for each in installed[1:])
    assert all(command.endswith("&& pip check") for command in commands)
    for pin in hashed(root, name):
        assert len(pin.hashes) > 1, pin.name


@pytest.mark.parametrize("name", ["image", "image-wheel"])
def test_the_hashed_pins_are_those_of_the_constraints(root: Path, pins: dict[str, str], name: str) -> None:
    assert {pin.name: pin.version for pin in hashed(root, name)}.items() <= pins.items()


def test_installs_what_the_extra_of_a_dag_needs(root: Path) -> None:
    """The metrics' DAGs are in the image, so what they import must be, too."""
    extra = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"][
        "metrics"
    ]
    installed = {pin.name: pin.version for pin in hashed(root, "image")}
    for requirement in map(Requirement, extra):
        assert requirement.specifier.contains(installed[requirement.name])


def test_stays_the_unprivileged_user(stages: list[Any]) -> None:
    assert not [rest for keyword, rest in stages[-1].steps if keyword == "USER"]


def test_everything_belongs_to_the_unprivileged_user(stages: list[Any]) -> None:
    copies = [rest for keyword, rest in stages[-1].steps if keyword == "COPY"]
    assert copies
    assert all(rest.startswith("--chown=airflow:0 ") for rest in copies)


@pytest.mark.parametrize("keyword", ["ENV", "ARG", "ADD"])
def test_leaves_no_room_for_secrets(stages: list[Any], keyword: str) -> None:
    assert keyword not in {step for stage in stages for step, _ in stage.steps}


def test_docker_is_sent_only_what_is_copied(stages: list[Any], root: Path) -> None:
    rules = (root / ".dockerignore").read_text().splitlines()
    rules = [rule for rule in rules if rule and not rule.startswith("#")]
    sent = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied: set[str] = set()
    for stage in stages:
        for keyword, rest in stage.steps:
            if keyword == "COPY":
                *sources, _ = [word for word in rest.split() if not word.startswith("--")]
                copied |= set(sources)
            for mount in re.findall(r"--mount=type=bind,source=([^,]+)", rest):
                copied.add(mount)
    assert rules[0] == "*"
    assert sent == copied
