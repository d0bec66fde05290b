# SPDX-License-Identifier: Apache-2.0
"""Forty minutes of faults; and each check finds the defect that is planted for it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.soak import beside, checks, truth
from tests.soak.day import CLIENT_SECRET, ENDS_AT, Outcome, soak
from tests.soak.kernel import Fate, Kernel, Worker, sleep
from tests.soak.mix import KINDS, Mix
from tests.soak.reading import LAKE, Left
from tests.soak.simulated import set_apart
from tests.soak.verdict import MARKS, Verdict, judge, renew, table

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")
pytestmark = pytest.mark.filterwarnings("default")

RUNS = 8
MIX = Mix(away=6, refusing=3, jump=-60, jumped=4, twitch=0.08, killed=0.06, frozen=0.04)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return soak(tmp_path_factory.mktemp("soak"), seed=20, runs=RUNS, mix=MIX, streams=250)


@pytest.fixture(scope="module")
def verdict(outcome: Outcome) -> Verdict:
    return judge(outcome)


def test_nothing_is_wrong_after_a_short_soak(outcome: Outcome, verdict: Verdict) -> None:
    assert {name: wrong for name, wrong in verdict.wrong.items() if wrong} == {}
    assert verdict.cells > 10_000
    came = [what for ticks in verdict.came.values() for what in ticks.values()]
    assert {checks.COMPLETE, checks.GAP} <= {*came}
    # What was to go wrong did.
    assert len(outcome.faults.drawn) > 5
    assert min(sum(outcome.faults.away.values()), outcome.bucket.refused["skewed"]) > 0
    assert {"killed", "frozen"} <= outcome.airflow.tries.keys()
    assert len(outcome.tokens) >= 3


def test_the_same_seed_is_the_same_soak(tmp_path: Path) -> None:
    again, other = (
        soak(tmp_path / name, seed=20, runs=2, mix=MIX, streams=60, closes=False) for name in ("one", "two")
    )
    assert again.bucket.requests == other.bucket.requests
    assert again.faults.drawn == other.faults.drawn
    assert again.airflow.tries == other.airflow.tries


def test_a_frozen_try_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        @cached_property
        def value(self) -> float:
            sleep(600.0)
            return kernel.now

    set_apart(monkeypatch)
    kernel = Kernel(datetime(2026, 11, 1, tzinfo=UTC))
    tries = [Worker(kernel, lambda: Slow().value, Fate()) for _ in range(2)]
    done = threading.Thread(target=kernel.run, args=(3600.0,), daemon=True)
    done.start()
    done.join(20)  # of real time: forever, if they share a lock
    assert [each.result for each in tries] == [600.0, 600.0]


@dataclass
class Planted:
    """An object that nobody has published."""

    body: bytes
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.body)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


Objects = dict[str, Any]


@pytest.fixture
def objects(outcome: Outcome) -> Objects:
    """What the soak left, for a defect to be planted in."""
    return dict(outcome.bucket.objects)


def first(objects: Objects, folder: str, ending: str = "") -> str:
    return next(key for key in sorted(objects) if key.startswith(LAKE + folder) and key.endswith(ending))


def alter(objects: Objects, key: str, change: Callable[[Any], Any]) -> None:
    """Change what a JSON object says."""
    says = json.loads(objects[key].body)
    change(says)
    objects[key] = Planted(json.dumps(says).encode())


def with_a_row_twice(body: bytes) -> bytes:
    *lines, last = body.splitlines(keepends=True)
    return b"".join([*lines, last, last])


def states(outcome: Outcome) -> dict[Any, str]:
    return {(run.dag.dag_id, run.run_after): run.state for run in outcome.airflow.runs}


def run_ids(outcome: Outcome) -> dict[Any, str]:
    return {(run.dag.dag_id, run.run_after): run.run_id for run in outcome.airflow.runs}


def test_finds_an_interval_that_nothing_tells_of(outcome: Outcome, objects: Objects) -> None:
    begin = outcome.kernel.begins_at
    assert checks.check_intervals(Left(objects), begin, ENDS_AT, states(outcome)) == []
    del objects[first(objects, "manifests/twitch_all_streams/")]
    gap, state = checks.check_intervals(Left(objects), begin, ENDS_AT, states(outcome))
    assert "is a gap, and completeness says otherwise" in gap
    assert "is a gap, and its run ended with success" in state


@pytest.mark.parametrize("folder", ["top_streams/", "top_games/"])
def test_finds_a_row_that_is_there_twice(objects: Objects, folder: str) -> None:
    assert checks.check_duplicates(Left(objects)) == []
    key = first(objects, folder)
    objects[key] = Planted(with_a_row_twice(objects[key].body))
    (found,) = checks.check_duplicates(Left(objects))
    assert found.startswith(key)


def test_finds_a_row_that_is_compacted_twice(objects: Objects) -> None:
    key, file = first(objects, "compacted/"), io.BytesIO()
    rows = parquet.read_table(pa.BufferReader(objects[key].body))
    parquet.write_table(pa.concat_tables([rows, rows.slice(0, 1)]), file)
    objects[key] = Planted(file.getvalue())
    (found,) = checks.check_duplicates(Left(objects))
    assert found.startswith(key)


@pytest.mark.parametrize(
    ("folder", "ending"),
    [
        ("all_streams/", ".csv.gz"),
        ("raw/", ".jsonl.gz"),
        ("manifests/", ".json"),
        ("metrics/site_hour/", ".parquet"),
        ("latest/", "overview.json"),
        ("reports/", ".html"),
    ],
)
def test_finds_half_an_object(objects: Objects, folder: str, ending: str) -> None:
    assert checks.check_half_written(Left(objects)) == []
    key = first(objects, folder, ending)
    objects[key] = Planted(objects[key].body[: objects[key].size // 2])
    left = Left(objects)
    (found,) = checks.check_half_written(left)
    assert found.startswith(f"{key} is half an object")


def test_finds_a_period_that_nobody_has_ended(objects: Objects) -> None:
    key = first(objects, "metrics/manifests/")
    objects[key] = Planted(b'{"being_written_by": "0123"}')
    (found,) = checks.check_half_written(Left(objects))
    assert "none has ended it" in found


@pytest.mark.parametrize(
    "key",
    [
        "all_streams/dt=2026-11-23/hour=23/streams_data_20261123T235900Z.csv",
        "rejects/top_streams/dt=2026-11-23/hour=23/rejects_20261123T235900Z.csv",
        "metrics/site_hour/dt=2026-11-22/site_hour_01.parquet",
        "compacted/all_streams/dt=2026-11-22/all_streams.parquet",
        "latest/all_streams.csv",
        "elsewhere/any.csv",
    ],
)
def test_finds_an_object_that_no_manifest_accounts_for(objects: Objects, key: str) -> None:
    assert checks.check_accounts(Left(objects)) == []
    objects[LAKE + key] = Planted(b"id\n1\n")
    assert checks.check_accounts(Left(objects)) == [f"{LAKE}{key} is in no manifest"]


def test_counts_the_raw_pages_of_a_try_that_died(objects: Objects) -> None:
    key = f"{LAKE}raw/top_games/dt=2026-11-23/hour=23/pages_20261123T235900Z.jsonl.gz"
    before = checks.leftovers(Left(objects))
    objects[key] = Planted(gzip.compress(b"{}\n"))
    assert {*checks.leftovers(Left(objects))} - {*before} == {key}


def test_finds_an_older_table_under_latest(objects: Objects) -> None:
    key, older = f"{LAKE}latest/top_streams.csv", first(objects, "top_streams/")
    objects[key] = Planted(objects[older].body, dict(objects[key].metadata))
    (found,) = checks.check_accounts(Left(objects))
    assert found.startswith(f"{key} is not the table of")


def test_finds_another_number_under_latest(objects: Objects) -> None:
    key = f"{LAKE}latest/site_by_hour.csv"
    header, row, *rest = objects[key].body.decode().splitlines()
    cells = row.rsplit(",", len(header.split(",")) - 1)
    place = header.split(",").index("hours_watched") - len(header.split(","))
    cells[place] = str(float(cells[place]) + 1)
    objects[key] = Planted("\n".join([header, ",".join(cells), *rest, ""]).encode(), objects[key].metadata)
    assert any("metrics/site_hour" in found for found in checks.check_accounts(Left(objects)))


def test_finds_the_report_of_another_closing(objects: Objects) -> None:
    key = first(objects, "reports/")
    objects[key] = Planted(objects[key].body, {"day-manifest": '"0"'})
    assert checks.check_accounts(Left(objects)) == [f"{key} is not of the day as it is closed"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda says: says["objects"][0].update(sha256="0"), "says of"),
        (lambda says: says["objects"][0].update(rows=7), "says of"),
        (lambda says: next(iter(says["counts"].values())).update(rows_in=7), "does not add up"),
        (lambda says: says.update(run_id="another"), "another run"),
        (lambda says: says.update(scope={}), "tells of another crawl"),
        (lambda says: says.update(complete=not says["complete"]), "says complete"),
        (lambda says: says["objects"].pop(), "not one raw object"),
    ],
)
def test_finds_a_manifest_that_is_not_true(
    outcome: Outcome, objects: Objects, change: Callable[[Any], Any], sentence: str
) -> None:
    assert truth.check_manifests(Left(objects), run_ids(outcome)) == []
    alter(objects, first(objects, "manifests/twitch_all_streams/"), change)
    found = truth.check_manifests(Left(objects), run_ids(outcome))
    assert any(sentence in each for each in found), found


def test_finds_a_manifest_that_was_not_true_for_a_moment(outcome: Outcome) -> None:
    bucket, key = outcome.bucket, first(outcome.bucket.objects, "top_streams/")
    there, before = bucket.objects[key], list(bucket.lies)
    del bucket.objects[key]
    try:
        bucket._watch(key)
        (found,) = bucket.lies[len(before) :]
    finally:
        bucket.objects[key] = there
        bucket.lies[:] = before
    assert f"lists {key}, which was not there" in found


def test_finds_a_complete_crawl_that_lacks_streams(outcome: Outcome, objects: Objects) -> None:
    world = outcome.simulator.twitch.world
    assert truth.check_recall(Left(objects), world) == []
    key = next(
        key
        for key, says in Left(objects).snapshots.items()
        if says["complete"] and says["dag_id"] == "twitch_all_streams" and not says["crawl"]["second_look"]
    )
    (table,) = [each["key"] for each in Left(objects).snapshots[key]["objects"] if each["kind"] == "table"]
    lines = gzip.decompress(objects[table].body).splitlines(keepends=True)
    objects[table] = Planted(gzip.compress(b"".join(lines[:-10])))
    (found,) = truth.check_recall(Left(objects), world)
    assert found.startswith(f"{key} says complete")


def test_finds_a_cell_of_metrics_that_is_not_the_oracles(objects: Objects) -> None:
    key, file = first(objects, "metrics/site_day/"), io.BytesIO()
    rows = parquet.read_table(pa.BufferReader(objects[key].body)).to_pylist()
    rows[0]["viewer_seconds"] += 1
    parquet.write_table(pa.Table.from_pylist(rows), file)
    objects[key] = Planted(file.getvalue())
    _, wrong = truth.check_metrics(Left(objects), [ENDS_AT - timedelta(days=1)])
    (found,) = wrong
    assert found.startswith(f"{key} is not as the oracle says")
    assert "viewer_seconds" in found


def alert(scope: str = "a") -> dict[str, Any]:
    return {"kind": "missed", "scope": scope, "dataset": f"{scope}_streams", "text": "It stopped."}


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([([alert()], []), ([], [alert()]), ([alert()], [])], 0),
        ([([alert()], []), ([alert("b")], [alert()])], 0),
        ([([alert()], []), ([alert()], [])], 1),
        ([([], [alert()])], 1),
    ],
)
def test_finds_an_alert_that_is_told_twice_or_out_of_turn(events: list[Any], found: int) -> None:
    told = [{"alerts": alerts, "all_clears": clears} for alerts, clears in events]
    assert len(beside.check_alerts(told)) == found


def test_finds_that_nobody_was_told() -> None:
    assert beside.check_alerts([], ["all_streams"]) == ["nobody was told that all_streams had stopped"]


def test_finds_too_many_tokens() -> None:
    assert beside.check_tokens(minted=9, forced=5) == []
    assert beside.check_tokens(minted=10, forced=5) != []


def test_finds_a_storm_of_refusals_and_many_small_ones() -> None:
    assert beside.check_rate_limit(10_000, {1: 5, 2: 3}) == []
    assert len(beside.check_rate_limit(10_000, {1: 6})) == 1
    assert len(beside.check_rate_limit(1_000, dict.fromkeys(range(6), 1))) == 1


def test_finds_memory_that_grows() -> None:
    assert beside.check_memory([100, *range(500, 530), *[520] * 4]) == []
    assert beside.check_memory([100 + 2 * hour for hour in range(25)]) != []
    assert beside.check_memory([100, 200]) == []


@pytest.mark.parametrize("where", ["twitch/any", "the log", "the XComs"])
def test_finds_a_secret(where: str) -> None:
    secrets = {"client secret": CLIENT_SECRET}
    assert beside.check_secrets([(where, b"nothing here")], secrets) == []
    for body in (secrets["client secret"].encode(), gzip.compress(secrets["client secret"].encode())):
        (found,) = beside.check_secrets([(where, body)], secrets)
        assert where in found


def test_a_mix_is_read_and_told() -> None:
    mix = Mix.parse("twitch=0.1 jump=-60 expiries=3 kinds=hang:3,half_body")
    assert (mix.twitch, mix.jump, mix.expiries) == (0.1, -60.0, 3)
    assert mix.kinds == {"hang": 3.0, "half_body": 1.0}
    assert Mix.parse(str(mix)) == mix
    assert len(set(KINDS)) == len(KINDS)
    for wrong in ("kinds=nothing", "colour=red", "twitch=much"):
        with pytest.raises(ValueError, match=r"unknown|could not convert"):
            Mix.parse(wrong)


def test_the_table_is_renewed_between_its_marks(outcome: Outcome, verdict: Verdict, tmp_path: Path) -> None:
    page, made = tmp_path / "soak.md", table(outcome, verdict)
    page.write_text(f"# Before\n{MARKS[0]}\nold\n{MARKS[1]}\nAfter.\n")
    renew(page, made)
    assert page.read_text() == f"# Before\n{MARKS[0]}\n{made}\n{MARKS[1]}\nAfter.\n"
    assert "| **found wrong** | **0** |" in made
