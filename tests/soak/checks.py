# SPDX-License-Identifier: Apache-2.0
"""What must be so after a soak. Each check returns a sentence for each thing that is not."""

from __future__ import annotations

import itertools
import json
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.kills.checker import tick_of
from tests.leaks.search import Mark, findings
from tests.metrics.oracle import Oracle
from tests.metrics.world import compare
from tests.soak.reading import LAKE, Left, tick_in, ticks

from twitch_provider.metrics.tables import TABLES

INTERVAL = timedelta(minutes=5)
#: Which DAG writes which table of streams.
DATASETS = {"twitch_top_games": "top_streams", "twitch_all_streams": "all_streams"}
#: All tables of a DAG.
TABLES_OF = {"twitch_top_games": ("top_streams", "top_games"), "twitch_all_streams": ("all_streams",)}
COMPLETE, INCOMPLETE, GAP = "complete", "incomplete", "gap"

#: The most tokens of a day with two expiries: one of each time, and one to spare.
MOST_TOKENS = 4
#: The share of requests that the rate limit may refuse, as in the benchmarks, and the most in one minute.
MOST_REFUSED, MOST_IN_A_MINUTE = 0.005, 5
#: By how much the memory may have grown from the second quarter of a day to its last.
MOST_GROWTH = 0.10
#: The part of the streams that were live throughout a crawl, and must be in a complete snapshot.
LEAST_RECALL = 0.995


# --- intervals ---------------------------------------------------------------------------------------------


def intervals(left: Left, begin: datetime, end: datetime) -> dict[str, dict[datetime, str]]:
    """Return what each tick of each snapshot DAG came to.

    :param left: of the soak
    :param begin: of the first tick
    :param end: of the time
    """
    found: dict[str, dict[datetime, str]] = {}
    for dag_id in DATASETS:
        there = {tick_in(key): says for key, says in left.snapshots.items() if f"manifests/{dag_id}/" in key}
        found[dag_id] = {
            tick: GAP if tick not in there else COMPLETE if there[tick]["complete"] is True else INCOMPLETE
            for tick in (
                *ticks(begin, end, INTERVAL),
                *sorted(each for each in there if each and each >= end),
            )
        }
    return found


def check_intervals(
    left: Left, begin: datetime, end: datetime, states: Mapping[tuple[str, datetime], str]
) -> list[str]:
    """Each interval is a complete snapshot, an explicit incomplete one, or an explicit gap.

    :param states: how Airflow's run of a DAG and tick ended
    """
    wrong = []
    for dag_id, came in intervals(left, begin, end).items():
        dataset = DATASETS[dag_id]
        said = _said_missing(left, dataset)
        for tick, what in came.items():
            name, state = f"{dag_id} {tick:%Y-%m-%d %H:%M}", states.get((dag_id, tick), "no run")
            if tick < begin or tick >= end:
                continue
            if (what == GAP) != (tick in said):
                wrong.append(f"{name} is a {what}, and completeness says otherwise")
            if (what != GAP) != (state == "success"):
                wrong.append(f"{name} is a {what}, and its run ended with {state}")
    return wrong


def _said_missing(left: Left, dataset: str) -> set[datetime]:
    said = set()
    for key in left.below("metrics/completeness/"):
        for row in left.table(key):
            if row["dataset"] == dataset:
                day = datetime.fromisoformat(f"{row['day']}T00:00:00+00:00")
                for text in (row["missing_ticks"] or "").split():
                    hours, minutes, seconds = map(int, text.split(":"))
                    said.add(day + timedelta(hours=hours, minutes=minutes, seconds=seconds))
    return said


# --- what lies there ---------------------------------------------------------------------------------------


def check_duplicates(left: Left) -> list[str]:
    """No table of a snapshot, and no compacted one, has a row twice."""
    wrong = []
    for key in _tables(left):
        counted = Counter(row["id"] for row in left.rows(key))
        wrong += [f"{key} has {row} {count} times" for row, count in counted.items() if count > 1]
    for key in left.below("compacted/"):
        of_ticks = Counter((row["run_after"], row["id"]) for row in left.table(key))
        wrong += [f"{key} has {row} {count} times" for row, count in of_ticks.items() if count > 1]
    return wrong


