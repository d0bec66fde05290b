# SPDX-License-Identifier: Apache-2.0
"""One throw-away Airflow for the whole run: its settings have to be there before it is imported."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    # No test may find credentials or a metadata service by accident.
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def begin_anew() -> None:
    """Forget what hooks share: the tokens of this process, and those that lie in files."""
    if sessions := sys.modules.get("twitch_provider.hooks.sessions"):
        sessions.forget_shared()
    shutil.rmtree(Path(HOME.name) / "twitch_tokens", ignore_errors=True)


@pytest.fixture(autouse=True)
def _new_deployment() -> Iterator[None]:
    """Every test begins as a deployment does that has never asked Twitch."""
    begin_anew()
    yield
    begin_anew()


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
