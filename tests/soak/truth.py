# SPDX-License-Identifier: Apache-2.0
"""Whether what lies there is true: manifests, crawls that say that they are complete, and metrics.

As in :mod:`.checks`, each function returns a sentence for each thing that is not so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.kills.checker import tick_of
from tests.metrics.oracle import Oracle
from tests.metrics.world import compare
from tests.soak.reading import LAKE, Left, tick_in

from twitch_provider.metrics.tables import TABLES

#: The part of the streams that were live throughout a crawl, and must be in a complete snapshot.
LEAST_RECALL = 0.995


# --- manifests ---------------------------------------------------------------------------------------------


def check_manifests(left: Left, runs: Mapping[tuple[str, datetime], str]) -> list[str]:
    """Every manifest says what is so: of its objects, its rows and its run.

    :param runs: Airflow's id of the run of a DAG and tick
    """
    wrong = []
    for key, says in {**left.snapshots, **left.periods}.items():
        for entry in says["objects"]:
            there = left.objects.get(entry["key"])
            found = None if there is None else (there.size, there.sha256, left.facts[entry["key"]].rows)
            if found != (entry["bytes"], entry["sha256"], entry["rows"]):
                wrong.append(f"{key} says of {entry['key']} what is not so")
    for key, says in left.snapshots.items():
        wrong += [f"{key} {lie}" for lie in _lies(left, key, says)]
        dag_id, tick = says["dag_id"], tick_in(key)
        if tick is None or runs.get((dag_id, tick)) != says["run_id"]:
            wrong.append(f"{key} is of another run than Airflow's of its tick")
    return wrong


def _lies(left: Left, key: str, says: Mapping[str, Any]) -> Iterator[str]:
    entries = says["objects"]
    if {tick_of(entry["key"]) for entry in entries} != {tick_of(key)}:
        yield "lists an object of another tick"
    raw = [entry for entry in entries if entry["kind"] == "raw"]
    if len(raw) != 1 or len({entry["key"] for entry in entries}) != len(entries):
        yield "lists an object twice, or not one raw object"
        return
    facts = left.facts[raw[0]["key"]]
    yield from _lies_about_rows(says, facts.streams)
    report = facts.says["report"]
    if says["crawl"] != report or says["scope"] != facts.says["scope"]:
        yield "tells of another crawl than its raw object"
    if says["complete"] and report is not None and report["complete"] is not True:
        yield "says that it is complete, and its raw object that it is not"
    for entry in entries:
        if entry["kind"] == "table" and ("/incomplete/" in entry["key"]) is says["complete"]:
            yield f"says complete: {says['complete']} of {entry['key']}"


def _lies_about_rows(says: Mapping[str, Any], streams: int) -> Iterator[str]:
    for dataset, counts in says["counts"].items():
        parts = sum(counts[name] for name in ("rows_out", "duplicates", "filtered", "rejects"))
        kinds = {each["kind"]: each["rows"] for each in says["objects"] if each["dataset"] == dataset}
        if counts["rows_in"] != parts or counts["rows_out"] != kinds["table"]:
            yield f"has an account of {dataset} that does not add up"
        if counts["rejects"] != kinds.get("rejects", 0):
            yield f"says {counts['rejects']} rejects of {dataset}"
    rows_in = sum(counts["rows_in"] for counts in says["counts"].values())
    if rows_in != streams:
        yield f"says {rows_in} rows in where the raw pages have {streams}"


def check_recall(left: Left, world: Any) -> list[str]:
    """A complete crawl has (nearly) every stream that was live from its first answer to its last.

    Of one that had no snapshot before it this is not asked: that a list ends early twice is found by looking
    up the broadcasters of the last snapshot.

    :param world: that Twitch served
    """
    wrong = []
    for key, says in left.snapshots.items():
        if says["dag_id"] != "twitch_all_streams" or not says["complete"] or says["crawl"]["second_look"]:
            continue
        first, last = (datetime.fromisoformat(says[name]) for name in ("first_answer_at", "last_answer_at"))
        live = {_id(each) for each in world.at(first).streams} & {
            _id(each) for each in world.at(last).streams
        }
        (table,) = [entry["key"] for entry in says["objects"] if entry["kind"] == "table"]
        found = live & {row["id"] for row in left.rows(table)}
        counts = says["counts"]["all_streams"]
        if len(found) + counts["rejects"] + counts["filtered"] < LEAST_RECALL * len(live):
            wrong.append(f"{key} says complete, and has {len(found)} of {len(live)} streams")
    return wrong


def _id(stream: Any) -> str:
    return str(stream.row["id"])


# --- metrics -----------------------------------------------------------------------------------------------


def check_metrics(left: Left, days: Sequence[datetime]) -> tuple[int, list[str]]:
    """All tables of metrics are those of the oracle; returns how many cells are equal.

    :param days: that are closed, and the hours of which are published
    """
    oracle, cells, wrong = Oracle(left.seen), 0, []
    for name, table in TABLES.items():
        for begin in days if table.period == "day" else _hours(days):
            place = f"dt={begin:%Y-%m-%d}/{table.file_name(begin)}"
            key = f"{LAKE}metrics/{name}/{place}"
            rows = left.table(key) if key in left.objects else []
            try:
                cells += compare(name, rows, oracle.table(name, begin))
            except AssertionError as error:
                wrong.append(f"{key} is not as the oracle says: {str(error).splitlines()[0]:.200}")
    return cells, wrong


def _hours(days: Iterable[datetime]) -> Iterator[datetime]:
    return (day + timedelta(hours=hour) for day in days for hour in range(24))