def check_half_written(left: Left) -> list[str]:
    """Every object can be read to its end, and no period of metrics is left half published."""
    return [f"{key} is half an object: {facts.broken}" for key, facts in left.facts.items() if facts.broken]


def check_accounts(left: Left) -> list[str]:
    """No table, reject or object under ``latest/`` lies there that no manifest accounts for."""
    listed = {entry["key"] for says in left.snapshots.values() for entry in says["objects"]}
    of_periods = {entry["key"] for says in left.periods.values() for entry in says["objects"]}
    left_over = set(leftovers(left))
    wrong = [
        f"{key} is in no manifest"
        for key in left.objects
        if key not in listed | of_periods | left_over and not key.startswith(_ACCOUNTED_ELSEWHERE)
    ]
    return [*wrong, *_latest(left), *_reports(left)]


#: Manifests themselves, and what the functions below look at.
_ACCOUNTED_ELSEWHERE = tuple(
    LAKE + folder
    for folder in (
        *("manifests/", "latest/", "reports/"),
        *(f"metrics/{name}/" for name in ("manifests", "index", "overview", "alerts")),
        *(f"metrics/{name}/" for name in ("watch", "watch_channels", "detectors")),
    )
)


def leftovers(left: Left) -> list[str]:
    """Return the objects of tries that died, or whose incomplete crawl a complete one has replaced.

    These are raw pages, and what carries the digits of a try under ``incomplete/``: no reader of tables looks
    there. They are counted and told.
    """
    listed = {entry["key"] for says in left.snapshots.values() for entry in says["objects"]}
    return [key for key in (*left.below("raw/"), *left.below("incomplete/")) if key not in listed]


def _latest(left: Left) -> Iterator[str]:
    for dag_id, datasets in TABLES_OF.items():
        newest = {
            says["run_after"]: says
            for key, says in left.snapshots.items()
            if f"manifests/{dag_id}/" in key and says["complete"]
        }
        for dataset in datasets if dag_id == "twitch_top_games" else ():
            key = f"{LAKE}latest/{dataset}.csv"
            stored = left.objects.get(key)
            if stored is None:
                if newest:
                    yield f"{key} is not there"
                continue
            says = newest.get(stored.metadata["run-after"])
            tables = {
                each["dataset"]: each for each in (says or {}).get("objects", ()) if each["kind"] == "table"
            }
            if not says or tables[dataset]["sha256"] != stored.sha256:
                yield f"{key} is not the table of {stored.metadata['run-after']}"
            elif stored.metadata["run-after"] != max(newest):
                yield f"{key} is of {stored.metadata['run-after']}, and {max(newest)} has a complete snapshot"
    known = {f"{LAKE}latest/{name}" for name in _LATEST}
    yield from (f"{key} is in no manifest" for key in left.below("latest/") if key not in known)
    yield from _latest_metrics(left)


_LATEST = (
    *("top_streams.csv", "top_games.csv", "overview.json"),
    *("site_by_hour.csv", "games_by_hour.csv", "channels_today.csv"),
)


def _latest_metrics(left: Left) -> Iterator[str]:
    """What BI tools read has the sums of the published hours."""
    key = f"{LAKE}latest/site_by_hour.csv"
    if key not in left.objects:
        return
    published = {
        (row["scope"], f"{row['hour']:%Y-%m-%dT%H:%M:%SZ}"): (row["viewer_seconds"], row["covered_seconds"])
        for says in left.periods.values()
        for table in (each["key"] for each in says["objects"] if each["table"] == "site_hour")
        for row in left.table(table)
    }
    shown = {
        (row["scope"], row["hour"]): (
            round(float(row["hours_watched"]) * 3600),
            round(float(row["coverage"]) * 3600),
        )
        for row in left.rows(key)
    }
    newest = max((hour for _, hour in shown), default="")[:10]
    for of in sorted(published.keys() | shown.keys()):
        # Yesterday's and today's hours.
        if published.get(of) != shown.get(of) and (of in shown or of[1][:10] == newest):
            yield f"{key} says {shown.get(of)} of {of}, and metrics/site_hour {published.get(of)}"


def _reports(left: Left) -> Iterator[str]:
    for key in left.below("reports/"):
        day = key.split("/dt=")[1].split("/")[0]
        closed = left.objects.get(f"{LAKE}metrics/manifests/dt={day}/day.json")
        if closed is None or left.objects[key].metadata.get("day-manifest") != closed.etag:
            yield f"{key} is not of the day as it is closed"


