# SPDX-License-Identifier: Apache-2.0
"""What ``make airflow`` says about itself."""

from __future__ import annotations

from demo.children import ROOT
from demo.local_airflow import DAGS, component_settings, describe
from demo.settings import Lake

KEYS = {"fernet_key": "hunter4", "jwt_secret": "hunter5", "api_secret_key": "hunter6"}


def test_names_every_dag_that_runs() -> None:
    assert {path.stem for path in (ROOT / "dags").glob("*.py")} == set(DAGS)


def test_says_who_listens_where_and_no_secret(local_lake: Lake) -> None:
    settings = component_settings(KEYS, 8080)
    text = describe(local_lake, settings)
    assert "http://127.0.0.1:8080/dags/twitch_top_games" in text
    assert all(f"    {name} " in text for name in DAGS)
    worker, trigger = (
        settings[f"AIRFLOW__LOGGING__{name}_LOG_SERVER_PORT"] for name in ("WORKER", "TRIGGER")
    )
    assert f"log servers ({worker} and {trigger}) listen on all\n  interfaces" in text
    assert "hunter" not in text
