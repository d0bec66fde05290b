# SPDX-License-Identifier: Apache-2.0
"""The checkout as an artefact."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Stage:
    """One stage of a Dockerfile: its base image, and what follows as (keyword, the rest of the line)."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def pins() -> dict[str, str]:
    """Every pinned version, by package."""
    lines = (ROOT / "constraints" / "dev.txt").read_text().splitlines()
    return dict(line.split(";")[0].strip().split("==") for line in lines)


@pytest.fixture(scope="session")
def stages() -> list[Stage]:
    """The Dockerfile's stages."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    stages: list[Stage] = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        keyword, rest = line.split(maxsplit=1)
        if keyword == "FROM":
            stages.append(Stage(rest))
        else:
            stages[-1].steps.append((keyword, " ".join(rest.split())))
    return stages


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, built as a release is, from what is installed."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist", "--outdir", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    """The wheel."""
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="session")
def sdist(dist: Path) -> Path:
    """The source distribution."""
    return next(dist.glob("*.tar.gz"))
