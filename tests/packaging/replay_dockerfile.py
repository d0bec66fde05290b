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
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from demo.played import play
from demo.settings import PLAYED, Lake, Twitch, airflow_environment, connection_variables, hour_to_play
from moto.server import ThreadedMotoServer

from twitch_provider.aws.store import S3Store
from twitch_provider.testing import Simulator

DAGS = sorted(path.stem for path in (Path(__file__).parents[2] / "dags").glob("*.py"))

#: What the official image has of our requirements.
IN_THE_IMAGE = (
    "apache-airflow",
    "apache-airflow-providers-amazon",
    "apache-airflow-providers-http",
    "pandas",
    "pyarrow",
)

#: Runs every DAG of a folder once, at the present tick, and prints what became of each at last.
RUN_DAGS = """
import sys
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import timezone
now = timezone.utcnow()
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
runs = [(dag_id, dag.test(run_after=now, logical_date=now)) for dag_id, dag in sorted(bag.dags.items())]
for dag_id, run in runs:
    print(dag_id, run.state)
"""


def mounts(rest: str) -> Iterator[dict[str, str]]:
    """Yield the mounts of a RUN line."""
    for options in re.findall(r"--mount=(\S+)", rest):
        yield dict(option.split("=") for option in options.split(","))


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
                for mount in mounts(rest):
                    stage = others.get(mount.get("from", ""))
                    source = stage.at(mount["source"]) if stage else context / mount["source"]
                    copy = shutil.copytree if source.is_dir() else shutil.copy
                    copy(source, self.at(mount["target"]))
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


def test_the_wheel_is_that_of_a_release(image: Machine, wheel: Path) -> None:
    (installed,) = image.at("/dist").glob("*.whl")
    assert installed.read_bytes() == wheel.read_bytes()


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


@pytest.fixture(scope="module")
def lake(image: Machine) -> Iterator[Any]:
    """A client of the bucket. It has snapshots of yesterday, and the image's Airflow is configured for it."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    lake = Lake("lake", PLAYED, f"http://{host}:{port}", "AKIAIOSFODNN7EXAMPLE", "not/a+secret")
    with Simulator(streams=200) as twitch, pytest.MonkeyPatch.context() as patch:
        connections = connection_variables(Twitch(twitch.client_id, twitch.client_secret), lake)
        connections["AIRFLOW_CONN_TWITCH_DEFAULT"] = twitch.connection_json()
        patch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connections["AIRFLOW_CONN_AWS_DEFAULT"])
        store = S3Store(lake.bucket, "aws_default")
        client = S3Hook("aws_default").get_conn()
        client.create_bucket(Bucket=lake.bucket)
        play(store, hour_to_play(datetime.now(UTC)), streams=120)
        home = image.at("/opt/airflow")
        env = airflow_environment(home, home / "dags", lake, caller=image.env)
        patch.setattr(image, "env", env | connections)
        image.run("airflow db migrate")
        yield client
    server.stop()


def test_every_dag_does_its_work(image: Machine, lake: Any) -> None:
    states = image.run(f"python -c '{RUN_DAGS}' /opt/airflow/dags").splitlines()[-len(DAGS) :]
    assert states == [f"{dag_id} success" for dag_id in DAGS]
    keys = [each["Key"] for each in lake.list_objects_v2(Bucket="lake")["Contents"]]
    yesterday = f"dt={hour_to_play(datetime.now(UTC)):%Y-%m-%d}"
    for written in (
        "latest/overview.json",
        f"metrics/.*{yesterday}.*",
        f"compacted/.*{yesterday}.*",
        f"reports/{yesterday}/.*html",
    ):
        assert [key for key in keys if re.fullmatch(f"{PLAYED}/{written}", key)], (written, keys)
