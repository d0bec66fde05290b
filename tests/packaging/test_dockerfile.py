# SPDX-License-Identifier: Apache-2.0
"""The image's recipe, without a Docker engine; ``replay_dockerfile.py`` carries its lines out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest


def test_extends_the_official_image_of_the_pinned_airflow(stages: list[Any], pins: dict[str, str]) -> None:
    assert re.fullmatch(rf"apache/airflow:{re.escape(pins['apache-airflow'])}-python3\.\d+", stages[-1].base)


def test_installs_what_the_constraints_pin(stages: list[Any], pins: dict[str, str]) -> None:
    commands = " ".join(rest for stage in stages for keyword, rest in stage.steps if keyword == "RUN")
    pinned = dict(re.findall(r"([a-z][a-z-]+)==([\d.]+)", commands))
    assert {"build", "hatchling"} <= pinned.keys()
    assert pinned == {name: pins[name] for name in pinned}


def test_repeats_airflows_pin_and_checks_the_result(stages: list[Any]) -> None:
    commands = [rest for keyword, rest in stages[-1].steps if keyword == "RUN"]
    assert all('"apache-airflow==${AIRFLOW_VERSION}"' in command for command in commands)
    assert all(command.endswith("&& pip check") for command in commands)


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
    assert rules[0] == "*"
    assert sent == copied
