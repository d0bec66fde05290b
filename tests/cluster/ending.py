# SPDX-License-Identifier: Apache-2.0
"""What is looked at when everything has been played: counters, runs, intervals, metrics, a closed day."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pyarrow import parquet
from tests.cluster.runs import ALERT, ALL, DAILY, INTERVAL, METRICS, NOTIFY, TOP, Runs, instant
from tests.kills.checker import tick_of
from tests.metrics.lake import NOON, Lake, stream

#: Prefix of a small lake that is there for ``twitch_daily``: the cluster's own has no day that is over.
OLD = "old"

_LONGEST = 300.0


def look(runs: Runs, *, whole: bool) -> None:
    """Say what the services and Twitch counted, and find what is wrong with it.

    :param runs: of the DAGs
    :param whole: whether everything was played, which gives each worker a task and the triggerer time to ask
    """
    cluster, faults = runs.cluster, runs.faults
    runs.begin()
    for dag_id in (TOP, ALL, ALERT):
        cluster.client.ask("PATCH", f"/dags/{dag_id}", {"is_paused": True})
    counters, worked = cluster.twitch.counters, runs.worked()
    print(f"   Twitch: statuses {dict(counters.statuses)}, tokens minted {counters.tokens_minted}")
    if counters.tokens_minted != 1:
        faults.append(f"{counters.tokens_minted} tokens were fetched, where one serves all workers")
    print(f"   the triggerer asked {runs.watched()} of the last {len(cluster.twitch.log)} times")
    if whole and not runs.watched():
        faults.append("the triggerer does not ask Twitch who is live")
    if counters.statuses[429]:
        faults.append(f"the rate limit did not hold: {counters.statuses[429]} answers 429")
    for name, each in cluster.containers.items():
        print(f"   {name}: {each.memory().pss / 1e6:.0f} MB, started anew {each.restarts()} times")
        if not cluster.is_well(name):
            faults.append(f"{name} is not well at the end")
    print(f"   tries seen on each worker: {dict(worked)}", flush=True)
    if whole:
        faults += [f"{each.name} had no task" for each in cluster.workers if not worked[each.name]]
    for dag_id in (TOP, ALL):
        _look_at_a_log(runs, dag_id)


def look_at_metrics(runs: Runs) -> None:
    """Have metrics computed once more: every interval has a manifest, or they name it as missing.

    :param runs: of the DAGs
    """
    client = runs.cluster.client
    run_id = client.trigger(METRICS)
    if (state := runs.end(METRICS, run_id)["state"]) != "success":
        runs.faults.append(f"{METRICS} {run_id} ended as {state}")
    for dag_id in (TOP, ALL, METRICS, NOTIFY, ALERT):
        states = {run["dag_run_id"]: run["state"] for run in client.runs(dag_id)}
        print(f"   {dag_id}: {len(states)} runs, {[*states.values()].count('failed')} failed")
        for run in client.runs(dag_id):
            if run["state"] == "failed" and not runs.is_excused(run):
                runs.faults.append(f"{dag_id} {run['dag_run_id']} ended as failed")
    bodies = runs.cluster.aws.objects("twitch/")
    told = missing_ticks(json.loads(bodies["twitch/latest/overview.json"]))
    for dag_id, dataset in ((TOP, "top_streams"), (ALL, "all_streams")):
        there = {tick_of(key) for key in bodies if f"/manifests/{dag_id}/" in key}
        gaps = [
            f"{tick:%H:%M}" for tick in _ticks(client.runs(dag_id)) if f"{tick:%Y%m%dT%H%M%SZ}" not in there
        ]
        print(f"   {dag_id}: intervals without a manifest: {', '.join(gaps) or 'none'}", flush=True)
        silent = [gap for gap in gaps if gap not in told.get(dataset, set())]
        runs.faults += [f"metrics do not say that {dag_id} has no snapshot of {gap}" for gap in silent]


def close_a_day(runs: Runs) -> None:
    """Have ``twitch_daily`` close yesterday, of a lake that was there before.

    :param runs: of the DAGs
    """
    cluster = runs.cluster
    day = datetime.now(UTC).date() - timedelta(days=1)
    offset = (datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - NOON) / timedelta(minutes=1)
    lake = Lake()
    for minutes in range(0, 60, 5):
        began = f"{day}T11:00:00Z"
        lake.crawl(
            offset + minutes, [stream("a", 100 + minutes, started_at=began), stream("b", started_at=began)]
        )
    for key, body in lake.store.objects.items():
        moved = body.replace(b'"twitch/', f'"{OLD}/'.encode())
        cluster.aws.put(key.replace("twitch/", f"{OLD}/", 1), moved)
    cluster.client.ask("PATCH", f"/dags/{DAILY}", {"is_paused": False})
    run_id = cluster.client.trigger(DAILY, prefix=OLD, first_day=str(day), last_day=str(day))
    run = runs.end(DAILY, run_id)
    cluster.client.ask("PATCH", f"/dags/{DAILY}", {"is_paused": True})
    took = instant(run["end_date"]) - instant(run["start_date"])
    bodies = cluster.aws.objects(f"{OLD}/")
    completeness = next((body for key, body in bodies.items() if "/completeness/" in key), None)
    report = any("/reports/" in key for key in bodies)
    rows = parquet.read_table(io.BytesIO(completeness)).to_pylist() if completeness else []
    missing = {row["scope"]: row["missing"] for row in rows}
    print(
        f"   {DAILY}: {run['state']} after {took:.0f} s, missing ticks {missing}, report {report}", flush=True
    )
    if run["state"] != "success" or not rows or not report:
        runs.faults.append(f"{DAILY} {run_id} ended as {run['state']} and left {sorted(bodies)[-20:]}")


def missing_ticks(overview: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return which ticks of today and yesterday an overview says are missing, by dataset.

    :param overview: the document
    """
    found: dict[str, set[str]] = {}
    for scope in overview["scopes"]:
        days = (scope["health"]["today"], scope["health"]["yesterday"])
        ticks = {tick[:5] for day in days if day for tick in day["missing_ticks"].split()}
        found[scope["dataset"]] = found.get(scope["dataset"], set()) | ticks
    return found


def _ticks(runs: list[dict[str, Any]]) -> list[datetime]:
    """Every tick from the first scheduled run to the last one."""
    due = [datetime.fromisoformat(run["run_after"]) for run in runs if run["run_type"] == "scheduled"]
    count = round((max(due) - min(due)).total_seconds() / INTERVAL)
    return [min(due) + timedelta(seconds=INTERVAL * number) for number in range(count + 1)]


def _look_at_a_log(runs: Runs, dag_id: str) -> None:
    """Look whether the UI shows what a task wrote, on whichever worker that was."""
    client = runs.cluster.client
    run = next(each for each in client.runs(dag_id) if each["state"] == "success")
    task_id, task = next(iter(client.tasks(dag_id, run["dag_run_id"]).items()))
    text = client.log(dag_id, run["dag_run_id"], task_id, task["try_number"])
    if not all(each in text for each in (f"task_id={task_id}", "Pushing xcom")):
        runs.faults.append(f"the API server shows no log of {dag_id}.{task_id}: {text[:300]}")
