# SPDX-License-Identifier: Apache-2.0
"""Carry out the Dockerfile's own lines without a Docker engine (``make image-test``; needs PyPI).

Each stage gets a folder as its root and a virtual environment as its Python. In place of the official image
stands an environment with Airflow and those of its providers that we need, at the versions that they had when
that Airflow came out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

#: What the official image has of our requirements.
IN_THE_IMAGE = (
    "apache-airflow",
    "apache-airflow-providers-amazon",
    "apache-airflow-providers-http",
    "pandas",
    "pyarrow",
)


class Machine:
    """A folder that stands for a container's root, and a Python of its own."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.work = folder
        self.stock: list[str] = []
        venv.create(folder / "venv", with_pip=True)
        path = f"{folder / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))
        }
        self.env = {**clean, "PATH": path, "AIRFLOW_HOME": str(folder / "home"), **env}

    def at(self, path: str) -> Path:
        """Return where a path of the container lies."""
        return self.folder / path.lstrip("/") if path.startswith("/") else self.work / path

    def run(self, command: str) -> str:
        """Run a shell command of a RUN line and return its output."""
        inside = re.sub(r"(?<=\s)/(?=\w)", f"{self.folder}/", command)
        done = subprocess.run(
            ["sh", "-c", inside], cwd=self.work, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def replay(self, steps: list[tuple[str, str]], context: Path, others: Mapping[str, Machine]) -> None:
        """Carry out the steps of a stage."""
        for keyword, rest in steps:
            if keyword == "WORKDIR":
                self.work = self.at(rest)
                self.work.mkdir(parents=True)
            elif keyword == "COPY":
                self.copy(rest, context)
            else:
                assert keyword == "RUN", keyword
                for options in re.findall(r"--mount=(\S+)", rest):
                    mount = dict(option.split("=") for option in options.split(","))
                    shutil.copytree(others[mount["from"]].at(mount["source"]), self.at(mount["target"]))
                self.run(re.sub(r"--mount=\S+ ", "", rest))

    def copy(self, rest: str, context: Path) -> None:
        """Carry out a COPY line."""
        *sources, target = [word for word in rest.split() if not word.startswith("--")]
        if target.endswith("/"):
            self.at(target).mkdir(parents=True, exist_ok=True)
        for source in (context / name for name in sources):
            if source.is_dir():
                shutil.copytree(source, self.at(target))
            else:
                shutil.copy(source, self.at(target))


@pytest.fixture(scope="module")
def image(stages: list[Any], root: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The image, as far as a virtual environment can be one."""
    builds, extends = stages
    version = re.search(r"apache/airflow:([\d.]+)-", extends.base)
    assert version
    builder = Machine(tmp_path_factory.mktemp("wheel"), {})
    builder.replay(builds.steps, root, {})

    image = Machine(tmp_path_factory.mktemp("image"), {"AIRFLOW_VERSION": version[1]})
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet"]
    into = ["--python", str(image.folder / "venv" / "bin" / "python")]
    pins = f"airflow-{version[1]}-python{sys.version_info[0]}.{sys.version_info[1]}.txt"
    constraints = ["--constraint", str(root / "constraints" / pins)]
    subprocess.run([*install, *into, *constraints, *IN_THE_IMAGE], check=True)
    image.stock = image.run("pip freeze").splitlines()
    image.at("/opt/airflow").mkdir(parents=True)
    image.replay(extends.steps, root, {builds.base.split(" AS ")[1]: builder})
    return image


def test_airflow_lists_our_provider(image: Machine) -> None:
    assert "airflow-provider-twitch" in image.run("airflow providers list")


def test_nothing_of_the_image_moved(image: Machine) -> None:
    assert f"apache-airflow=={image.env['AIRFLOW_VERSION']}" in image.stock
    assert set(image.stock) <= set(image.run("pip freeze").splitlines())


def test_dags_lie_where_airflow_looks(image: Machine) -> None:
    assert image.at("/opt/airflow/dags/twitch_top_games.py").is_file()


def test_carries_what_a_machine_needs_to_run_it(image: Machine) -> None:
    made = image.run("python /opt/airflow/deploy/new_env.py TWITCH_BUCKET=lake")
    named = set(re.findall(r"(?<!\$)\$\{(\w+)", image.at("/opt/airflow/deploy/compose.yaml").read_text()))
    assert named <= set(re.findall(r"^(\w+)=", made, re.MULTILINE))


def test_airflow_reads_our_settings_when_it_begins(image: Machine) -> None:
    assert image.at("/opt/airflow/config/airflow_local_settings.py").is_file()
    level = "import airflow.settings, logging; airflow.settings.initialize(); "
    level += "print(logging.getLogger('botocore').level)"
    assert image.run(f'AIRFLOW_HOME={image.at("/opt/airflow")} python -c "{level}"').split()[-1] == "20"


def test_the_folder_of_the_token_cache_is_private(image: Machine) -> None:
    assert image.at("/opt/airflow/twitch_tokens").stat().st_mode & 0o777 == 0o700
