# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import runpy
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from benchmarks.airflow_cost import in_turns
from benchmarks.report import Facts, Ratio

from benchmarks import airflow_cost
from twitch_provider.testing import Simulator


def test_runs_in_turns_and_returns_the_median_without_the_first_round() -> None:
    called: list[str] = []
    seconds = {"a": iter([90.0, 1.0, 3.0, 2.0]), "b": iter([90.0, 5.0, 5.0, 6.0])}

    def run(name: str) -> float:
        called.append(name)
        return next(seconds[name])

    medians = in_turns({"a": lambda: run("a"), "b": lambda: run("b")}, 3)
    assert called == ["a", "b", "b", "a"] * 2
    assert medians == {"a": 2.0, "b": 5.0}


def test_every_dag_file_is_parsed_against_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_cost, "_parse", lambda path: lambda: 1.0 if path.name == "empty.py" else 2.0)
    ratios = [entry for entry in airflow_cost.parsing(1) if isinstance(entry, Ratio)]
    names = [f"parse {path.name}" for path in sorted(airflow_cost.DAGS.glob("*.py"))]
    assert [ratio.name for ratio in ratios] == names * 2
    assert [ratio.ratio for ratio in ratios] == [1.0] * len(names) + [2.0] * len(names)
    assert {ratio.goal for ratio in ratios} == {1.15, None}


@pytest.mark.filterwarnings("default")
def test_the_file_that_imports_only_the_sdk_is_a_dag(tmp_path: Path) -> None:
    path = tmp_path / "only_sdk.py"
    path.write_text(airflow_cost.ONLY_SDK)
    assert "twitch" not in airflow_cost.ONLY_SDK
    found = runpy.run_path(str(path))["only_sdk"]
    assert callable(found)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("dag_id", "tasks"),
    [("twitch_all_streams", {"crawl"}), ("twitch_top_games", {"extract", "transform", "load"})],
)
def test_the_run_and_the_plain_calls_do_the_same_work(
    dag_id: str,
    tasks: set[str],
    new_bucket: Callable[[str], None],
    s3: Any,
    dags_in: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new_bucket("lake")
    dags_in(airflow_cost.DAGS)
    with Simulator(streams=300) as twitch:
        monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", twitch.connection_json())
        found = airflow_cost.compare(dag_id, 1, datetime.now(UTC), warm_up=0)
    ratio, xcoms = airflow_cost.entries({dag_id: found})
    assert isinstance(ratio, Ratio)
    assert isinstance(xcoms, Facts)
    assert ratio.ours > 0 < ratio.other
    assert {task for _, task, _ in xcoms.rows} == tasks
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="lake")["Contents"]]
    kinds = {
        prefix: Counter(kind(key) for key in keys if key.startswith(prefix)) for prefix in ("plain", "twitch")
    }
    assert kinds["plain"] == kinds["twitch"]
    assert kinds["plain"]["manifests"] == 1


def kind(key: str) -> str:
    """The kind of an object."""
    return key.split("/")[1]
