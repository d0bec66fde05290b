# SPDX-License-Identifier: Apache-2.0
"""What must be so after a soak. Each check returns a sentence for each thing that is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from tests.soak.reading import LAKE, Left, tick_in, ticks

INTERVAL = timedelta(minutes=5)
#: Which DAG writes which table of streams.
DATASETS = {"twitch_top_games": "top_streams", "twitch_all_streams": "all_streams"}
#: All tables of a DAG.
TABLES_OF = {"twitch_top_games": ("top_streams", "top_games"), "twitch_all_streams": ("all_streams",)}
COMPLETE, INCOMPLETE, GAP = "complete", "incomplete", "gap"


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
            # A run that is red may have its snapshot: its last try died after the manifest.
            if what == GAP and state == "success":
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