def _tables(left: Left) -> list[str]:
    return [
        key
        for datasets in TABLES_OF.values()
        for dataset in datasets
        for key in (*left.below(f"{dataset}/"), *left.below(f"incomplete/{dataset}/"))
    ]


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

    :param world: that Twitch served
    """
    wrong = []
    for key, says in left.snapshots.items():
        if says["dag_id"] != "twitch_all_streams" or not says["complete"]:
            continue
        first, last = (datetime.fromisoformat(says[name]) for name in ("first_answer_at", "last_answer_at"))
        live = {_id(each) for each in world.at(first).streams} & {
            _id(each) for each in world.at(last).streams
        }
        (table,) = [entry["key"] for entry in says["objects"] if entry["kind"] == "table"]
        found = live & {row["id"] for row in left.rows(table)}
        rejects = sum(counts["rejects"] for counts in says["counts"].values())
        if len(found) + rejects < LEAST_RECALL * len(live):
            wrong.append(f"{key} says complete, and has {len(found)} of {len(live)} streams")
    return wrong


def _id(stream: Any) -> str:
    return str(stream.row["id"]) if stream.keys.type in {"live", ""} else ""


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


# --- beside the lake ---------------------------------------------------------------------------------------


def check_tokens(minted: int, forced: int, most: int = MOST_TOKENS) -> list[str]:
    """No more tokens were fetched than expiries and false answers of Twitch made necessary.

    :param minted: by Twitch
    :param forced: whose predecessor Twitch refused though it was valid, or whose answer did not arrive
    :param most: beside these
    """
    if minted - forced <= most:
        return []
    return [f"{minted} tokens were fetched, {forced} of them since an answer was false or lost"]


def check_rate_limit(requests: int, refused: Mapping[int, int]) -> list[str]:
    """The rate limit refused hardly any request, and never many at once.

    :param requests: all
    :param refused: by the rate limit itself, by minute
    """
    wrong = [
        f"{count} requests of minute {minute} were answered with 429"
        for minute, count in refused.items()
        if count > MOST_IN_A_MINUTE
    ]
    if (total := sum(refused.values())) > MOST_REFUSED * requests:
        wrong.append(f"{total} of {requests} requests were answered with 429")
    return wrong


def check_memory(resident: Sequence[int]) -> list[str]:
    """The memory of the process does not grow: the last quarter of the hours against the second.

    :param resident: bytes, hour by hour; nothing can be said of less than eight
    """
    quarter = len(resident) // 4
    if quarter < 2:
        return []
    before, after = statistics.median(resident[quarter : 2 * quarter]), statistics.median(resident[-quarter:])
    if after <= before * (1 + MOST_GROWTH):
        return []
    return [f"the memory grew from {before / 1e6:.0f} to {after / 1e6:.0f} MB"]


def check_secrets(texts: Iterable[tuple[str, bytes]], secrets: Mapping[str, str]) -> list[str]:
    """Nothing that is secret lies in what was written or logged, however it is encoded.

    :param texts: names and bytes
    :param secrets: by what to call them
    """
    return [str(each) for each in findings(texts, [Mark(name, value) for name, value in secrets.items()])]


def check_alerts(told: Iterable[Mapping[str, Any]], expected: Iterable[str] = ()) -> list[str]:
    """Each alert is told once, and its all-clear once.

    :param told: what events carried, in order
    :param expected: datasets whose snapshots stopped for long enough
    """
    open_alerts, wrong, datasets = set[str](), list[str](), set[str]()
    for event in told:
        for kind, message in itertools.chain(
            (("alert", each) for each in event["alerts"]),
            (("all-clear", each) for each in event["all_clears"]),
        ):
            name = json.dumps([message.get(part) for part in ("kind", "scope", "series", "name")])
            datasets.add(message["dataset"])
            if (kind == "alert") is (name in open_alerts):
                wrong.append(f"the {kind} {message['text']!r} was told out of turn")
            (open_alerts.add if kind == "alert" else open_alerts.discard)(name)
    return wrong + [f"nobody was told that {name} had stopped" for name in set(expected) - datasets]
