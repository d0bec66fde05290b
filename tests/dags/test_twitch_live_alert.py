# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from twitch_provider.triggers.twitch import TwitchStreamEventTrigger
from twitch_provider.triggers.watch import LiveWatch

PATH = Path(__file__).parents[2] / "dags" / "twitch_live_alert.py"

pytestmark = pytest.mark.filterwarnings("default")  # Airflow's own, while it parses and runs a DAG


@pytest.fixture(scope="module")
def dag(airflow_database: None) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(PATH)
    assert bag.import_errors == {}
    return bag.get_dag("twitch_live_alert")


def watched(dag: Any) -> Any:
    """The asset that the DAG waits for."""
    (asset,) = dag.timetable.asset_condition.objects
    return asset


def test_is_declared_for_readers_and_for_events(dag: Any) -> None:
    assert (dag.catchup, dag.max_active_runs, dag.tags) == (False, 1, {"twitch"})
    assert "Start when a channel goes live" in dag.doc_md
    assert {task.task_id for task in dag.tasks} == {"went_live", "announce"}
    assert {task.pool for task in dag.tasks} == {"default_pool"}


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


def test_announces_what_the_watcher_tells(dag: Any, caplog: pytest.LogCaptureFixture) -> None:
    row = {
        "user_login": "nasa",
        "user_name": "NASA",
        "title": "To the Moon",
        "game_name": "Science & Technology",
        "id": "1",
    }
    (payload,), _ = LiveWatch(["nasa"], 0, emit_current=True).observe(0.0, {"nasa": row})
    asset = watched(dag)
    by_trigger = SimpleNamespace(extra={"from_trigger": True, "payload": json.loads(json.dumps(payload))})
    by_hand = SimpleNamespace(extra={})

    went_live = dag.get_task("went_live").python_callable
    found = went_live({asset: [by_trigger, by_hand]})
    assert found == [payload]
    with caplog.at_level(logging.INFO):
        dag.get_task("announce").python_callable(found[0])
    assert "NASA is live: To the Moon (Science & Technology), https://www.twitch.tv/nasa" in caplog.text


def test_a_run_that_a_person_starts_has_nothing_to_announce(dag: Any) -> None:
    run = dag.test()
    assert {instance.task_id: str(instance.state) for instance in run.get_task_instances()} == {
        "went_live": "success",
        "announce": "skipped",
    }
