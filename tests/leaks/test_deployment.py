# SPDX-License-Identifier: Apache-2.0
"""Every DAG and its failures at DEBUG, in supervised tasks: no marked credential lies in anything written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.leaks import deployment
from tests.leaks.deployment import PLANTED, ROOT, TESTED, Deployment
from tests.leaks.jobs import Job
from tests.leaks.search import Finding, findings

DAGS = sorted(path.stem for path in (ROOT / "dags").glob("*.py"))


def with_options(**options: str) -> dict[str, str]:
    return {f"AIRFLOW__TWITCH__{name.upper()}": value for name, value in options.items()}


#: With the states that their tasks end in. Up to the first that is ``ours``, it is anybody's Airflow.
JOBS = [
    (Job("twitch_top_games"), {"success"}),
    # STS answers with a secret access key.
    (Job("twitch_all_streams", {}, with_options(aws_conn_id="aws_role")), {"success"}),
    (Job("twitch_all_streams", ours=True), {"success"}),
    (Job("twitch_live_alert"), {"success", "skipped"}),
    (Job("twitch_viewers_by_language"), {"success"}),
    (Job("twitch_metrics"), {"success", "skipped"}),  # there is nothing to tell
    (Job("twitch_alert_notify"), {"success", "skipped"}),
    (Job("twitch_daily"), {"success", "skipped"}),
    (Job("twitch_rebuild"), {"success"}),
    (Job("twitch_all_streams", {"bucket": "not-there"}), {"failed"}),
    (Job("twitch_all_streams", {}, with_options(twitch_conn_id="twitch_refused")), {"failed"}),
    # A secret that is not a connection: the API server is asked for it too.
    (Job("twitch_all_streams", {}, with_options(twitch_conn_id="twitch_misshapen")), {"failed"}),
    (Job("twitch_all_streams", {}, with_options(twitch_conn_id="twitch_uri")), {"failed"}),
    (Job("leaky"), {"success", "failed"}),
]

#: Each kind of place, by a part of its name; in all of them something was planted.
PLACES = {
    "the log of a task": "task_id=spill/attempt=1.log",
    "the error of a task": "task_id=fail/attempt=1.log",
    "what scheduler and API server print": "stdout",
    "the metadata database": "airflow.db",
    "a file of Airflow's home": "twitch_tokens/unsealed",
    "an object in S3": "s3://lake/twitch/leaky.json.gz",
    "the title of a process": "the title of a process",
}


@pytest.fixture(scope="module")
def deployed(airflow_of_the_dags: None, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return deployment.run(tmp_path_factory.mktemp("airflow"), [job for job, _ in JOBS])


@pytest.fixture(scope="module")
def planted(deployed: Deployment) -> list[Finding]:
    return findings(deployed.texts, [PLANTED])


def test_no_credential_lies_in_anything_that_was_written(deployed: Deployment) -> None:
    assert [str(each) for each in findings(deployed.texts, deployed.marks)] == []


def test_every_dag_ran_and_ended_as_it_should(deployed: Deployment) -> None:
    assert [set(states.values()) for states in deployed.states] == [states for _, states in JOBS]
    assert set(DAGS) < {job.dag_id for job, _ in JOBS}


def test_everything_was_written_at_debug_and_looked_at(deployed: Deployment) -> None:
    texts = dict(deployed.texts)
    logs = b"".join(text for place, text in texts.items() if place.startswith("logs/"))
    assert b'"level":"debug"' in logs
    assert b'"logger":"urllib3.connectionpool"' in logs
    assert b"[debug " in texts["stdout"]
    assert {mark.name for mark in deployed.marks} >= {"session token", "secret access key of a role"}
    assert [place for place in texts if "/manifests/" in place]
    assert [place for place in texts if place.startswith("twitch_tokens/") and len(texts[place]) > 100]
    for dag_id in TESTED:
        assert b"[debug " in texts[f"dags_test_{dag_id}"]
        assert b"state=success" in texts[f"dags_test_{dag_id}"]
    assert b"twitch_edited" in texts["airflow.db"], "nobody edited a connection"
    assert b"Twitch refuses to issue an app token" in texts["stdout"], "nobody pressed the Test button"


@pytest.mark.parametrize("place", PLACES)
def test_a_planted_secret_is_found_in(place: str, planted: list[Finding]) -> None:
    assert [each for each in planted if each.place.startswith(PLACES[place]) or PLACES[place] in each.place]


@pytest.mark.parametrize(
    "table", ["xcom", "rendered_task_instance_fields", "serialized_dag", "log", "connection"]
)
def test_the_tables_of_the_database_are_looked_at(table: str, deployed: Deployment) -> None:
    import sqlite3

    with sqlite3.connect(deployed.home / "airflow.db") as database:
        (rows,) = database.execute(f"select count(*) from {table}").fetchone()  # noqa: S608 - a constant
        assert rows
        if table in {"xcom", "rendered_task_instance_fields"}:
            texts = [(table, str(row).encode()) for row in database.execute(f"select * from {table}")]  # noqa: S608
            assert findings(texts, [PLANTED])


def test_every_airflow_process_reads_our_settings_as_it_begins(
    tmp_path: Path, airflow_of_the_dags: None
) -> None:
    (tmp_path / "config").mkdir()
    ours = (ROOT / "deploy" / "airflow_local_settings.py").read_text()
    (tmp_path / "config" / "airflow_local_settings.py").write_text(ours)
    script = (
        "import airflow.settings as s, logging; s.initialize(); print(logging.getLogger('botocore.parsers')"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{script}.isEnabledFor(logging.DEBUG), logging.getLogger().level)"],
        env=os.environ | {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "False 10" in done.stdout.splitlines()


def test_botocore_keeps_a_level_that_somebody_gave_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    from twitch_provider.aws.quiet import LOGGER, keep_boto_quiet

    logger: Any = logging.getLogger(LOGGER)
    for given, kept in (
        (logging.NOTSET, logging.INFO),
        (logging.DEBUG, logging.DEBUG),
        (logging.ERROR, logging.ERROR),
    ):
        monkeypatch.setattr(logger, "level", given)
        keep_boto_quiet()
        assert logger.level == kept


def test_what_airflow_is_told_to_mask_is_not_in_the_message_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from twitch_provider.aws.quiet import keep_masks_quiet

    comms = pytest.importorskip("airflow.sdk.execution_time.comms", reason="Airflow 2 sends no messages")
    monkeypatch.setattr(comms.MaskSecret.model_fields["value"], "repr", True)
    assert PLANTED.value in repr(comms.MaskSecret(value=PLANTED.value))
    keep_masks_quiet()
    assert PLANTED.value not in repr(comms.MaskSecret(value={"extra": PLANTED.value}))
    assert comms.MaskSecret(value=PLANTED.value).model_dump()["value"] == PLANTED.value
