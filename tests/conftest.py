# SPDX-License-Identifier: Apache-2.0
"""One throw-away Airflow for the whole run: its settings have to be there before it is imported."""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from packaging.version import Version

pytest_plugins = ["twitch_provider.testing.fixtures"]

ROOT = Path(__file__).parents[1]
HOME = tempfile.TemporaryDirectory(prefix="airflow-provider-twitch-")

for name in list(os.environ):
    if name.startswith(("AIRFLOW", "AWS_", "TWITCH_")):
        del os.environ[name]
os.environ |= {
    "AIRFLOW_HOME": HOME.name,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME.name}/airflow.db",
    # The unit test mode of Airflow 2 puts LocalExecutor on SQLite, and then refuses it.
    "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
    # No test may find credentials or a metadata service by accident.
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

# A machine that is busy with other things is not a failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """Exclude what was imported from garbage collection, which else took a tenth of the suite's time."""
    gc.freeze()


def begin_anew() -> None:
    """Forget what hooks share: the tokens of this process, those in files, and what Airflow masks in logs.

    Airflow compiles all masked secrets into one expression whenever one is added; those of the tests before
    would make that slower and slower.
    """
    if sessions := sys.modules.get("twitch_provider.hooks.sessions"):
        sessions.forget_shared()
    for name, module in list(sys.modules.items()):
        if name.startswith("airflow") and "_secrets_masker" in vars(module):
            masker = module._secrets_masker()
            masker.patterns, masker.replacer = set(), None
    shutil.rmtree(Path(HOME.name) / "twitch_tokens", ignore_errors=True)


@pytest.fixture(autouse=True)
def _new_deployment() -> Iterator[None]:
    """Every test begins as a deployment does that has never asked Twitch."""
    begin_anew()
    yield
    begin_anew()


@pytest.fixture(scope="session")
def airflow_3() -> None:
    """Skips on Airflow 2, for which the reference DAGs are not written."""
    if version("apache-airflow").startswith("2."):
        pytest.skip(f"the reference DAGs need Airflow 3; this is {version('apache-airflow')}")


@pytest.fixture(scope="session", autouse=True)
def _models_of_aws_are_parsed_once() -> Iterator[None]:
    """Keep what botocore parses: each client of a new session would read 1 MB of JSON again."""
    from botocore.loaders import JSONFileLoader

    load = functools.cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _self, path: load(path))
        yield


@pytest.fixture(scope="session")
def airflow_of_the_dags() -> None:
    """Skips where Airflow is older than what the reference DAGs need."""
    if Version(version("apache-airflow")) < Version("3.3.1"):
        pytest.skip(f"the reference DAGs need Airflow 3.3.1; this is {version('apache-airflow')}")


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What hooks would have slept, in seconds; their clock runs on by as much and no time is lost."""
    from twitch_provider.hooks.twitch import TwitchAsyncHook, TwitchHook

    naps: list[float] = []

    async def nap(_self: TwitchAsyncHook, seconds: float) -> None:
        naps.append(seconds)
        await asyncio.sleep(0)

    for hook in (TwitchHook, TwitchAsyncHook):
        monkeypatch.setattr(hook, "_clock", lambda _self: 1000.0 + sum(naps))
    monkeypatch.setattr(TwitchHook, "_sleep", lambda _self, seconds: naps.append(seconds))
    monkeypatch.setattr(TwitchAsyncHook, "_sleep", nap)
    return naps


@pytest.fixture
def dags_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Migrate the metadata database, and have Airflow look for DAGs in a folder: it runs no others."""

    def dags_in(folder: Path) -> None:
        from airflow.utils import db

        bundle = {
            "name": str(folder.relative_to(ROOT)).replace("/", "-"),
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(folder)},
        }
        monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))
        db.initdb()

    return dags_in


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 in memory, and the connection ``aws_default`` that leads to it."""
    import boto3
    from moto import mock_aws

    connection = {
        "conn_type": "aws",
        "login": "testing-key",
        "password": "testing-secret",
        "extra": {"region_name": "us-east-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__TWITCH__AWS_CONN_ID", "aws_default")
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def new_bucket(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make a bucket the lake."""

    def new_bucket(name: str) -> None:
        s3.create_bucket(Bucket=name)
        monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", name)

    return new_bucket
