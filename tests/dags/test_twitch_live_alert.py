# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from tests.dags.conftest import Triggering, read_dag

from twitch_provider.compat import conf
from twitch_provider.triggers.twitch import TwitchStreamEventTrigger
from twitch_provider.triggers.watch import LiveWatch

PATH = Path(__file__).parents[2] / "dags" / "twitch_live_alert.py"

pytestmark = pytest.mark.filterwarnings("default")  # Airflow's own, while it parses and runs a DAG


@pytest.fixture(scope="module")
def dag(airflow_database: None) -> Any:
    return read_dag("twitch_live_alert")


def watched(dag: Any) -> Any:
    """The asset that the DAG waits for."""
    (asset,) = dag.timetable.asset_condition.objects
    return asset


def test_is_declared_for_readers_and_for_events(dag: Any) -> None:
    assert (dag.catchup, dag.tags) == (False, {"twitch"})
    assert "Start when a channel goes live" in dag.doc_md
    assert {task.task_id for task in dag.tasks} == {"went_live", "announce"}
    assert {task.pool for task in dag.tasks} == {"default_pool"}


def test_an_event_during_a_run_starts_another_run_at_once(dag: Any) -> None:
    assert dag.max_active_runs == conf.getint("core", "max_active_runs_per_dag") > 1
    assert [task.task_id for task in dag.tasks if task.max_active_tis_per_dag or task.depends_on_past] == []


def test_the_documentation_can_cut_it_out() -> None:
    text = PATH.read_text(encoding="utf-8")
    start, end = text.index("# [START twitch_live]"), text.index("# [END twitch_live]")
    assert "AssetWatcher(" in text[start:end]
    assert "@dag(" in text[start:end]


def test_watches_the_channels_for_going_live(dag: Any) -> None:
    (watcher,) = watched(dag).watchers
    trigger = watcher.trigger
    path, kwargs = (
        (trigger["classpath"], trigger["kwargs"]) if isinstance(trigger, dict) else trigger.serialize()
    )
    assert path == f"{TwitchStreamEventTrigger.__module__}.{TwitchStreamEventTrigger.__name__}"
    made = TwitchStreamEventTrigger(**json.loads(json.dumps(kwargs)))
    assert (made.user_logins, made.events) == (["monstercat", "nasa"], ["online"])


def test_announces_what_all_triggering_events_tell(dag: Any, caplog: pytest.LogCaptureFixture) -> None:
    def event(*logins: str) -> dict[str, Any]:
        """As a watcher's, of one poll, as the database keeps it."""
        rows = {
            login: {
                "user_name": "NASA" if login == "nasa" else "",
                "title": "To the Moon",
                "game_name": "Science",
            }
            for login in logins
        }
        events, _ = LiveWatch(logins, 0, emit_current=True).observe(0.0, rows)
        payload = json.loads(json.dumps({"events": events}))
        return {"from_trigger": True, "payload": payload}

    by_hand: dict[str, Any] = {}
    told = Triggering(watched(dag), event("nasa", "esa", "jaxa"), by_hand, event("isro"))
    found = dag.get_task("went_live").python_callable(told)
    assert [channel["user_login"] for channel in found] == ["nasa", "esa", "jaxa", "isro"]
    with caplog.at_level(logging.INFO):
        dag.get_task("announce").python_callable(found[0])
        dag.get_task("announce").python_callable(found[1])
    assert "NASA is live: To the Moon (Science), https://www.twitch.tv/nasa" in caplog.text
    assert "esa is live: To the Moon (Science), https://www.twitch.tv/esa" in caplog.text


def test_a_run_that_a_person_starts_has_nothing_to_announce(dag: Any) -> None:
    run = dag.test()
    assert {instance.task_id: str(instance.state) for instance in run.get_task_instances()} == {
        "went_live": "success",
        "announce": "skipped",
    }
