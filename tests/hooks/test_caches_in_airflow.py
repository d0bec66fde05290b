# SPDX-License-Identifier: Apache-2.0
"""A Variable of a real Airflow as the cache of tokens."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from twitch_provider.hooks.sessions import forget_shared
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.testing import Simulator

DAGS = Path(__file__).parent / "dags"

# dag.test runs all of Airflow in this process, with warnings of its own.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def variable_cache(twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = json.loads(twitch_connection.connection_json())
    connection["extra"]["auth_cache"] = "variable"
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(connection))


def test_runs_share_one_token_through_a_variable(
    dags_in: Callable[[Path], None], variable_cache: None, twitch_connection: Simulator
) -> None:
    from airflow.models.variable import Variable
    from airflow.utils.session import create_session

    dags_in(DAGS)
    dag = runpy.run_path(str(DAGS / "reads_twitch.py"))["reads_twitch"]()
    for _ in range(3):
        assert str(dag.test().state) == "success"
    assert twitch_connection.counters.tokens_minted == 1
    with create_session() as session:
        (variable,) = session.query(Variable).filter(Variable.key.like("twitch_app_token_%"))
        token = next(iter(twitch_connection.twitch.auth.tokens._expires))
        assert variable.is_encrypted
        assert token not in variable.val
        session.delete(variable)


def test_where_no_variable_can_be_written_each_process_fetches_its_own(
    variable_cache: None, twitch_connection: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("airflow.sdk", reason="Airflow 2 writes Variables wherever it has its database")
    for _ in range(2):
        forget_shared()
        assert len(list(TwitchHook().get_top_games(max_items=5))) == 5
    assert twitch_connection.counters.tokens_minted == 2
    assert "cannot be used (" in caplog.text
