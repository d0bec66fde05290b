# SPDX-License-Identifier: Apache-2.0
"""The walls of the house: who may import what, checked by importing it in a process of its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "twitch_provider"

#: Modules that import nothing of the package, and that every room may import.
LEAVES = {"exceptions", "rows", "storable"}

#: Each room and the rooms below it that it may import, besides the leaves.
MAY_IMPORT = {
    "helix": set(),
    "crawl": {"helix"},
    "lake": {""},
    "metrics": {"lake"},
    "page": set(),
    "compat": set(),
    "aws": {"lake", "compat"},
    "hooks": {"helix", "crawl", "aws", "compat", "get_provider_info", ""},
    "plugins": {"aws", "config", "compat", "page"},
    "pipelines": {"helix", "crawl", "hooks", "aws", "lake", "metrics", "page", "compat", "config", ""},
    "links": {"compat", "config"},
    "operators": {"helix", "hooks", "links", "pipelines", "config", "compat", ""},
    "transfers": {"helix", "hooks", "aws", "lake", "links", "pipelines", "config", "compat", ""},
    "triggers": {"helix", "hooks", "pipelines", "compat", ""},
    "sensors": {"helix", "hooks", "pipelines", "triggers", "compat", ""},
    "config": {"compat", "get_provider_info"},
    "get_provider_info": {""},
    "testing": set(),
}


def imported_by(statement: str) -> set[str]:
    """Top-level names of all modules that a statement brings in."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_helix_and_crawl_bring_in_no_airflow_no_pandas_and_no_http_library() -> None:
    rooms = ", ".join(
        f"twitch_provider.{room}.{path.stem}"
        for room in ("helix", "crawl")
        for path in (PACKAGE / room).glob("[a-z]*.py")
    )
    http = {"requests", "urllib3", "aiohttp", "httpx", "httpcore"}
    assert not imported_by(f"import {rooms}") & {"airflow", "pandas", "pyarrow", "numpy", *http}


def test_the_package_itself_brings_in_nothing() -> None:
    assert not imported_by("import twitch_provider, twitch_provider.get_provider_info") & {
        "airflow",
        "pandas",
        "pyarrow",
        "requests",
        "aiohttp",
    }


def test_the_spark_job_brings_in_only_pandas_and_pyarrow() -> None:
    # What a driver has to have; Spark itself is imported when the job runs.
    foreign = {"airflow", "boto3", "botocore", "duckdb", "msgspec", "pyspark", "requests"}
    assert not imported_by("import twitch_provider.metrics.spark_job") & foreign


@pytest.mark.usefixtures("airflow_3")
def test_parsing_the_dags_brings_in_no_pandas_no_pyarrow_no_boto3_and_no_duckdb() -> None:
    paths = sorted(map(str, (ROOT / "dags").glob("*.py")))
    assert len(paths) >= 3
    parse = f"import runpy; [runpy.run_path(path) for path in {paths}]"
    # Airflow 3.0 itself imports aiohttp with its decorators.
    ours = imported_by(parse) - imported_by("from airflow.sdk import Asset, dag, task")
    assert not ours & {"pandas", "pyarrow", "boto3", "botocore", "numpy", "aiohttp", "duckdb"}


def rooms_imported(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    inside = {module for module in modules if module.split(".")[0] == "twitch_provider"}
    return {[*module.split("."), ""][1] for module in inside if module != "twitch_provider.__version__"}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PACKAGE.rglob("*.py")) if room_of(path) not in {"__init__", *LEAVES}],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_imports_run_one_way(path: Path) -> None:
    room = room_of(path)
    assert rooms_imported(path) <= MAY_IMPORT[room] | {room, *LEAVES}


@pytest.mark.parametrize("leaf", sorted(LEAVES))
def test_leaves_import_nothing_at_run_time(leaf: str) -> None:
    code = f"import sys, twitch_provider.{leaf}\nprint(*(name for name in sys.modules if 'twitch' in name))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) <= {"twitch_provider", f"twitch_provider.{leaf}"}
    assert not imported_by(f"import twitch_provider.{leaf}") & {"airflow", "requests", "pandas", "pyarrow"}
